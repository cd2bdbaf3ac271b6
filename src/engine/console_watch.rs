//! Tells from what a guest writes to its serial console that it is doomed.

use super::outcome::Ended;

/// The first program of a direct boot says so when it can't go on: see `vm-assets/direct/init`.
const BOOT_FAILURE: &str = "podman-bootc: direct boot failed: ";

/// Finds in what the serial console writes that the guest is doomed.
#[derive(Default)]
pub struct ConsoleWatch {
    line: Vec<u8>,
    /// What the kernel said of a panic that has not come to its end.
    pub reason: Option<String>,
    /// The kernel said that a processor's timer doesn't wake it any more.
    pub timer_lost: bool,
}

/// The kernel, of its thread `rcu_preempt` or `rcu_sched`, when its check for stalls finds that (tree_stall.h).
const TIMER_LOST: &str = "kthread timer wakeup didn't happen";

/// A longer line is no kernel message. Bytes.
const LINE_MAX: usize = 1024;

impl ConsoleWatch {
    /// How the guest ends. A panic counts once its end marker has come, too: a program may well print an old
    /// log's line.
    pub fn look(&mut self, bytes: &[u8]) -> Option<Ended> {
        for &byte in bytes {
            if byte != b'\n' {
                if self.line.len() < LINE_MAX {
                    self.line.push(byte);
                }
                continue;
            }
            let line = crate::text::plain(&String::from_utf8_lossy(&self.line));
            self.line.clear();
            if let Some(reason) = line.strip_prefix(BOOT_FAILURE) {
                return Some(Ended::Failed(reason.trim().to_owned()));
            }
            // After the kernel's clock; something else may stand before that on the same line.
            let after_clock =
                |marker: &str| Some(line.split_once(&format!("] {marker}"))?.1.trim().to_owned());
            self.timer_lost |= after_clock("rcu: ").is_some_and(|text| text.contains(TIMER_LOST));
            if let Some(reason) = after_clock("Kernel panic - not syncing: ") {
                self.reason = Some(reason);
            } else if after_clock("---[ end Kernel panic - not syncing").is_some() && self.reason.is_some() {
                return self.reason.take().map(Ended::Panic);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_seen_by_its_two_lines() {
        let mut watch = ConsoleWatch::default();
        let text = "[   12.3] x\r\n[   12.4] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\r\n\
            [   12.5] CPU: 0\r\n[   12.6] ---[ end Kernel panic - not syncing: Attempted to kill init! ]---\r\n";
        let (first, second) = text.split_at(60);
        assert_eq!(watch.look(first.as_bytes()), None);
        let panic = "Attempted to kill init! exitcode=0x00000100".to_owned();
        assert_eq!(watch.look(second.as_bytes()), Some(Ended::Panic(panic)));
        let failure = watch.look(
            b"podman-bootc: direct boot failed: no root
",
        );
        assert_eq!(failure, Some(Ended::Failed("no root".into())));
    }

    #[test]
    fn a_panic_is_seen_behind_half_a_line() {
        let mut watch = ConsoleWatch::default();
        let text = "         Starting udev...[   12.4] Kernel panic - not syncing: sysrq triggered crash\r\n\
            [  OK  ] Started[   12.6] ---[ end Kernel panic - not syncing: sysrq triggered crash ]---\r\n";
        assert_eq!(watch.look(text.as_bytes()), Some(Ended::Panic("sysrq triggered crash".into())));
    }

    #[test]
    fn a_lost_timer_is_seen() {
        let mut watch = ConsoleWatch::default();
        watch.look(b"[   25.025276] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\r\n");
        assert!(!watch.timer_lost, "an emulated guest may be slow");
        let line = b"[   25.065714] rcu: rcu_preempt kthread timer wakeup didn't happen for 5251 jiffies! g-983 f0x0\r\n";
        assert_eq!(watch.look(line), None);
        assert!(watch.timer_lost);
    }

    #[test]
    fn a_log_that_tells_of_a_panic_is_none() {
        let mut watch = ConsoleWatch::default();
        let text = "Nov 21 host kernel: Kernel panic - not syncing: x\n\
            Nov 21 host kernel: ---[ end Kernel panic - not syncing: x ]---\n\
            [   12.4] Kernel panic - not syncing: only half\n";
        assert_eq!(watch.look(text.as_bytes()), None);
    }
}
