//! Whether KVM works here, found out without the tool.

use std::fs::OpenOptions;
use std::process::Command;
use std::time::Duration;

use super::image::{podman, shared};
use super::program::Running;

/// What tests of the accelerator have to expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kvm {
    Works,
    /// The device opens, and no kernel boots with it: QEMU ends, stops, or its guest stands still.
    Broken,
    /// There is no device that can be opened.
    Absent,
}

impl Kvm {
    /// Starts the test image's kernel, and looks whether it gets so far as to lack a root filesystem. (Firmware alone
    /// was seen to run where no kernel does.)
    pub fn probe() -> Self {
        /// One that works takes two seconds, and other tests may have the processors.
        const WHILE: Duration = Duration::from_secs(20);
        if OpenOptions::new().read(true).write(true).open("/dev/kvm").is_err() {
            return Self::Absent;
        }
        let folder = tempfile::tempdir().unwrap();
        let kernel = folder.path().join("vmlinuz");
        let read = ["run", "--rm", "--network", "none", &shared("latest"), "sh", "-c"];
        let read = [&read[..], &["cat /usr/lib/modules/*/vmlinuz"]].concat();
        std::fs::write(&kernel, podman(&read, vec![]).expect(0).stdout).unwrap();
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-accel", "kvm", "-cpu", "host", "-machine", "q35", "-nodefaults", "-display", "none"]);
        qemu.args(["-no-reboot", "-serial", "stdio", "-append", "console=ttyS0 panic=-1", "-kernel"])
            .arg(kernel);
        let works = Running::start(qemu, None).writes("Unable to mount root fs", WHILE);
        if works { Self::Works } else { Self::Broken }
    }
}
