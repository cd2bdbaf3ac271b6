//! Cuts the output of a serial console into lines. The kernel writes its lines at once, in the
//! middle of what programs write, even of an escape sequence: a serial port takes 16 bytes at a
//! time from a program. So both have their own line here.

use crate::text::plain;

/// Longer lines and escape sequences are cut: they are not messages. Bytes.
const LINE_MAX: usize = 1024;
/// A longer unfinished line is not a prompt. Bytes.
const PROMPT_MAX: usize = 256;
/// The clock is never longer: the seconds have at most 20 digits. Bytes.
const CLOCK_MAX: usize = 29;
/// The digits of the clock's fraction, microseconds (`print_time` in the kernel's printk.c).
const FRACTION: usize = 6;

/// A line that is complete. It is safe to print.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// The kernel's, or what systemd writes to its log. Without the clock and the printing task.
    Kernel(String),
    /// The firmware's, the boot loader's or a program's. Not blank.
    Program(String),
}

/// The unfinished lines of a console.
#[derive(Debug, Default)]
pub struct ConsoleLines {
    /// What may be the beginning of the kernel's clock.
    clock: Vec<u8>,
    /// The kernel's line, behind its clock.
    kernel: Option<Vec<u8>>,
    /// The line of everything else.
    program: Vec<u8>,
    escape: Escape,
}

/// The part of an escape sequence that came last (ECMA-48).
#[derive(Debug, Default)]
enum Escape {
    #[default]
    None,
    Start,
    /// A control sequence.
    Control,
    /// One more byte, as in the choice of a character set.
    One,
    /// A string for the terminal, and its length so far.
    Text(usize),
    /// The end of such a string may have begun.
    TextEnd,
}

impl ConsoleLines {
    /// Takes a byte, and returns the line that it ends.
    pub fn push(&mut self, byte: u8) -> Option<Line> {
        if let Some(line) = &mut self.kernel {
            if byte != b'\n' {
                push_bounded(line, byte);
                return None;
            }
            let line = text(line);
            self.kernel = None;
            return Some(Line::Kernel(without_caller(&line).to_owned()));
        }
        if byte == b'[' {
            // What began before is text, and ends no line.
            self.reject_clock();
            self.clock.push(byte);
            return None;
        }
        if self.clock.is_empty() {
            return self.take_line(byte);
        }
        self.clock.push(byte);
        match read_clock(&self.clock) {
            Clock::Begins => None,
            Clock::Complete => {
                self.clock.clear();
                self.kernel = Some(Vec::new());
                None
            }
            Clock::No => self.reject_clock(),
        }
    }

    /// Takes what began like a clock as a program's text.
    fn reject_clock(&mut self) -> Option<Line> {
        let bytes = std::mem::take(&mut self.clock);
        bytes
            .into_iter()
            .fold(None, |line, byte| self.take_line(byte).or(line))
    }

    fn take_line(&mut self, byte: u8) -> Option<Line> {
        if !self.take(byte) || self.program.is_empty() {
            return None;
        }
        let line = text(&self.program);
        self.program.clear();
        Some(Line::Program(line))
    }

    /// Returns a program's line that has no end yet, unless it is too long for a prompt.
    pub fn unfinished(&self) -> Option<String> {
        (1..PROMPT_MAX)
            .contains(&self.program.len())
            .then(|| text(&self.program))
    }

    /// Returns whether no program has begun a line.
    pub fn is_blank(&self) -> bool {
        self.program.trim_ascii().is_empty()
    }

    /// Forgets what the last program wrote without an end of the line.
    pub fn drop_unfinished(&mut self) {
        self.program.clear();
        self.escape = Escape::None;
    }

    /// Takes a program's byte; returns true when it ends a line. Escape sequences are dropped, and
    /// those that move the cursor or clear the screen, as firmware and boot loaders do, end a line.
    fn take(&mut self, byte: u8) -> bool {
        use Escape::{Control, None, One, Start, Text, TextEnd};
        let (next, ends_line) = match (&self.escape, byte) {
            (_, b'\n') => (None, true),
            (None | Control, 0x1b) => (Start, false),
            (None, b'\r') => (None, true),
            (None, _) => {
                push_bounded(&mut self.program, byte);
                (None, false)
            }
            (Start, b'[') => (Control, false),
            (Start, b'P' | b'X' | b']' | b'^' | b'_') => (Text(0), false),
            (Start, b' '..=b'/') => (One, false),
            (Start | One, _) => (None, byte == b'c'),
            (Control, 0x40..=0x7e) => (None, b"HJfd".contains(&byte)),
            (Control, _) => (Control, false),
            (Text(_), 0x07) => (None, false),
            (Text(_), 0x1b) => (TextEnd, false),
            (Text(LINE_MAX), _) | (TextEnd, _) => (None, false),
            (Text(length), _) => (Text(length + 1), false),
        };
        self.escape = next;
        ends_line
    }
}

fn push_bounded(line: &mut Vec<u8>, byte: u8) {
    if line.len() < LINE_MAX {
        line.push(byte);
    }
}

fn text(line: &[u8]) -> String {
    plain(&String::from_utf8_lossy(line))
}

/// With CONFIG_PRINTK_CALLER, the printing task or CPU follows the clock.
fn without_caller(line: &str) -> &str {
    let caller = line.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    caller.map_or(line, |(_, message)| message).trim_start()
}

/// How bytes compare with the kernel's clock, such as `[   12.345678]`.
enum Clock {
    No,
    Begins,
    Complete,
}

fn read_clock(bytes: &[u8]) -> Clock {
    let Some(rest) = bytes
        .strip_prefix(b"[")
        .filter(|_| bytes.len() <= CLOCK_MAX)
    else {
        return Clock::No;
    };
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    let digits = |bytes: &[u8]| {
        bytes
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let rest = &rest[spaces..];
    let seconds = digits(rest);
    let fraction = match (seconds, &rest[seconds..]) {
        (_, []) => return Clock::Begins,
        (1.., [b'.', fraction @ ..]) => fraction,
        _ => return Clock::No,
    };
    match (digits(fraction), &fraction[digits(fraction)..]) {
        (..=FRACTION, []) => Clock::Begins,
        (FRACTION, b"]") => Clock::Complete,
        _ => Clock::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the lines of a text, and what has no end.
    fn lines(text: &str) -> (Vec<Line>, Option<String>) {
        let mut lines = ConsoleLines::default();
        let complete = text.bytes().filter_map(|byte| lines.push(byte)).collect();
        (complete, lines.unfinished())
    }

    fn kernel(text: &str) -> Line {
        Line::Kernel(text.to_owned())
    }

    fn program(text: &str) -> Line {
        Line::Program(text.to_owned())
    }

    #[test]
    fn the_kernel_cuts_no_line_of_a_program() {
        // Linux 6.12 and systemd 257.
        let text = "         Startin[   11.388241] systemd[1]: tpm2 skipped\r\n\
            g \x1b[0;1[   11.388300][    T1] x: [ y ] z\r\n;39mudev\x1b[0m...\r\r\n";
        let complete = vec![
            kernel("systemd[1]: tpm2 skipped"),
            kernel("x: [ y ] z"),
            program("         Starting udev..."),
        ];
        assert_eq!(lines(text), (complete, None));
    }

    #[test]
    fn the_kernel_cuts_no_prompt() {
        for cut in 1..40 {
            let (before, after) = "\x1b]3008;start=1f\x1b\\Press any key to go on".split_at(cut);
            let text = format!("{before}[    1.000000] one\r\n[12345.000000] two\r\n{after}");
            let complete = vec![kernel("one"), kernel("two")];
            let prompt = Some("Press any key to go on".to_owned());
            assert_eq!(lines(&text), (complete, prompt), "{cut}");
        }
    }

    #[test]
    fn lines_are_bounded() {
        for start in ["", "[    1.000000] "] {
            let (lines, unfinished) = lines(&format!("{start}{}\n", "x".repeat(100_000)));
            let [Line::Kernel(line) | Line::Program(line)] = &lines[..] else {
                panic!("{lines:?}");
            };
            assert_eq!((line.len() / 100, unfinished), (LINE_MAX / 100, None));
        }
    }

    #[test]
    fn what_is_like_a_clock_is_text() {
        for text in [
            "[  OK  ] Started x.",
            "[1.5] x",
            "[[1] x",
            "[ 12.3456789] x",
            "[",
            "[ ",
            "[12.",
            "[.000000] x",
            "x[1]: y",
            "[12.345678 ] x",
        ] {
            let complete = vec![program(text)];
            assert_eq!(lines(&format!("{text}\n")), (complete, None));
        }
        let spaces = format!("[{}1.000000] x", " ".repeat(CLOCK_MAX));
        assert_eq!(lines(&spaces), (vec![], Some(spaces)));
        let twice = lines("[[    0.000000] x\n\n");
        assert_eq!(twice, (vec![kernel("x"), program("[")], None));
    }
}
