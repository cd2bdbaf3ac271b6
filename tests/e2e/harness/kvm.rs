//! A probe of KVM without the tool, and hosts with other processors.

use std::fs::OpenOptions;
use std::process::Command;
use std::time::Duration;

use super::image::{podman, shared};
use super::program::Running;
use super::sandbox::Sandbox;

/// The state of KVM on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kvm {
    Works,
    /// The device opens, but no kernel boots: QEMU exits, stops the guest, or the guest hangs.
    Broken,
    /// The device doesn't exist, or doesn't open.
    Absent,
}

impl Kvm {
    /// Starts the test image's kernel, and sees whether it comes to look for a root filesystem.
    /// (Firmware alone runs on hosts where no kernel does.)
    pub fn probe() -> Self {
        /// A working KVM takes two seconds, more when other tests use the processors.
        const WHILE: Duration = Duration::from_secs(20);
        if OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/kvm")
            .is_err()
        {
            return Self::Absent;
        }
        let folder = tempfile::tempdir().unwrap();
        let kernel = folder.path().join("vmlinuz");
        let read = [
            "run",
            "--rm",
            "--network",
            "none",
            &shared("latest"),
            "sh",
            "-c",
        ];
        let read = [&read[..], &["cat /usr/lib/modules/*/vmlinuz"]].concat();
        std::fs::write(&kernel, podman(&read, vec![]).expect(0).stdout).unwrap();
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args([
            "-accel",
            "kvm",
            "-cpu",
            "host",
            "-machine",
            "q35",
            "-nodefaults",
            "-display",
            "none",
        ]);
        qemu.args([
            "-no-reboot",
            "-serial",
            "stdio",
            "-append",
            "console=ttyS0 panic=-1",
            "-kernel",
        ])
        .arg(kernel);
        let works = Running::start(qemu, None).writes("Unable to mount root fs", WHILE);
        if works { Self::Works } else { Self::Broken }
    }
}

/// Returns the tool on a host whose processor has the flag for virtualization, or lacks it.
pub fn tool_on_processor(sandbox: &Sandbox, virtualizes: bool, args: &[&str]) -> Command {
    let real = std::fs::read_to_string("/proc/cpuinfo").unwrap();
    let lines = real.lines().map(|line| match line.split_once(':') {
        Some((key, flags)) if key.trim() == "flags" => {
            let others = flags
                .split(' ')
                .filter(|flag| !["vmx", "svm"].contains(flag));
            let flag = if virtualizes { " vmx" } else { "" };
            format!("{key}:{}{flag}\n", others.collect::<Vec<_>>().join(" "))
        }
        _ => format!("{line}\n"),
    });
    let file = sandbox.root().join("cpuinfo");
    std::fs::write(&file, lines.collect::<String>()).unwrap();
    let tool = sandbox.tool(args);
    let script = "mount --bind \"$0\" /proc/cpuinfo && exec \"$@\"";
    let mut command = sandbox.command("unshare", &["--mount", "sh", "-c", script]);
    command
        .arg(file)
        .arg(tool.get_program())
        .args(tool.get_args());
    command
}
