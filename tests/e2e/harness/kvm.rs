//! Whether KVM works here, found out without the tool.

use std::fs::OpenOptions;
use std::process::Command;
use std::time::Duration;

use super::program::Running;

/// What tests of the accelerator have to expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kvm {
    Works,
    /// The device opens, and a machine with it dies or stops.
    Broken,
    /// There is no device that can be opened.
    Absent,
}

impl Kvm {
    /// Starts a machine with nothing in it but its firmware, and looks whether it still runs after a while.
    pub fn probe() -> Self {
        const WHILE: Duration = Duration::from_secs(3);
        if OpenOptions::new().read(true).write(true).open("/dev/kvm").is_err() {
            return Self::Absent;
        }
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-accel", "kvm", "-cpu", "host", "-machine", "q35", "-nodefaults", "-display", "none"]);
        qemu.args(["-qmp", "stdio"]);
        let mut qemu = Running::start(qemu, None);
        qemu.wait_end(WHILE);
        for command in ["qmp_capabilities", "query-status"] {
            qemu.type_line(&format!(r#"{{"execute": "{command}"}}"#));
        }
        let works = qemu.writes(r#""running": true"#, WHILE);
        if works { Self::Works } else { Self::Broken }
    }
}
