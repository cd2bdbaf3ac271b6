//! Calls the code of the chosen hypervisor.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::accelerator::{self, Accelerator};
use super::apple::krunkit::{self, Krunkit};
use super::apple::rest::{self, Program};
use super::apple::vfkit::{self, Vfkit};
use super::control::Control;
use super::features::{self, Kind};
use super::helpers::gvproxy;
use super::hyperv::{self, Hyperv};
use super::process::{Ready, Start, StartError};
use super::qemu::{self, Qemu};
use super::{Arch, Helper, Launch, Machine, apple};
use crate::host::Os;

/// A hypervisor that is installed on this host.
#[derive(Debug, Clone)]
pub enum Hypervisor {
    Qemu(Qemu),
    Vfkit(Vfkit),
    Krunkit(Krunkit),
    Hyperv(Hyperv),
}

/// The hypervisor is not installed or not usable.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("--hypervisor {}: {} is not for {}", .0.name(), .0.title(), .1.name())]
    Foreign(Kind, Os),
    #[error(transparent)]
    Qemu(#[from] qemu::FindError),
    #[error(transparent)]
    Apple(#[from] apple::FindError),
    #[error(transparent)]
    Hyperv(#[from] hyperv::FindError),
}

/// A hypervisor can't run this machine.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    Qemu(#[from] qemu::PathNotUtf8),
    #[error(transparent)]
    Apple(#[from] apple::PlanError),
    #[error(transparent)]
    Hyperv(#[from] hyperv::PlanError),
}

/// The programs to start for a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub launch: Launch,
    /// The helpers that this kind of hypervisor always needs.
    pub helpers: Vec<Helper>,
}

impl Hypervisor {
    /// Returns the first installed kind that `choice` allows on this system.
    ///
    /// # Errors
    /// None is installed. The error is about the preferred kind.
    pub fn choose(choice: features::Choice, os: Os) -> Result<Kind, FindError> {
        let kinds = choice.kinds(os);
        if (os, kinds) == (Os::Linux, &[Kind::Qemu]) {
            // The program depends on the guest's architecture, which is not known yet.
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
    pub fn find(kind: Kind, arch: Arch, os: Os) -> Result<Self, FindError> {
        match kind {
            _ if !kind.runs_on(os) => Err(FindError::Foreign(kind, os)),
            Kind::Qemu => Ok(Self::Qemu(Qemu::find(arch)?)),
            Kind::Vfkit => Ok(Self::Vfkit(Vfkit::find()?)),
            Kind::Krunkit => Ok(Self::Krunkit(Krunkit::find()?)),
            Kind::Hyperv => Ok(Self::Hyperv(Hyperv::find()?)),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Qemu(_) => Kind::Qemu,
            Self::Vfkit(_) => Kind::Vfkit,
            Self::Krunkit(_) => Kind::Krunkit,
            Self::Hyperv(_) => Kind::Hyperv,
        }
    }

    pub fn program(&self) -> &Path {
        match self {
            Self::Qemu(qemu) => &qemu.program,
            Self::Vfkit(vfkit) => &vfkit.program,
            Self::Krunkit(krunkit) => &krunkit.program,
            Self::Hyperv(hyperv) => &hyperv.program,
        }
    }

    /// Returns the accelerators to try.
    ///
    /// # Errors
    /// The user chose one by name, and this host doesn't have it.
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

    /// Plans the programs for this machine: a pure function of its arguments.
    ///
    /// # Errors
    /// The hypervisor can't run such a machine.
    pub fn plan(&self, machine: &Machine, accelerator: Accelerator) -> Result<Plan, PlanError> {
        let network = |program| {
            let runtime = machine.runtime();
            vec![gvproxy::helper(
                program,
                runtime,
                runtime.join("gvproxy.log"),
            )]
        };
        let mut plan = match self {
            Self::Qemu(qemu) => Plan {
                launch: qemu::launch(qemu, machine, accelerator)?,
                helpers: vec![],
            },
            Self::Vfkit(vfkit) => Plan {
                launch: vfkit::launch(vfkit, machine)?,
                helpers: network(&vfkit.gvproxy),
            },
            Self::Krunkit(krunkit) => Plan {
                launch: krunkit::launch(krunkit, machine)?,
                helpers: network(&krunkit.gvproxy),
            },
            Self::Hyperv(hyperv) => Plan {
                launch: hyperv::launch(hyperv, machine)?,
                helpers: vec![],
            },
        };
        let arguments = machine.arguments.iter().map(OsString::from);
        plan.launch.args.extend(arguments);
        Ok(plan)
    }

    /// Starts the planned hypervisor and waits until it answers. Its process ends if the caller
    /// drops the future.
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
        let start = Start {
            name,
            launch: &plan.launch,
            machine,
            log,
        };
        let start = async {
            match self {
                Self::Qemu(qemu) => Ok(qemu::start(start, qemu).await?.map(Control::Qemu)),
                Self::Vfkit(_) => Ok(rest::start(start, Program::Vfkit).await?.map(Control::Rest)),
                Self::Krunkit(_) => Ok(rest::start(start, Program::Krunkit)
                    .await?
                    .map(Control::Rest)),
                Self::Hyperv(hyperv) => {
                    Ok(hyperv::start(start, hyperv).await?.map(Control::Hyperv))
                }
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

    /// Cleans up after a dropped start: the hypervisor's process has ended, but it may have created
    /// a machine.
    pub async fn give_up(&self, machine: &Machine) {
        match self {
            Self::Qemu(_) | Self::Vfkit(_) | Self::Krunkit(_) => {}
            Self::Hyperv(hyperv) => hyperv::give_up(hyperv, machine).await,
        }
    }

    /// Removes the machine with this name and disk if it still runs after its supervisor was
    /// killed.
    ///
    /// # Errors
    /// Hyper-V can't be used.
    pub fn remove_orphan(kind: Kind, name: &str, disk: &Path) -> Result<(), FindError> {
        match kind {
            Kind::Qemu | Kind::Vfkit | Kind::Krunkit => Ok(()),
            Kind::Hyperv => Ok(hyperv::remove_orphan(name, disk)?),
        }
    }

    /// The time limit for its first answer, for the slowest host. After that, a driver must be
    /// stuck.
    fn start_time(&self) -> Duration {
        match self {
            Self::Qemu(_) | Self::Vfkit(_) | Self::Krunkit(_) => Duration::from_secs(60),
            // The script runs several commands, and the first one loads the whole Hyper-V module.
            Self::Hyperv(_) => Duration::from_secs(180),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::sample_machine;

    #[test]
    fn the_users_arguments_come_last() {
        let (program, gvproxy) = (|| "/program".into(), || "/gvproxy".into());
        let qemu = Qemu {
            program: program(),
            arch: Arch::Aarch64,
            version: (10, 0),
            os: Os::Macos,
        };
        let vfkit = Vfkit {
            program: program(),
            gvproxy: gvproxy(),
        };
        let krunkit = Krunkit {
            program: program(),
            gvproxy: gvproxy(),
        };
        for hypervisor in [
            Hypervisor::Qemu(qemu),
            Hypervisor::Vfkit(vfkit),
            Hypervisor::Krunkit(krunkit),
        ] {
            let mut machine = sample_machine();
            let args = |machine: &Machine| {
                let plan = hypervisor.plan(machine, Accelerator::Native).unwrap();
                plan.launch.args
            };
            let mut expected = args(&machine);
            machine.arguments = vec!["-device".into(), "a b,c".into()];
            expected.extend(["-device".into(), "a b,c".into()]);
            assert_eq!(args(&machine), expected, "{:?}", hypervisor.kind());
        }
    }
}
