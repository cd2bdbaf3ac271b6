//! Tells from a guest's console whether its kernel has started, and none of its programs.

use super::console_lines::Line;

/// The first line of a Linux kernel begins with this, after its time.
const BEGIN: &str = "Linux version ";
/// What the kernel prints when it starts the first program (`run_init_process` in its init/main.c).
const FIRST_PROGRAM: &str = " as init process";
/// The first program of a direct boot. It never waits for a person.
const OURS: &str = "Run /podman-bootc/init";

/// Reads the lines of a console.
#[derive(Debug, Default)]
pub struct KernelPhase {
    lasts: bool,
}

impl KernelPhase {
    /// Reads a line, and returns whether a kernel begins with it.
    pub fn read(&mut self, line: &Line) -> bool {
        let (begins, goes_on) = match line {
            Line::Kernel(message) => (message.starts_with(BEGIN), is_own(message)),
            Line::Program(_) => (false, false),
        };
        self.lasts = begins || self.lasts && goes_on;
        begins
    }

    /// Returns whether a kernel has started and no program has.
    pub fn lasts(&self) -> bool {
        self.lasts
    }
}

/// Returns whether a message is the kernel's own and doesn't end the phase. systemd writes to the
/// kernel's log, too.
fn is_own(message: &str) -> bool {
    let starts_program = message.contains(FIRST_PROGRAM) && !message.starts_with(OURS);
    !starts_program && !message.starts_with("systemd[")
}

#[cfg(test)]
mod tests {
    use super::super::console_lines::ConsoleLines;
    use super::*;

    fn lasts_after(lines: &[&str]) -> bool {
        let mut console = ConsoleLines::default();
        let mut phase = KernelPhase::default();
        for line in lines {
            let text = format!("{line}\r\n");
            let lines = text.bytes().filter_map(|byte| console.push(byte));
            lines.for_each(|line| _ = phase.read(&line));
        }
        phase.lasts()
    }

    #[test]
    fn the_phase_ends_with_the_first_program() {
        let first = "[    0.000000] Linux version 6.12.117+deb13-cloud-amd64";
        let serial = "[    1.667548] 00:02: ttyS0 at I/O 0x3f8";
        let first_of_task = "[    0.000000][    T0] Linux version 6.16.0";
        for (lines, expected) in [
            (&[first, serial][..], true),
            (&["SeaBIOS (version 1.16.3)", first], true),
            (&[first_of_task, "[    1.200000][    T1] x"], true),
            (
                &[
                    first,
                    "[    7.900000] Run /podman-bootc/init as init process",
                ],
                true,
            ),
            (&[first, "[    7.900000] Run /init as init process"], false),
            (
                &[
                    first,
                    "[    8.100000] systemd[1]: Inserted module 'autofs4'",
                ],
                false,
            ),
            (&[first, "Please enter passphrase for disk vda3:"], false),
            (&[serial], false),
            (&[first, "login:", serial], false),
            (&[first, "login:", first], true),
        ] {
            assert_eq!(lasts_after(lines), expected, "{lines:?}");
        }
    }
}
