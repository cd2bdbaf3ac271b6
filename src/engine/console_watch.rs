//! Watches a guest's serial console for two things: an end that the guest announces, and a lost
//! timer.

use super::outcome::Ended;

/// The first program of a direct boot prints this when it fails: see `vm-assets/direct/init`.
const BOOT_FAILURE: &str = "podman-bootc: direct boot failed: ";
/// The kernel's check for stalls prints this about its thread `rcu_preempt` or `rcu_sched`
/// (tree_stall.h).
const TIMER_LOST: &str = "kthread timer wakeup didn't happen";
/// Longer lines are cut: they are not kernel messages. Bytes.
const LINE_MAX: usize = 1024;

/// Reads the output of a serial console.
#[derive(Default)]
pub struct ConsoleWatch {
    line: Vec<u8>,
    /// The kernel's message about a panic whose end marker has not come yet.
    pub panic: Option<String>,
    /// The kernel reported that a CPU's timer doesn't wake it.
    pub timer_lost: bool,
}

impl ConsoleWatch {
    /// Returns the end that the guest announces, if it does. A panic needs its end marker, too: a
    /// program may print a line of an old log.
    pub fn read(&mut self, bytes: &[u8]) -> Option<Ended> {
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
            // Half a line of another program can precede the kernel's clock.
            let after_clock =
                |marker: &str| Some(line.split_once(&format!("] {marker}"))?.1.trim().to_owned());
            self.timer_lost |= after_clock("rcu: ").is_some_and(|text| text.contains(TIMER_LOST));
            if let Some(message) = after_clock("Kernel panic - not syncing: ") {
                self.panic = Some(message);
            } else if after_clock("---[ end Kernel panic - not syncing").is_some()
                && self.panic.is_some()
            {
                return self.panic.take().map(Ended::Panic);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Ended> {
        ConsoleWatch::default().read(text.as_bytes())
    }

    #[test]
    fn a_panic_has_two_lines() {
        let mut watch = ConsoleWatch::default();
        let text = "[   12.3] x\r\n[   12.4] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\r\n\
            [   12.5] CPU: 0\r\n[   12.6] ---[ end Kernel panic - not syncing: Attempted to kill init! ]---\r\n";
        let (first, second) = text.split_at(60);
        assert_eq!(watch.read(first.as_bytes()), None);
        let panic = "Attempted to kill init! exitcode=0x00000100".to_owned();
        assert_eq!(watch.read(second.as_bytes()), Some(Ended::Panic(panic)));
        let failure = read("podman-bootc: direct boot failed: no root\n");
        assert_eq!(failure, Some(Ended::Failed("no root".into())));
    }

    #[test]
    fn a_panic_can_follow_half_a_line() {
        let text = "         Starting udev...[   12.4] Kernel panic - not syncing: sysrq triggered crash\r\n\
            [  OK  ] Started[   12.6] ---[ end Kernel panic - not syncing: sysrq triggered crash ]---\r\n";
        assert_eq!(
            read(text),
            Some(Ended::Panic("sysrq triggered crash".into()))
        );
    }

    #[test]
    fn a_lost_timer_is_not_a_mere_stall() {
        let mut watch = ConsoleWatch::default();
        watch.read(b"[   25.025276] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\r\n");
        assert!(!watch.timer_lost, "an emulated guest may be slow");
        let line = b"[   25.065714] rcu: rcu_preempt kthread timer wakeup didn't happen for 5251 jiffies! g-983 f0x0\r\n";
        assert_eq!(watch.read(line), None);
        assert!(watch.timer_lost);
    }

    #[test]
    fn a_log_that_quotes_a_panic_is_not_a_panic() {
        let text = "Nov 21 host kernel: Kernel panic - not syncing: x\n\
            Nov 21 host kernel: ---[ end Kernel panic - not syncing: x ]---\n\
            [   12.4] Kernel panic - not syncing: only half\n";
        assert_eq!(read(text), None);
    }
}
