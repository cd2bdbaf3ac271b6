//! The hypervisors of this host.

use std::path::Path;
use std::time::Duration;

use super::accelerator;
use super::accelerator::Accelerator;
use super::apple::krunkit;
use super::apple::krunkit::Krunkit;
use super::apple::rest;
use super::apple::rest::Dialect;
use super::apple::vfkit;
use super::apple::vfkit::Vfkit;
use super::control::Control;
use super::features;
use super::features::Kind;
use super::helpers::gvproxy;
use super::hyperv;
use super::hyperv::Hyperv;
use super::process::{Ready, Start, StartError};
use super::qemu;
use super::qemu::Qemu;
use super::{Arch, Helper, Launch, Machine, apple};
use crate::host::Os;

/// A hypervisor of this host.
#[derive(Debug, Clone)]
pub enum Hypervisor {
    /// QEMU.
    Qemu(Qemu),
    /// vfkit.
    Vfkit(Vfkit),
    /// krunkit.
    Krunkit(Krunkit),
    /// Hyper-V.
    Hyperv(Hyperv),
}

/// There is no such hypervisor.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// Not on this system.
    #[error("--hypervisor {}: {} is not for {}", .0.name(), .0.title(), .1.name())]
    Foreign(Kind, Os),
    /// There is no QEMU.
    #[error(transparent)]
    Qemu(#[from] qemu::FindError),
    /// There is no vfkit or krunkit, or not what it needs.
    #[error(transparent)]
    Apple(#[from] apple::FindError),
    /// Hyper-V can't be used.
    #[error(transparent)]
    Hyperv(#[from] hyperv::FindError),
}

/// A machine can't be described to a hypervisor.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A path is not UTF-8.
    #[error(transparent)]
    Qemu(#[from] qemu::PathNotUtf8),
    /// Of vfkit or krunkit.
    #[error(transparent)]
    Apple(#[from] apple::PlanError),
    /// Of Hyper-V.
    #[error(transparent)]
    Hyperv(#[from] hyperv::PlanError),
}

/// All that a machine's start takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The hypervisor's program and its arguments.
    pub launch: Launch,
    /// Processes that this hypervisor needs beside it.
    pub helpers: Vec<Helper>,
}

impl Hypervisor {
    /// The kind that `choice` means on this system: the first that is there.
    ///
    /// # Errors
    /// None is there; that of the best one.
    pub fn choose(choice: features::Choice, os: Os) -> Result<Kind, FindError> {
        let kinds = choice.kinds(os);
        if (os, kinds) == (Os::Linux, &[Kind::Qemu]) {
            // Whether it is there shows when it is known for what architecture.
            return Ok(Kind::Qemu);
        }
        let arch = Arch::host().unwrap_or(Arch::X86_64);
        let mut first = None;
        for &kind in kinds {
            match Self::find(kind, arch, os) {
                Ok(_) => return Ok(kind),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or(FindError::Foreign(Kind::Qemu, os)))
    }

    /// Finds the hypervisor of this kind for guests of this architecture.
    ///
    /// # Errors
    /// There is none, or it can't be used.
    pub fn find(kind: Kind, arch: Arch, os: Os) -> Result<Self, FindError> {
        match kind {
            _ if !kind.runs_on(os) => Err(FindError::Foreign(kind, os)),
            Kind::Qemu => Ok(Self::Qemu(Qemu::find(arch)?)),
            Kind::Vfkit => Ok(Self::Vfkit(Vfkit::find()?)),
            Kind::Krunkit => Ok(Self::Krunkit(Krunkit::find()?)),
            Kind::Hyperv => Ok(Self::Hyperv(Hyperv::find()?)),
        }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Qemu(_) => Kind::Qemu,
            Self::Vfkit(_) => Kind::Vfkit,
            Self::Krunkit(_) => Kind::Krunkit,
            Self::Hyperv(_) => Kind::Hyperv,
        }
    }

    /// Its program.
    pub fn program(&self) -> &Path {
        match self {
            Self::Qemu(qemu) => &qemu.program,
            Self::Vfkit(vfkit) => &vfkit.program,
            Self::Krunkit(krunkit) => &krunkit.program,
            Self::Hyperv(hyperv) => &hyperv.program,
        }
    }

    /// The accelerators to try.
    ///
    /// # Errors
    /// The one that was asked for is not there.
    pub fn accelerators(
        &self,
        choice: accelerator::Choice,
        arch: Arch,
        os: Os,
        cache: &Path,
    ) -> Result<accelerator::Candidates, accelerator::Unavailable> {
        if self.kind().features(os).accelerators {
            accelerator::candidates(choice, arch, os, cache, self.program())
        } else {
            Ok(vec![Accelerator::Native].into())
        }
    }

    /// What to start for this machine: a pure function of its arguments.
    ///
    /// # Errors
    /// The hypervisor can't be told of such a machine.
    pub fn plan(&self, machine: &Machine, accelerator: Accelerator) -> Result<Plan, PlanError> {
        let network = |program| {
            let runtime = machine.runtime();
            vec![gvproxy::helper(program, runtime, runtime.join("gvproxy.log"))]
        };
        Ok(match self {
            Self::Qemu(qemu) => Plan { launch: qemu::launch(qemu, machine, accelerator)?, helpers: vec![] },
            Self::Vfkit(vfkit) => {
                Plan { launch: vfkit::launch(vfkit, machine)?, helpers: network(&vfkit.gvproxy) }
            }
            Self::Krunkit(krunkit) => {
                Plan { launch: krunkit::launch(krunkit, machine)?, helpers: network(&krunkit.gvproxy) }
            }
            Self::Hyperv(hyperv) => Plan { launch: hyperv::launch(hyperv, machine)?, helpers: vec![] },
        })
    }

    /// Starts what was planned, and waits until it answers. Given up, its process ends.
    ///
    /// # Errors
    /// It can't be started, ends at once, or doesn't answer in time.
    pub async fn start(
        &self,
        plan: &Plan,
        machine: &Machine,
        log: &Path,
    ) -> Result<Ready<Control>, StartError> {
        let name = self.kind().title();
        let start = Start { name, launch: &plan.launch, machine, log };
        let start = async {
            match self {
                Self::Qemu(qemu) => Ok(qemu::start(start, qemu).await?.map(Control::Qemu)),
                Self::Vfkit(_) => Ok(rest::start(start, Dialect::Vfkit).await?.map(Control::Rest)),
                Self::Krunkit(_) => Ok(rest::start(start, Dialect::Krunkit).await?.map(Control::Rest)),
                Self::Hyperv(hyperv) => Ok(hyperv::start(start, hyperv).await?.map(Control::Hyperv)),
            }
        };
        let time = self.start_time();
        match tokio::time::timeout(time, start).await {
            Ok(started) => started,
            Err(_) => {
                self.give_up(machine).await;
                Err(StartError::Silent { name, time })
            }
        }
    }

    /// Clears away after a start that was given up: its process has ended, but it may have made a machine.
    pub async fn give_up(&self, machine: &Machine) {
        match self {
            Self::Qemu(_) | Self::Vfkit(_) | Self::Krunkit(_) => {}
            Self::Hyperv(hyperv) => hyperv::give_up(hyperv, machine).await,
        }
    }

    /// Ends the machine of this name and disk that a supervisor left which was killed, where one goes on without it.
    ///
    /// # Errors
    /// Nobody can be told to.
    pub fn end_left(kind: Kind, name: &str, disk: &Path) -> Result<(), FindError> {
        match kind {
            Kind::Qemu | Kind::Vfkit | Kind::Krunkit => Ok(()),
            Kind::Hyperv => Ok(hyperv::remove_left(name, disk)?),
        }
    }

    /// It answers within this of its start, on the slowest host. Longer is a driver that is stuck.
    fn start_time(&self) -> Duration {
        match self {
            Self::Qemu(_) | Self::Vfkit(_) | Self::Krunkit(_) => Duration::from_secs(60),
            // Several commands of PowerShell, the first of which loads all of Hyper-V's.
            Self::Hyperv(_) => Duration::from_secs(180),
        }
    }
}
