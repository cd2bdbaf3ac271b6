//! `podman-bootc doctor`

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;

use super::Context;
use crate::host::{self, Os, process};
use crate::hypervisor::accelerator::{self, Hardware};
use crate::hypervisor::helpers::virtiofsd::Virtiofsd;
use crate::hypervisor::qemu::{Qemu, firmware};
use crate::hypervisor::{Arch, Features, Hypervisor, VSOCK_SSH_PORT, Vsocks, features};
use crate::image::{self, Podman};
use crate::text::{error_chain, format_size};
use crate::ui::{Format, Table, print, say};

/// Bytes. With less free space the base disk of a typical image doesn't fit.
const LOW_SPACE: u64 = 10 << 30;

/// Check for the programs and devices that the tool needs, and show how to get the missing ones
///
/// Exits with 1 if something that the tool needs is missing.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print as JSON, or by a template such as '{{.check}} {{.result}}'
    #[arg(long, value_name = "json|TEMPLATE")]
    format: Option<Format>,
}

/// The result of one check. The field names are stable.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    status: Status,
    result: String,
    hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// Missing, but the tool works without it.
    Optional,
    Missing,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<u8> {
        let findings = findings(context);
        let code = u8::from(
            findings
                .iter()
                .any(|finding| finding.status == Status::Missing),
        );
        if let Some(format) = &self.format {
            print(&findings, format)?;
            return Ok(code);
        }
        let mut table = Table::new(&["", "CHECK", "RESULT"]);
        for finding in &findings {
            let mark = match finding.status {
                Status::Ok => "ok",
                Status::Optional => "-",
                Status::Missing => "!!",
            };
            let hint = finding
                .hint
                .as_ref()
                .map(|hint| format!("; {hint}"))
                .unwrap_or_default();
            table.row(vec![
                mark.into(),
                finding.check.into(),
                format!("{}{hint}", finding.result),
            ]);
        }
        say(table);
        Ok(code)
    }
}

fn findings(context: &Context) -> Vec<Finding> {
    let mut findings = match Os::current() {
        Os::Linux => findings_on_linux(context),
        os => findings_with_podman_machine(os),
    };
    findings.push(space("space for disks", &context.dirs.cache));
    findings.push(space("space for VMs", &context.dirs.data));
    findings
}

fn findings_on_linux(context: &Context) -> Vec<Finding> {
    let mut findings = vec![podman()];
    findings.extend(qemu(context));
    let hint = "install qemu-utils (Debian) or qemu-img (Fedora)";
    findings.push(program(
        "qemu-img",
        process::find_installed("qemu-img", "qemu"),
        missing,
        hint,
    ));
    findings.push(program(
        "mkfs.erofs",
        on_path("mkfs.erofs"),
        missing,
        "install erofs-utils",
    ));
    let hint = "install openssh-client (Debian) or openssh-clients (Fedora)";
    findings.push(program("ssh", on_path("ssh"), missing, hint));
    let hint = "install virtiofsd to share folders with VMs";
    findings.push(program("virtiofsd", Virtiofsd::program(), optional, hint));
    findings.push(program(
        "swtpm",
        on_path("swtpm"),
        optional,
        "install swtpm to give VMs a TPM",
    ));
    findings
}

/// Returns the findings on macOS and Windows, where images and installs are in the podman machine.
fn findings_with_podman_machine(os: Os) -> Vec<Finding> {
    let check = "podman machine";
    let mut findings = vec![match Podman::for_images(os, None) {
        Ok(_) => found(check, "running, rootful"),
        Err(error) => missing(
            check,
            error_chain(&error),
            "`podman-bootc run` takes images from it",
        ),
    }];
    let arch = Arch::host().unwrap_or(Arch::X86_64);
    let kinds = features::Choice::Auto.kinds(os);
    let results: Vec<_> = kinds
        .iter()
        .map(|kind| (kind, Hypervisor::find(*kind, arch, os)))
        .collect();
    let any_found = results.iter().any(|(_, result)| result.is_ok());
    let has = |wanted: fn(Features) -> bool| {
        results
            .iter()
            .any(|(kind, result)| wanted(kind.features(os)) && result.is_ok())
    };
    let has_qemu = has(|features| features.host_firmware);
    let has_hyperv = has(|features| features.vsocks == Vsocks::Hyperv);
    let not_found = if any_found { optional } else { missing };
    findings.extend(results.into_iter().map(|(kind, result)| match result {
        Ok(hypervisor) => found(kind.title(), hypervisor.program().display().to_string()),
        Err(error) => not_found(
            kind.title(),
            error_chain(&error),
            "one hypervisor is enough",
        ),
    }));
    findings.extend(has_hyperv.then(hyperv_sockets));
    findings.extend(has_qemu.then(|| uefi(arch)));
    let hint = "install QEMU, which contains it; the disks of QEMU and Hyper-V need it";
    findings.push(program(
        "qemu-img",
        process::find_installed("qemu-img", "qemu"),
        optional,
        hint,
    ));
    findings.push(program(
        "ssh",
        on_path("ssh"),
        missing,
        "install the OpenSSH client",
    ));
    findings
}

fn found(check: &'static str, result: impl Into<String>) -> Finding {
    Finding {
        check,
        status: Status::Ok,
        result: result.into(),
        hint: None,
    }
}

fn optional(check: &'static str, result: String, hint: &str) -> Finding {
    Finding {
        check,
        status: Status::Optional,
        result,
        hint: Some(hint.to_owned()),
    }
}

fn missing(check: &'static str, result: String, hint: &str) -> Finding {
    Finding {
        status: Status::Missing,
        ..optional(check, result, hint)
    }
}

fn podman() -> Finding {
    let check = "podman";
    let found_podman = Podman::find().and_then(|podman| match podman.out_of_reach() {
        Some(cause) => Err(cause.into()),
        None => Ok((podman.version()?, podman.is_rootless())),
    });
    match found_podman {
        Ok((version, true)) => found(check, format!("{version}, rootless storage")),
        Ok((version, false)) => found(check, format!("{version}, rootful storage")),
        // It says what to do.
        Err(image::Error::OutOfReach(cause)) => Finding {
            hint: None,
            ..missing(check, cause.to_string(), "")
        },
        Err(error) => missing(check, error_chain(&error), "install podman 4.3 or newer"),
    }
}

fn qemu(context: &Context) -> Vec<Finding> {
    let Some(arch) = Arch::host() else {
        let result = "this host's architecture is not supported".to_owned();
        return vec![missing("QEMU", result, "use an x86-64 or arm64 host")];
    };
    let qemu = match Qemu::find(arch) {
        Ok(qemu) => qemu,
        Err(error) => {
            let hint = "install qemu-system-x86 or qemu-system-arm (Debian), qemu-kvm (Fedora)";
            return vec![missing("QEMU", error_chain(&error), hint)];
        }
    };
    let (major, minor) = qemu.version;
    let kvm = match accelerator::kvm_state(arch, &context.dirs.cache, &qemu.program) {
        Hardware::Usable => found("KVM", "can be opened"),
        Hardware::Broken(why) => {
            let result = format!(
                "can be opened, but doesn't run VMs ({})",
                accelerator::brief(&why)
            );
            optional(
                "KVM",
                result,
                "VMs are emulated, which is slow; use --accel kvm to try KVM again",
            )
        }
        Hardware::Absent(why) => optional("KVM", why, "VMs are emulated, which is slow"),
    };
    vec![
        found(
            "QEMU",
            format!("{major}.{minor}, {}", qemu.program.display()),
        ),
        kvm,
        uefi(arch),
    ]
}

fn uefi(arch: Arch) -> Finding {
    let check = "UEFI firmware";
    match firmware::choose(firmware::Choice::Auto, arch) {
        Ok(Some(uefi)) => found(check, uefi.code.display().to_string()),
        Ok(None) => {
            let result = "not found; VMs boot from BIOS, which not every image supports".to_owned();
            optional(check, result, "install ovmf (Debian) or edk2-ovmf (Fedora)")
        }
        Err(error) => optional(check, error.to_string(), "QEMU can't boot a VM without it"),
    }
}

fn hyperv_sockets() -> Finding {
    let check = "SSH without a network";
    if host::net::vsock::is_available(VSOCK_SSH_PORT) {
        return found(check, "AF_HYPERV, for images with systemd 256 or newer");
    }
    let key = host::net::vsock::hyperv::registry_key(VSOCK_SSH_PORT);
    let hint = format!("run as administrator: `New-Item -Force -Path 'HKLM:\\{key}'`");
    optional(
        check,
        "not allowed; SSH uses the VMs' addresses".to_owned(),
        &hint,
    )
}

fn on_path(name: &str) -> Option<PathBuf> {
    which::which(name).ok()
}

fn program(
    name: &'static str,
    path: Option<PathBuf>,
    not_found: fn(&'static str, String, &str) -> Finding,
    hint: &str,
) -> Finding {
    match path {
        Some(path) => found(name, path.display().to_string()),
        None => not_found(name, "not found".to_owned(), hint),
    }
}

fn space(check: &'static str, folder: &Path) -> Finding {
    let free = match host::free_space(folder) {
        Ok(free) => free,
        Err(error) => return missing(check, error.to_string(), "make the folder accessible"),
    };
    let result = format!("{} free in {}", format_size(free), folder.display());
    if free < LOW_SPACE {
        return optional(
            check,
            result,
            "low; free space with `podman-bootc rm` and `podman-bootc prune`",
        );
    }
    found(check, result)
}
