//! Tells from a guest's console whether its kernel has started, and none of its programs.

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
    /// Reads a whole line.
    pub fn read(&mut self, line: &str) {
        let message = message(line);
        let begins = message.is_some_and(|message| message.starts_with(BEGIN));
        self.lasts = begins || (self.lasts && message.is_some_and(is_own));
    }

    /// Returns whether it lasts, after the beginning of the next line.
    pub fn lasts(&self, line: &str) -> bool {
        self.lasts && (line.trim().is_empty() || message(line).is_some())
    }
}

/// Returns a line of the kernel without its time.
fn message(line: &str) -> Option<&str> {
    let (time, message) = line.strip_prefix('[')?.split_once(']')?;
    time.trim_start().parse::<f64>().ok()?;
    // With CONFIG_PRINTK_CALLER, the printing task or CPU follows.
    let caller = message
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'));
    Some(caller.map_or(message, |(_, message)| message).trim_start())
}

/// Returns whether a message is the kernel's own and doesn't end the phase. systemd writes to the
/// kernel's log, too.
fn is_own(message: &str) -> bool {
    let starts_program = message.contains(FIRST_PROGRAM) && !message.starts_with(OURS);
    !starts_program && !message.starts_with("systemd[")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lasts_after(lines: &[&str], next: &str) -> bool {
        let mut phase = KernelPhase::default();
        lines.iter().for_each(|line| phase.read(line));
        phase.lasts(next)
    }

    #[test]
    fn the_phase_ends_with_the_first_program() {
        let first = "[    0.000000] Linux version 6.12.117+deb13-cloud-amd64";
        let serial = "[    1.667548] 00:02: ttyS0 at I/O 0x3f8";
        for (lines, next, expected) in [
            (&[first, serial][..], "", true),
            (&["SeaBIOS (version 1.16.3)", first], "[    1.4", false),
            (&["SeaBIOS (version 1.16.3)", first], "[    1.4] x", true),
            (
                &[
                    "[    0.000000][    T0] Linux version 6.16.0",
                    "[    1.2][    T1] x",
                ],
                "",
                true,
            ),
            (
                &[first, "[    7.9] Run /podman-bootc/init as init process"],
                "",
                true,
            ),
            (&[first, "[    7.9] Run /init as init process"], "", false),
            (
                &[first, "[    8.1] systemd[1]: Inserted module 'autofs4'"],
                "",
                false,
            ),
            (
                &[first, "Please enter passphrase for disk vda3:"],
                "",
                false,
            ),
            (&[first, serial], "Press any key", false),
            (&[serial], "", false),
            (&[first, "login:", serial], "", false),
            (&[first, "login:", first], "", true),
        ] {
            assert_eq!(lasts_after(lines, next), expected, "{lines:?} {next}");
        }
    }
}
