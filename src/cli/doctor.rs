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
use crate::image::Podman;
use crate::text::format_size;
use crate::ui::{Format, Table, print, say};

/// Bytes. With less free space the base disk of a typical image doesn't fit.
const LOW_SPACE: u64 = 10 << 30;

/// Show which programs and devices that the tool needs exist on this host, and how to get the others
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
        let code = u8::from(findings.iter().any(|finding| finding.status == Status::Missing));
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
            let hint = finding.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
            table.row(vec![mark.into(), finding.check.into(), format!("{}{hint}", finding.result)]);
        }
        say(table);
        Ok(code)
    }
}

fn findings(context: &Context) -> Vec<Finding> {
    if Os::current() != Os::Linux {
        return findings_with_podman_machine(context, Os::current());
    }
    let mut findings = vec![podman()];
    findings.extend(hypervisor(context));
    findings.push(qemu_img(true, "install qemu-utils (Debian) or qemu-img (Fedora)"));
    findings.push(program("mkfs.erofs", true, "install erofs-utils"));
    findings.push(program("ssh", true, "install openssh-client (Debian) or openssh-clients (Fedora)"));
    findings.push(virtiofsd());
    findings.push(program("swtpm", false, "install swtpm to give VMs a TPM"));
    findings.push(space("space for disks", &context.dirs.cache));
    findings.push(space("space for VMs", &context.dirs.data));
    findings
}

/// Returns the findings on macOS and Windows, where images and installs are in the podman machine.
fn findings_with_podman_machine(context: &Context, os: Os) -> Vec<Finding> {
    let mut findings = vec![match Podman::for_images(os, None) {
        Ok(_) => found("podman machine", "running, rootful"),
        Err(error) => {
            let hint = "`podman-bootc run` takes images from it";
            problem("podman machine", Status::Missing, crate::text::error_chain(&error), hint)
        }
    }];
    let arch = Arch::host().unwrap_or(Arch::X86_64);
    let kinds = features::Choice::Auto.kinds(os);
    let results: Vec<_> = kinds.iter().map(|kind| (kind, Hypervisor::find(*kind, arch, os))).collect();
    let none_found = results.iter().all(|(_, result)| result.is_err());
    let has = |wanted: fn(Features) -> bool| {
        results.iter().any(|(kind, result)| wanted(kind.features(os)) && result.is_ok())
    };
    let has_qemu = has(|features| features.host_firmware);
    let has_hyperv = has(|features| features.vsocks == Vsocks::Hyperv);
    findings.extend(results.into_iter().map(|(kind, result)| match result {
        Ok(hypervisor) => found(kind.title(), hypervisor.program().display().to_string()),
        Err(error) => {
            let status = if none_found { Status::Missing } else { Status::Optional };
            problem(kind.title(), status, crate::text::error_chain(&error), "one hypervisor is enough")
        }
    }));
    findings.extend(has_hyperv.then(hyperv_sockets));
    findings.extend(has_qemu.then(|| uefi(arch)));
    findings.push(qemu_img(false, "install QEMU, which contains it; QEMU's and Hyper-V's disks need it"));
    findings.push(program("ssh", true, "install the OpenSSH client"));
    findings.push(space("space for disks", &context.dirs.cache));
    findings.push(space("space for VMs", &context.dirs.data));
    findings
}

fn found(check: &'static str, result: impl Into<String>) -> Finding {
    Finding { check, status: Status::Ok, result: result.into(), hint: None }
}

fn problem(check: &'static str, status: Status, result: impl Into<String>, hint: &str) -> Finding {
    Finding { check, status, result: result.into(), hint: Some(hint.to_owned()) }
}

fn podman() -> Finding {
    let check = "podman";
    match Podman::find().and_then(|podman| Ok((podman.version()?, podman.is_rootless()))) {
        Ok((version, rootless)) => {
            found(check, format!("{version}, {} storage", if rootless { "rootless" } else { "rootful" }))
        }
        Err(error) => {
            problem(check, Status::Missing, crate::text::error_chain(&error), "install podman 4.3 or newer")
        }
    }
}

fn hypervisor(context: &Context) -> Vec<Finding> {
    let Some(arch) = Arch::host() else {
        return vec![problem(
            "QEMU",
            Status::Missing,
            "this host's architecture is not supported",
            "use an x86-64 or arm64 host",
        )];
    };
    let qemu = match Qemu::find(arch) {
        Ok(qemu) => qemu,
        Err(error) => {
            let hint = "install qemu-system-x86 or qemu-system-arm (Debian), qemu-kvm (Fedora)";
            return vec![problem("QEMU", Status::Missing, crate::text::error_chain(&error), hint)];
        }
    };
    let (major, minor) = qemu.version;
    let kvm = match accelerator::kvm_state(arch, &context.dirs.cache, &qemu.program) {
        Hardware::Usable => found("KVM", "can be opened"),
        Hardware::FailedBefore(why) => problem(
            "KVM",
            Status::Optional,
            format!("can be opened, but failed to run a VM ({})", accelerator::brief(&why)),
            "VMs are emulated, which is slow; use --accel kvm to try KVM again",
        ),
        Hardware::Absent(why) => problem("KVM", Status::Optional, why, "VMs are emulated, which is slow"),
    };
    vec![found("QEMU", format!("{major}.{minor}, {}", qemu.program.display())), kvm, uefi(arch)]
}

fn uefi(arch: Arch) -> Finding {
    let check = "UEFI firmware";
    match firmware::choose(firmware::Choice::Auto, arch) {
        Ok(Some(uefi)) => found(check, uefi.code.display().to_string()),
        Ok(None) => problem(
            check,
            Status::Optional,
            "not found; VMs boot from BIOS, which not every image supports",
            "install ovmf (Debian) or edk2-ovmf (Fedora)",
        ),
        Err(error) => problem(check, Status::Optional, error.to_string(), "QEMU can't boot a VM without it"),
    }
}

fn hyperv_sockets() -> Finding {
    let check = "SSH without a network";
    if host::net::vsock::is_available(VSOCK_SSH_PORT) {
        return found(check, "AF_HYPERV, for images with systemd 256 or newer");
    }
    let key = host::net::vsock::hyperv::registry_key(VSOCK_SSH_PORT);
    let hint = format!("run as administrator: `New-Item -Force -Path 'HKLM:\\{key}'`");
    problem(check, Status::Optional, "not allowed; SSH uses the VMs' addresses", &hint)
}

fn program(name: &'static str, needed: bool, hint: &str) -> Finding {
    finding(name, which::which(name).ok(), needed, hint)
}

fn qemu_img(needed: bool, hint: &str) -> Finding {
    finding("qemu-img", process::find_installed("qemu-img", "qemu"), needed, hint)
}

fn finding(name: &'static str, path: Option<PathBuf>, needed: bool, hint: &str) -> Finding {
    match path {
        Some(path) => found(name, path.display().to_string()),
        None => problem(name, if needed { Status::Missing } else { Status::Optional }, "not found", hint),
    }
}

fn virtiofsd() -> Finding {
    match Virtiofsd::program() {
        Some(path) => found("virtiofsd", path.display().to_string()),
        None => {
            problem("virtiofsd", Status::Optional, "not found", "install virtiofsd to share folders with VMs")
        }
    }
}

fn space(check: &'static str, folder: &Path) -> Finding {
    match host::free_space(folder) {
        Ok(free) => {
            let text = format!("{} free in {}", format_size(free), folder.display());
            if free < LOW_SPACE {
                problem(
                    check,
                    Status::Optional,
                    text,
                    "low; remove VMs with `podman-bootc rm`, base disks with `podman-bootc prune`",
                )
            } else {
                found(check, text)
            }
        }
        Err(error) => problem(check, Status::Missing, error.to_string(), "make the folder accessible"),
    }
}
