//! What runs guest code: the processor's own virtualization, or emulation.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Arch;
use crate::host::fs::file;
use crate::host::{self, Os};

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

/// The accelerators to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// The best first; never empty.
    pub all: Vec<Accelerator>,
    /// How the hardware's failed with an earlier VM, where that is why it is not among them.
    pub failed_before: Option<String>,
}

impl From<Vec<Accelerator>> for Candidates {
    fn from(all: Vec<Accelerator>) -> Self {
        Self { all, failed_before: None }
    }
}

/// The accelerators to try for `choice`.
///
/// # Errors
/// One was asked for by name and there is none such.
pub fn candidates(
    choice: Choice,
    arch: Arch,
    os: Os,
    cache: &Path,
    qemu: &Path,
) -> Result<Candidates, Unavailable> {
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

fn select(choice: Choice, os: Os, state: impl FnOnce() -> Hardware) -> Result<Candidates, Unavailable> {
    let hardware = Accelerator::hardware(os);
    let named = match choice {
        Choice::Tcg => return Ok(vec![Accelerator::Tcg].into()),
        Choice::Auto => {
            return Ok(match state() {
                Hardware::Usable => vec![hardware, Accelerator::Tcg].into(),
                Hardware::FailedBefore(why) => {
                    Candidates { all: vec![Accelerator::Tcg], failed_before: Some(why) }
                }
                Hardware::Absent(_) => vec![Accelerator::Tcg].into(),
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
        Hardware::Usable | Hardware::FailedBefore(_) => Ok(vec![named].into()),
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
    format!(
        "{hardware} doesn't work on this host ({reason}); going on with emulation (TCG), which is slow; \
         --accel {} tries it again",
        hardware.to_lowercase()
    )
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

/// Forgets that the hardware's accelerator failed here: it has run a guest.
///
/// # Errors
/// The cache can't be written to.
pub fn forget_failure(cache: &Path, qemu: &Path) -> std::io::Result<()> {
    match recall(cache, qemu) {
        Some(_) => std::fs::remove_file(memory_file(cache)),
        None => Ok(()),
    }
}

/// True when what the hypervisor said before it ended is about this accelerator. All else that keeps it from running
/// (no memory, a file that is missing or locked) would keep it from running with another one, too.
pub fn is_blamed<'a>(accelerator: Accelerator, messages: impl IntoIterator<Item = &'a str>) -> bool {
    let names: &[&str] = match accelerator {
        Accelerator::Kvm => &["kvm"],
        // What Apple calls its errors.
        Accelerator::Hvf => &["hvf", "hv_"],
        Accelerator::Whpx => &["whpx"],
        Accelerator::Tcg | Accelerator::Native => &[],
    };
    let names_it = |word: &str| {
        // The program is `qemu-kvm` in some places, and a path may have any name in it.
        let is_word = !word.starts_with("qemu-") && !word.contains(['/', '\\']);
        let word = word.to_lowercase();
        is_word && names.iter().any(|name| word.contains(name))
    };
    let is_error = |message: &&str| !message.contains("warning:");
    messages.into_iter().filter(is_error).any(|message| message.split_whitespace().any(names_it))
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
        remember_failure(dir.path(), &qemu, "internal error").unwrap();
        forget_failure(dir.path(), Path::new("/other")).unwrap();
        assert!(recall(dir.path(), &qemu).is_some(), "what another QEMU can says nothing of this one");
        for _ in 0..2 {
            forget_failure(dir.path(), &qemu).unwrap();
            assert_eq!(recall(dir.path(), &qemu), None);
        }
    }

    #[test]
    fn an_accelerator_is_blamed_for_its_own_failures_only() {
        use Accelerator::{Hvf, Kvm, Tcg, Whpx};
        for (accelerator, message) in [
            (Kvm, "Could not access KVM kernel module: Permission denied"),
            (Kvm, "qemu-system-x86_64: failed to initialize kvm: No such device"),
            (Kvm, "ioctl(KVM_CREATE_VM) failed: 16 Device or resource busy"),
            (Kvm, "qemu-kvm: target/i386/kvm/kvm.c:3849: kvm_buf_set_msrs: Assertion `ret == 1' failed."),
            (Hvf, "qemu-system-aarch64: -accel hvf: Error: ret = HV_DENIED"),
            (Hvf, "Error: ret = HV_ERROR (0xfae94001, at ../accel/hvf/hvf-accel-ops.c:332)"),
            (Whpx, "WHPX: No accelerator found, hr=00000000"),
        ] {
            assert!(is_blamed(accelerator, ["x", message]), "{message}");
            assert!(!is_blamed(Tcg, [message]), "{message}");
        }
        for message in [
            "qemu-kvm: cannot set up guest memory 'pc.ram': Cannot allocate memory",
            "qemu-kvm: -blockdev {}: Failed to get \"write\" lock",
            "qemu-system-x86_64: Could not open '/home/x/vms/kvm/overlay.qcow2': No such file or directory",
            "qemu-system-x86_64: warning: KVM has no support for that",
            "",
        ] {
            assert!(!is_blamed(Kvm, [message]), "{message}");
        }
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
            assert_eq!(select(Choice::Auto, os, usable).unwrap(), vec![name, Tcg].into());
            let told = Candidates { all: vec![Tcg], failed_before: Some("x".into()) };
            assert_eq!(select(Choice::Auto, os, failed).unwrap(), told);
            assert_eq!(select(Choice::Auto, os, absent).unwrap(), vec![Tcg].into());
            assert_eq!(select(Choice::Tcg, os, usable).unwrap(), vec![Tcg].into());
            assert_eq!(select(choice, os, failed).unwrap(), vec![name].into());
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
