//! The accelerator: the processor's virtualization or emulation.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Arch;
use crate::host::fs::file;
use crate::host::{self, Os};

/// The way that guest code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// On Linux.
    Kvm,
    /// Hypervisor.framework, on macOS.
    Hvf,
    /// The Windows Hypervisor Platform.
    Whpx,
    /// Emulation by QEMU, about ten times slower. Works everywhere.
    Tcg,
    /// The hypervisor's only accelerator.
    Native,
}

impl Accelerator {
    /// The name in QEMU.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Hvf => "hvf",
            Self::Whpx => "whpx",
            Self::Tcg => "tcg",
            Self::Native => "native",
        }
    }

    /// The processor's virtualization, as QEMU uses it on this system.
    pub fn hardware(os: Os) -> Self {
        match os {
            Os::Linux => Self::Kvm,
            Os::Macos => Self::Hvf,
            Os::Windows => Self::Whpx,
        }
    }

    /// Whether it uses the processor's virtualization.
    pub fn is_hardware(self) -> bool {
        self != Self::Tcg
    }
}

/// The value of `--accel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// The processor's virtualization if it works on this host, otherwise TCG.
    #[default]
    Auto,
    /// KVM (Linux), without a fallback.
    Kvm,
    /// Hypervisor.framework (macOS), without a fallback.
    Hvf,
    /// The Windows Hypervisor Platform, without a fallback.
    Whpx,
    /// Emulation.
    Tcg,
}

/// The accelerator that the user chose by name can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(String);

/// The failure of the hardware's accelerator on this host, valid for one kernel and one QEMU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KnownFailure {
    version: u32,
    /// `uname -r`.
    kernel: String,
    qemu: PathBuf,
    /// The program's size and modification time, which differ between builds.
    qemu_stamp: String,
    /// The message of KVM's failure, or of this system's counterpart.
    kvm_failure: String,
}

const VERSION: u32 = 1;
const KVM_DEVICE: &str = "/dev/kvm";

/// The accelerators to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// The preferred one first. Never empty.
    pub all: Vec<Accelerator>,
    /// The reason why the hardware's accelerator is not among them although it exists.
    pub exclusion: Option<String>,
}

impl From<Vec<Accelerator>> for Candidates {
    fn from(all: Vec<Accelerator>) -> Self {
        Self {
            all,
            exclusion: None,
        }
    }
}

/// Returns the accelerators to try for `choice`.
///
/// # Errors
/// The choice is a name, and this host has no such accelerator.
pub fn candidates(
    choice: Choice,
    arch: Arch,
    os: Os,
    cache: &Path,
    qemu: &Path,
) -> Result<Candidates, Unavailable> {
    select(choice, os, || match os {
        Os::Linux => kvm_state(arch, cache, qemu),
        // Only a try shows whether it works.
        Os::Macos | Os::Windows => match (foreign(arch), recall(cache, qemu)) {
            (Some(why), _) => Hardware::Absent(why),
            (None, Some(failure)) => Hardware::Broken(failure),
            (None, None) => Hardware::Usable,
        },
    })
}

fn select(
    choice: Choice,
    os: Os,
    state: impl FnOnce() -> Hardware,
) -> Result<Candidates, Unavailable> {
    let hardware = Accelerator::hardware(os);
    let named = match choice {
        Choice::Tcg => return Ok(vec![Accelerator::Tcg].into()),
        Choice::Auto => {
            return Ok(match state() {
                Hardware::Usable => vec![hardware, Accelerator::Tcg].into(),
                Hardware::Broken(why) => Candidates {
                    all: vec![Accelerator::Tcg],
                    exclusion: Some(why),
                },
                Hardware::Absent(_) => vec![Accelerator::Tcg].into(),
            });
        }
        Choice::Kvm => Accelerator::Kvm,
        Choice::Hvf => Accelerator::Hvf,
        Choice::Whpx => Accelerator::Whpx,
    };
    let unavailable = |why: &str| {
        let name = named.name();
        Unavailable(format!(
            "--accel {name}: {why}; leave out the flag to use emulation"
        ))
    };
    if named != hardware {
        return Err(Unavailable(format!(
            "--accel {}: not available on {}; use --accel {}",
            named.name(),
            os.name(),
            hardware.name()
        )));
    }
    match state() {
        // A user who names an accelerator may know better.
        Hardware::Usable | Hardware::Broken(_) => Ok(vec![named].into()),
        Hardware::Absent(why) => Err(unavailable(&why)),
    }
}

/// Returns the reason why this host's processor can't run the guest's code, if the architectures
/// differ.
fn foreign(arch: Arch) -> Option<String> {
    (Arch::host() != Some(arch))
        .then(|| format!("the image is for {}, this host is not", arch.name()))
}

/// The state of the hardware's accelerator, as far as we know without starting a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hardware {
    /// It exists, and no failure is known.
    Usable,
    /// It exists, but a VM failed with this message, or the processor can't run a guest.
    Broken(String),
    /// It doesn't exist, for this reason.
    Absent(String),
}

/// Checks KVM's device, the processor and the failures of earlier VMs.
pub fn kvm_state(arch: Arch, cache: &Path, qemu: &Path) -> Hardware {
    if let Some(why) = foreign(arch) {
        return Hardware::Absent(why);
    }
    if !Path::new(KVM_DEVICE).exists() {
        return Hardware::Absent(format!("{KVM_DEVICE} doesn't exist"));
    }
    if !host::can_open_read_write(Path::new(KVM_DEVICE)) {
        return Hardware::Absent(format!(
            "you may not open {KVM_DEVICE}; add yourself to its group (often `kvm`)"
        ));
    }
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if lacks_virtualization(&cpuinfo) {
        return Hardware::Broken("the processor has no vmx or svm flag".into());
    }
    match recall(cache, qemu) {
        Some(failure) => Hardware::Broken(failure),
        None => Hardware::Usable,
    }
}

/// Returns true for an x86 processor that can't run a guest's kernel. The device opens all the same
/// on kernels that offer a replacement (PVM), which only kernels made for it can use.
fn lacks_virtualization(cpuinfo: &str) -> bool {
    // Other architectures have no line with flags.
    let mut flags = cpuinfo
        .lines()
        .filter_map(|line| {
            line.split_once(':')
                .filter(|(key, _)| key.trim() == "flags")
        })
        .peekable();
    flags.peek().is_some()
        && !flags.any(|(_, flags)| flags.split(' ').any(|flag| matches!(flag, "vmx" | "svm")))
}

/// The message about the fallback to emulation.
pub fn fallback_message(reason: &str) -> String {
    let hardware = Accelerator::hardware(Os::current()).name().to_uppercase();
    let reason = brief(reason);
    format!(
        "{hardware} doesn't work on this host ({reason}); falling back to emulation (TCG), which is slow. \
         Use --accel {} to try {hardware} again",
        hardware.to_lowercase()
    )
}

/// Returns the first of the hypervisor's messages. The others are consequences of it.
pub fn brief(reason: &str) -> &str {
    reason.split("; ").next().unwrap_or(reason)
}

/// Remembers the failure of the hardware's accelerator, so that the next VM doesn't try it again.
pub fn remember_failure(cache: &Path, qemu: &Path, failure: &str) -> Result<(), file::Error> {
    file::write_json(
        &failure_file(cache),
        &KnownFailure {
            version: VERSION,
            kernel: host::kernel_release(),
            qemu: qemu.to_owned(),
            qemu_stamp: stamp(qemu),
            kvm_failure: failure.to_owned(),
        },
    )
}

/// Forgets the failure of the hardware's accelerator after it has run a guest.
pub fn forget_failure(cache: &Path, qemu: &Path) -> std::io::Result<()> {
    match recall(cache, qemu) {
        Some(_) => std::fs::remove_file(failure_file(cache)),
        None => Ok(()),
    }
}

/// Whether the hypervisor's last messages are about this accelerator. All other causes of its end
/// (no memory, a missing or locked file) would stop it with another accelerator, too.
pub fn is_blamed<'a>(
    accelerator: Accelerator,
    messages: impl IntoIterator<Item = &'a str>,
) -> bool {
    let names: &[&str] = match accelerator {
        Accelerator::Kvm => &["kvm"],
        // Apple's error codes begin with HV_.
        Accelerator::Hvf => &["hvf", "hv_"],
        Accelerator::Whpx => &["whpx"],
        Accelerator::Tcg | Accelerator::Native => &[],
    };
    let names_it = |word: &str| {
        // Some distributions call the program `qemu-kvm`, and a path can contain any name.
        let is_word = !word.starts_with("qemu-") && !word.contains(['/', '\\']);
        let word = word.to_lowercase();
        is_word && names.iter().any(|name| word.contains(name))
    };
    let is_error = |message: &&str| !message.contains("warning:");
    messages
        .into_iter()
        .filter(is_error)
        .any(|message| message.split_whitespace().any(names_it))
}

fn recall(cache: &Path, qemu: &Path) -> Option<String> {
    // An unreadable file costs one more failed try at worst.
    let known: KnownFailure = file::read_json(&failure_file(cache), VERSION).ok()?;
    let is_valid = known.kernel == host::kernel_release()
        && known.qemu == qemu
        && known.qemu_stamp == stamp(qemu);
    is_valid.then_some(known.kvm_failure)
}

fn failure_file(cache: &Path) -> PathBuf {
    cache.join("accelerator.json")
}

fn stamp(program: &Path) -> String {
    let stamp = || {
        let metadata = std::fs::metadata(program).ok()?;
        let changed = metadata
            .modified()
            .ok()?
            .duration_since(std::time::UNIX_EPOCH)
            .ok()?;
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
        assert!(
            recall(dir.path(), &qemu).is_some(),
            "another QEMU's success doesn't count"
        );
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
            (
                Kvm,
                "qemu-system-x86_64: failed to initialize kvm: No such device",
            ),
            (
                Kvm,
                "ioctl(KVM_CREATE_VM) failed: 16 Device or resource busy",
            ),
            (
                Kvm,
                "qemu-kvm: target/i386/kvm/kvm.c:3849: kvm_buf_set_msrs: Assertion `ret == 1' failed.",
            ),
            (
                Hvf,
                "qemu-system-aarch64: -accel hvf: Error: ret = HV_DENIED",
            ),
            (
                Hvf,
                "Error: ret = HV_ERROR (0xfae94001, at ../accel/hvf/hvf-accel-ops.c:332)",
            ),
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
    fn each_system_has_its_own_accelerator() {
        let usable = || Hardware::Usable;
        let failed = || Hardware::Broken("x".into());
        let absent = || Hardware::Absent("no device".into());
        use Accelerator::{Hvf, Kvm, Tcg, Whpx};
        for (os, choice, name) in [
            (Os::Linux, Choice::Kvm, Kvm),
            (Os::Macos, Choice::Hvf, Hvf),
            (Os::Windows, Choice::Whpx, Whpx),
        ] {
            assert_eq!(
                select(Choice::Auto, os, usable).unwrap(),
                vec![name, Tcg].into()
            );
            let emulated = Candidates {
                all: vec![Tcg],
                exclusion: Some("x".into()),
            };
            assert_eq!(select(Choice::Auto, os, failed).unwrap(), emulated);
            assert_eq!(select(Choice::Auto, os, absent).unwrap(), vec![Tcg].into());
            assert_eq!(select(Choice::Tcg, os, usable).unwrap(), vec![Tcg].into());
            assert_eq!(select(choice, os, failed).unwrap(), vec![name].into());
            let error = select(choice, os, absent).unwrap_err().to_string();
            assert!(
                error.contains("no device") && error.contains("emulation"),
                "{error}"
            );
        }
        let error = select(Choice::Kvm, Os::Macos, usable)
            .unwrap_err()
            .to_string();
        assert!(error.contains("macOS") && error.contains("hvf"), "{error}");
    }

    #[test]
    fn only_an_x86_processor_without_the_flags_lacks_virtualization() {
        for (cpuinfo, lacks) in [
            ("processor\t: 0\nflags\t\t: fpu vme de\nbugs\t\t: x\n", true),
            ("flags\t\t: fpu vmx de\n", false),
            ("flags\t\t: fpu de svm\n", false),
            ("flags\t\t: fpu svm_lock\nvmx flags\t: ept\n", true),
            ("processor\t: 0\nFeatures\t: fp asimd\n", false),
            ("", false),
        ] {
            assert_eq!(lacks_virtualization(cpuinfo), lacks, "{cpuinfo}");
        }
    }

    #[test]
    fn a_damaged_file_is_ignored() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(failure_file(dir.path()), "{").unwrap();
        assert_eq!(recall(dir.path(), Path::new("/x")), None);
    }
}
