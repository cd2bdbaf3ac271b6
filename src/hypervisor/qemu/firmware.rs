//! Finds UEFI firmware: on Linux by the distribution's descriptors, on other systems in QEMU's own
//! folder.
//! <https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/firmware.json>

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::find;
use crate::host::Os;
use crate::host::fs::file;
use crate::hypervisor::Arch;

/// The folders with descriptors. A file hides the files with the same name in the later folders.
const FOLDERS: [&str; 3] = [
    "/etc/qemu/firmware",
    "/usr/local/share/qemu/firmware",
    "/usr/share/qemu/firmware",
];

/// A firmware on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uefi {
    pub code: PathBuf,
    /// The variable store to copy for each VM: empty, or with the keys of secure boot.
    pub vars_template: PathBuf,
    /// Whether it needs system management mode.
    pub smm: bool,
}

/// The value of `--firmware`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// UEFI without secure boot if the host has it, otherwise BIOS
    #[default]
    Auto,
    /// UEFI without secure boot
    Uefi,
    /// UEFI that starts only systems that are signed with the usual keys
    Secure,
    /// BIOS
    Bios,
}

/// The host doesn't have the chosen firmware.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    #[error("no UEFI firmware{} for {} is installed; {remedy}", if *.secure { " with secure boot" } else { "" }, .arch.name())]
    Missing {
        arch: Arch,
        secure: bool,
        remedy: &'static str,
    },
    #[error("{} machines have no BIOS; use --firmware uefi", .0.name())]
    NoBios(Arch),
}

/// Finds the firmware for this choice. None means BIOS.
pub fn choose(choice: Choice, arch: Arch) -> Result<Option<Uefi>, Unavailable> {
    choose_by(choice, arch, Os::current(), |secure| {
        find_uefi(arch, secure)
    })
}

fn choose_by(
    choice: Choice,
    arch: Arch,
    os: Os,
    find: impl FnOnce(bool) -> Option<Uefi>,
) -> Result<Option<Uefi>, Unavailable> {
    let secure = choice == Choice::Secure;
    match (choice, arch) {
        (Choice::Bios, Arch::X86_64) => return Ok(None),
        (Choice::Bios, Arch::Aarch64) => return Err(Unavailable::NoBios(arch)),
        (Choice::Auto | Choice::Uefi | Choice::Secure, _) => {}
    }
    let remedy = match (os, arch) {
        (Os::Linux, Arch::X86_64) => "install the package ovmf (Debian) or edk2-ovmf (Fedora)",
        (Os::Linux, Arch::Aarch64) => {
            "install the package qemu-efi-aarch64 (Debian) or edk2-aarch64 (Fedora)"
        }
        (Os::Macos | Os::Windows, _) if secure => {
            "QEMU's packages for this system contain none, so use --firmware uefi"
        }
        (Os::Macos | Os::Windows, _) => "it comes with QEMU, in its folder `share`",
    };
    match find(secure) {
        Some(uefi) => Ok(Some(uefi)),
        None if choice == Choice::Auto && arch == Arch::X86_64 => Ok(None),
        None => Err(Unavailable::Missing {
            arch,
            secure,
            remedy,
        }),
    }
}

/// Finds the host's UEFI for guests of this architecture.
fn find_uefi(arch: Arch, secure: bool) -> Option<Uefi> {
    match Os::current() {
        Os::Linux => find_in(&FOLDERS.map(Path::new), arch, secure),
        // QEMU's packages there contain no firmware with keys.
        Os::Macos | Os::Windows if secure => None,
        // Descriptors there name the folder of one version of QEMU, which an upgrade removes.
        Os::Macos | Os::Windows => {
            let program = find::program(arch).ok()?;
            beside(&program, arch).or_else(|| beside(&program.canonicalize().ok()?, arch))
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Descriptor {
    interface_types: Vec<String>,
    mapping: Mapping,
    targets: Vec<Target>,
    features: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Mapping {
    device: String,
    executable: Option<File>,
    nvram_template: Option<File>,
}

#[derive(Debug, Deserialize)]
struct File {
    filename: PathBuf,
    format: String,
}

#[derive(Debug, Deserialize)]
struct Target {
    architecture: String,
    machines: Vec<String>,
}

/// Finds the firmware in QEMU's packages for macOS and Windows. Links stay unresolved: Homebrew's
/// lead to the folder of one version, and a VM must find its firmware after an upgrade, too.
fn beside(program: &Path, arch: Arch) -> Option<Uefi> {
    let (code, vars) = match arch {
        Arch::X86_64 => ("edk2-x86_64-code.fd", "edk2-i386-vars.fd"),
        Arch::Aarch64 => ("edk2-aarch64-code.fd", "edk2-arm-vars.fd"),
    };
    let folder = program.parent()?;
    // Homebrew's program is in bin/, Windows' is not.
    let shares = [
        folder.parent().map(|folder| folder.join("share/qemu")),
        Some(folder.join("share")),
    ];
    shares.into_iter().flatten().find_map(|share| {
        let uefi = Uefi {
            code: share.join(code),
            vars_template: share.join(vars),
            smm: false,
        };
        (uefi.code.is_file() && uefi.vars_template.is_file()).then_some(uefi)
    })
}

fn find_in(folders: &[&Path], arch: Arch, secure: bool) -> Option<Uefi> {
    let mut descriptors = BTreeMap::new();
    for folder in folders {
        for entry in file::entries(folder) {
            let path = entry.path();
            if path.extension().is_some_and(|e| e == "json") {
                descriptors.entry(entry.file_name()).or_insert(path);
            }
        }
    }
    descriptors.into_values().find_map(|path| {
        let text = std::fs::read_to_string(&path).ok()?;
        match serde_json::from_str(&text) {
            Ok(descriptor) => suitable(descriptor, arch, secure),
            Err(error) => {
                tracing::debug!(path = %path.display(), %error, "invalid firmware descriptor");
                None
            }
        }
    })
}

/// Returns a descriptor's firmware if it is flash for this architecture's board, with or without
/// secure boot.
fn suitable(descriptor: Descriptor, arch: Arch, secure: bool) -> Option<Uefi> {
    let machine = match arch {
        Arch::X86_64 => "pc-q35-",
        Arch::Aarch64 => "virt-",
    };
    let for_us = |t: &Target| {
        t.architecture == arch.name() && t.machines.iter().any(|m| m.starts_with(machine))
    };
    let has = |feature: &str| descriptor.features.iter().any(|f| f == feature);
    // Without keys the firmware checks no signature. Without SMM the guest could write other keys
    // into the variables.
    let features = match secure {
        true => {
            has("secure-boot")
                && has("enrolled-keys")
                && (has("requires-smm") || arch != Arch::X86_64)
        }
        false => !has("secure-boot") && !has("enrolled-keys") && !has("requires-smm"),
    };
    let smm = has("requires-smm");
    let suits = descriptor.interface_types.iter().any(|t| t == "uefi")
        && descriptor.mapping.device == "flash"
        && descriptor.targets.iter().any(for_us)
        && features;
    let (code, vars) = (
        descriptor.mapping.executable?,
        descriptor.mapping.nvram_template?,
    );
    let usable = |f: &File| f.format == "raw" && f.filename.is_file();
    (suits && usable(&code) && usable(&vars)).then_some(Uefi {
        code: code.filename,
        vars_template: vars.filename,
        smm,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(dir: &Path, features: &str, format: &str) -> String {
        // JSON can't contain a Windows path's backslashes.
        let dir = dir.display().to_string().replace('\\', "/");
        format!(
            r#"{{"description": "x", "interface-types": ["uefi"], "tags": [], "features": [{features}],
            "mapping": {{"device": "flash",
              "executable": {{"filename": "{dir}/code", "format": "{format}"}},
              "nvram-template": {{"filename": "{dir}/vars", "format": "{format}"}}}},
            "targets": [{{"architecture": "x86_64", "machines": ["pc-i440fx-*", "pc-q35-*"]}}]}}"#
        )
    }

    #[test]
    fn the_firmware_beside_a_program_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let (bin, share) = (dir.path().join("bin"), dir.path().join("share/qemu"));
        std::fs::create_dir(&bin).unwrap();
        std::fs::create_dir_all(&share).unwrap();
        assert_eq!(
            beside(&bin.join("qemu-system-aarch64"), Arch::Aarch64),
            None
        );
        for name in ["edk2-aarch64-code.fd", "edk2-arm-vars.fd"] {
            std::fs::write(share.join(name), "").unwrap();
        }
        let found = beside(&bin.join("qemu-system-aarch64"), Arch::Aarch64).unwrap();
        assert_eq!(found.code, share.join("edk2-aarch64-code.fd"));
        assert_eq!(beside(&bin.join("qemu-system-x86_64"), Arch::X86_64), None);
    }

    #[test]
    fn the_first_plain_descriptor_wins_and_upper_folders_hide() {
        let (upper, lower) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for dir in [&upper, &lower] {
            std::fs::write(dir.path().join("code"), "").unwrap();
            std::fs::write(dir.path().join("vars"), "").unwrap();
        }
        let folders = [upper.path(), lower.path()];
        assert_eq!(find_in(&folders, Arch::X86_64, false), None);
        let write = |dir: &tempfile::TempDir, name: &str, features: &str, format: &str| {
            std::fs::write(
                dir.path().join(name),
                descriptor(dir.path(), features, format),
            )
            .unwrap();
        };
        std::fs::write(lower.path().join("10-broken.json"), "{").unwrap();
        write(
            &lower,
            "20-secure.json",
            r#""secure-boot", "requires-smm""#,
            "raw",
        );
        write(&lower, "30-qcow2.json", "", "qcow2");
        assert_eq!(find_in(&folders, Arch::X86_64, false), None);
        write(&lower, "60-plain.json", r#""acpi-s3""#, "raw");
        assert_eq!(
            find_in(&folders, Arch::X86_64, false).unwrap().code,
            lower.path().join("code")
        );
        assert_eq!(find_in(&folders, Arch::Aarch64, false), None);
        write(&upper, "60-plain.json", r#""enrolled-keys""#, "raw");
        assert_eq!(
            find_in(&folders, Arch::X86_64, false),
            None,
            "the upper folder's file hides the lower one's"
        );
    }

    #[test]
    fn a_choice_gets_its_firmware_or_a_reason() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["code", "vars"] {
            std::fs::write(dir.path().join(file), "").unwrap();
        }
        let folders = [dir.path()];
        let choose = |choice, arch| {
            choose_by(choice, arch, Os::Linux, |secure| {
                find_in(&folders, arch, secure)
            })
        };
        assert_eq!(choose(Choice::Auto, Arch::X86_64), Ok(None));
        assert!(
            choose(Choice::Uefi, Arch::X86_64)
                .unwrap_err()
                .to_string()
                .contains("ovmf")
        );
        assert!(
            choose(Choice::Auto, Arch::Aarch64)
                .unwrap_err()
                .to_string()
                .contains("qemu-efi-aarch64")
        );
        assert!(
            choose(Choice::Bios, Arch::Aarch64)
                .unwrap_err()
                .to_string()
                .contains("no BIOS")
        );
        let write = |name: &str, features: &str| {
            std::fs::write(
                dir.path().join(name),
                descriptor(dir.path(), features, "raw"),
            )
            .unwrap();
        };
        write("10-no-keys.json", r#""secure-boot", "requires-smm""#);
        write("60-plain.json", "");
        assert!(
            choose(Choice::Secure, Arch::X86_64)
                .unwrap_err()
                .to_string()
                .contains("secure boot")
        );
        write(
            "20-keys.json",
            r#""secure-boot", "requires-smm", "enrolled-keys""#,
        );
        assert!(choose(Choice::Secure, Arch::X86_64).unwrap().unwrap().smm);
        assert!(!choose(Choice::Auto, Arch::X86_64).unwrap().unwrap().smm);
        assert_eq!(choose(Choice::Bios, Arch::X86_64), Ok(None));
    }
}
