//! What runs guest code: the processor's own virtualization, or emulation.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Arch;
use crate::host::{self, Os, file};

/// What runs guest code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// The Linux kernel's virtualization.
    Kvm,
    /// macOS' Hypervisor.framework.
    Hvf,
    /// The Windows Hypervisor Platform.
    Whpx,
    /// Emulation by QEMU; works everywhere, about ten times slower.
    Tcg,
    /// That of a hypervisor that has no other.
    Native,
}

impl Accelerator {
    /// Its name in QEMU.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Hvf => "hvf",
            Self::Whpx => "whpx",
            Self::Tcg => "tcg",
            Self::Native => "native",
        }
    }

    /// The processor's own virtualization, as QEMU has it on this system.
    pub fn hardware(os: Os) -> Self {
        match os {
            Os::Linux => Self::Kvm,
            Os::Macos => Self::Hvf,
            Os::Windows => Self::Whpx,
        }
    }

    /// True for the processor's own virtualization.
    pub fn is_hardware(self) -> bool {
        self != Self::Tcg
    }
}

/// `--accel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// The processor's own virtualization when it works here, else TCG.
    #[default]
    Auto,
    /// KVM (Linux) or nothing.
    Kvm,
    /// Hypervisor.framework (macOS) or nothing.
    Hvf,
    /// The Windows Hypervisor Platform or nothing.
    Whpx,
    /// Emulation.
    Tcg,
}

/// The accelerator that was asked for can't be used, and nothing else is allowed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(String);

/// What was learnt of an accelerator on this host; it holds while kernel and QEMU stay the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Memory {
    version: u32,
    /// `uname -r`.
    kernel: String,
    /// The QEMU program.
    qemu: PathBuf,
    /// Its size and time of change: another build is another program.
    qemu_stamp: String,
    /// How KVM, or what this system has in its place, failed.
    kvm_failure: String,
}

const MEMORY_VERSION: u32 = 1;
const KVM_DEVICE: &str = "/dev/kvm";

/// The accelerators to try for `choice`, best first; never empty.
///
/// # Errors
/// One was asked for by name and there is none such.
pub fn candidates(
    choice: Choice,
    arch: Arch,
    os: Os,
    cache: &Path,
    qemu: &Path,
) -> Result<Vec<Accelerator>, Unavailable> {
    select(choice, os, || match os {
        Os::Linux => kvm_state(arch, cache, qemu),
        // Whether it works shows when it is tried.
        Os::Macos | Os::Windows => match (foreign(arch), recall(cache, qemu)) {
            (Some(why), _) => Hardware::Absent(why),
            (None, Some(failure)) => Hardware::FailedBefore(failure),
            (None, None) => Hardware::Usable,
        },
    })
}

fn select(choice: Choice, os: Os, state: impl FnOnce() -> Hardware) -> Result<Vec<Accelerator>, Unavailable> {
    let hardware = Accelerator::hardware(os);
    let named = match choice {
        Choice::Tcg => return Ok(vec![Accelerator::Tcg]),
        Choice::Auto => {
            return Ok(match state() {
                Hardware::Usable => vec![hardware, Accelerator::Tcg],
                Hardware::FailedBefore(_) | Hardware::Absent(_) => vec![Accelerator::Tcg],
            });
        }
        Choice::Kvm => Accelerator::Kvm,
        Choice::Hvf => Accelerator::Hvf,
        Choice::Whpx => Accelerator::Whpx,
    };
    let unavailable = |why: &str| {
        let name = named.name();
        Unavailable(format!("--accel {name}: {why}; leave the flag out to go on with emulation"))
    };
    if named != hardware {
        return Err(Unavailable(format!(
            "--accel {}: there is none on {}, which has {}",
            named.name(),
            os.name(),
            hardware.name()
        )));
    }
    match state() {
        // Asked for by name, it gets its chance even where it failed before.
        Hardware::Usable | Hardware::FailedBefore(_) => Ok(vec![named]),
        Hardware::Absent(why) => Err(unavailable(&why)),
    }
}

/// Why no hardware of this machine runs such a guest's code.
fn foreign(arch: Arch) -> Option<String> {
    (Arch::host() != Some(arch)).then(|| format!("the image is for {}, this machine is not", arch.name()))
}

/// What is known of the hardware's accelerator here, without starting anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hardware {
    /// It is there and no failure is known.
    Usable,
    /// It is there, but a VM failed with it, as the text says.
    FailedBefore(String),
    /// There is none, for the reason that the text gives.
    Absent(String),
}

/// Looks at KVM's device and at what earlier VMs taught.
pub fn kvm_state(arch: Arch, cache: &Path, qemu: &Path) -> Hardware {
    if let Some(why) = foreign(arch) {
        return Hardware::Absent(why);
    }
    if !Path::new(KVM_DEVICE).exists() {
        return Hardware::Absent(format!("there is no {KVM_DEVICE}"));
    }
    if !host::can_open_read_write(Path::new(KVM_DEVICE)) {
        return Hardware::Absent(format!(
            "you may not open {KVM_DEVICE}; add yourself to its group (often `kvm`)"
        ));
    }
    match recall(cache, qemu) {
        Some(failure) => Hardware::FailedBefore(failure),
        None => Hardware::Usable,
    }
}

/// What to tell the user when the hardware's accelerator gave way to emulation.
pub fn fallback_message(reason: &str) -> String {
    let hardware = Accelerator::hardware(Os::current()).name().to_uppercase();
    let reason = brief(reason);
    format!("{hardware} doesn't work on this host ({reason}); going on with emulation (TCG), which is slow")
}

/// The first of the hypervisor's messages: the others are consequences.
pub fn brief(reason: &str) -> &str {
    reason.split("; ").next().unwrap_or(reason)
}

/// Remembers that the hardware's accelerator failed here, so that the next VM doesn't try it again.
///
/// # Errors
/// The cache can't be written to.
pub fn remember_failure(cache: &Path, qemu: &Path, failure: &str) -> Result<(), file::Error> {
    file::write_json(
        &memory_file(cache),
        &Memory {
            version: MEMORY_VERSION,
            kernel: host::kernel_release(),
            qemu: qemu.to_owned(),
            qemu_stamp: stamp(qemu),
            kvm_failure: failure.to_owned(),
        },
    )
}

fn recall(cache: &Path, qemu: &Path) -> Option<String> {
    // A memory that can't be read is no memory: the worst is one more failed try.
    let memory: Memory = file::read_json(&memory_file(cache), MEMORY_VERSION).ok()?;
    let holds =
        memory.kernel == host::kernel_release() && memory.qemu == qemu && memory.qemu_stamp == stamp(qemu);
    holds.then_some(memory.kvm_failure)
}

fn memory_file(cache: &Path) -> PathBuf {
    cache.join("accelerator.json")
}

fn stamp(program: &Path) -> String {
    let stamp = || {
        let metadata = std::fs::metadata(program).ok()?;
        let changed = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(format!("{}-{}", metadata.len(), changed.as_secs()))
    };
    stamp().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_remembered_until_qemu_changes() {
        let dir = tempfile::tempdir().unwrap();
        let qemu = dir.path().join("qemu");
        std::fs::write(&qemu, "one").unwrap();
        assert_eq!(recall(dir.path(), &qemu), None);
        remember_failure(dir.path(), &qemu, "internal error").unwrap();
        assert_eq!(recall(dir.path(), &qemu).as_deref(), Some("internal error"));
        std::fs::write(&qemu, "other build").unwrap();
        assert_eq!(recall(dir.path(), &qemu), None);
    }

    #[test]
    fn each_system_has_its_own() {
        let usable = || Hardware::Usable;
        let failed = || Hardware::FailedBefore("x".into());
        let absent = || Hardware::Absent("there is none".into());
        use Accelerator::{Hvf, Kvm, Tcg, Whpx};
        for (os, choice, name) in
            [(Os::Linux, Choice::Kvm, Kvm), (Os::Macos, Choice::Hvf, Hvf), (Os::Windows, Choice::Whpx, Whpx)]
        {
            assert_eq!(select(Choice::Auto, os, usable).unwrap(), [name, Tcg]);
            assert_eq!(select(Choice::Auto, os, failed).unwrap(), [Tcg]);
            assert_eq!(select(Choice::Auto, os, absent).unwrap(), [Tcg]);
            assert_eq!(select(Choice::Tcg, os, usable).unwrap(), [Tcg]);
            assert_eq!(select(choice, os, failed).unwrap(), [name]);
            let error = select(choice, os, absent).unwrap_err().to_string();
            assert!(error.contains("there is none") && error.contains("emulation"), "{error}");
        }
        let error = select(Choice::Kvm, Os::Macos, usable).unwrap_err().to_string();
        assert!(error.contains("macOS") && error.contains("hvf"), "{error}");
    }

    #[test]
    fn a_damaged_memory_is_no_memory() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(memory_file(dir.path()), "{").unwrap();
        assert_eq!(recall(dir.path(), Path::new("/x")), None);
    }
}
