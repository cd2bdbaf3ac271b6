//! What runs guest code: the processor's own virtualization, or emulation.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Arch;
use crate::host::{self, file};

/// What QEMU runs guest code with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// The Linux kernel's virtualization.
    Kvm,
    /// Emulation; works everywhere, about ten times slower.
    Tcg,
}

impl Accelerator {
    /// Its name in QEMU.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }
}

/// `--accel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// KVM when it works here, else TCG.
    #[default]
    Auto,
    /// KVM or nothing.
    Kvm,
    /// TCG.
    Tcg,
}

/// KVM can't be used, and nothing else is allowed.
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
    /// How KVM failed.
    kvm_failure: String,
}

const MEMORY_VERSION: u32 = 1;
const KVM_DEVICE: &str = "/dev/kvm";

/// The accelerators to try for `choice`, best first; never empty.
///
/// # Errors
/// KVM was asked for and there is none.
pub fn candidates(
    choice: Choice,
    arch: Arch,
    cache: &Path,
    qemu: &Path,
) -> Result<Vec<Accelerator>, Unavailable> {
    match (choice, kvm_state(arch, cache, qemu)) {
        (Choice::Tcg, _) => Ok(vec![Accelerator::Tcg]),
        // Asked for by name, it gets its chance even where it failed before.
        (Choice::Kvm, Kvm::Usable | Kvm::FailedBefore(_)) => Ok(vec![Accelerator::Kvm]),
        (Choice::Kvm, Kvm::Absent(why)) => {
            Err(Unavailable(format!("--accel kvm: {why}; leave the flag out to go on with emulation")))
        }
        (Choice::Auto, Kvm::Usable) => Ok(vec![Accelerator::Kvm, Accelerator::Tcg]),
        (Choice::Auto, _) => Ok(vec![Accelerator::Tcg]),
    }
}

/// What is known of KVM here, without starting anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kvm {
    /// The device opens and no failure is known.
    Usable,
    /// The device opens, but a VM failed with it, as the text says.
    FailedBefore(String),
    /// There is none, for the reason that the text gives.
    Absent(String),
}

/// Looks at the device and at what earlier VMs taught.
pub fn kvm_state(arch: Arch, cache: &Path, qemu: &Path) -> Kvm {
    if Arch::host() != Some(arch) {
        return Kvm::Absent(format!("the image is for {}, this machine is not", arch.name()));
    }
    if !Path::new(KVM_DEVICE).exists() {
        return Kvm::Absent(format!("there is no {KVM_DEVICE}"));
    }
    if !host::can_open_read_write(Path::new(KVM_DEVICE)) {
        return Kvm::Absent(format!(
            "you may not open {KVM_DEVICE}; add yourself to its group (often `kvm`)"
        ));
    }
    match recall(cache, qemu) {
        Some(failure) => Kvm::FailedBefore(failure),
        None => Kvm::Usable,
    }
}

/// What to tell the user when KVM gave way to emulation.
pub fn fallback_message(reason: &str) -> String {
    format!("KVM doesn't work on this host ({}); going on with emulation (TCG), which is slow", brief(reason))
}

/// The first of the hypervisor's messages: the others are consequences.
pub fn brief(reason: &str) -> &str {
    reason.split("; ").next().unwrap_or(reason)
}

/// Remembers that KVM failed here, so that the next VM doesn't try it again.
///
/// # Errors
/// The cache can't be written to.
pub fn remember_kvm_failure(cache: &Path, qemu: &Path, failure: &str) -> Result<(), file::Error> {
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
        remember_kvm_failure(dir.path(), &qemu, "internal error").unwrap();
        assert_eq!(recall(dir.path(), &qemu).as_deref(), Some("internal error"));
        std::fs::write(&qemu, "other build").unwrap();
        assert_eq!(recall(dir.path(), &qemu), None);
    }

    #[test]
    fn a_damaged_memory_is_no_memory() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(memory_file(dir.path()), "{").unwrap();
        assert_eq!(recall(dir.path(), Path::new("/x")), None);
    }
}
