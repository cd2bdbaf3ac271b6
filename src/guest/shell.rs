//! Command lines for the guest's shell.

use std::ffi::OsString;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("can't send the argument {0:?} over SSH: it is not UTF-8")]
pub struct NotUtf8(OsString);

/// Returns the line for the guest's shell: a single argument unchanged, several ones quoted, so
/// that the guest gets the same argument vector.
pub fn shell_line(args: &[OsString]) -> Result<String, NotUtf8> {
    let text = |arg: &OsString| {
        arg.to_str()
            .map(str::to_owned)
            .ok_or_else(|| NotUtf8(arg.clone()))
    };
    match args {
        [line] => text(line),
        vector => Ok(vector
            .iter()
            .map(|a| Ok(quote(&text(a)?)))
            .collect::<Result<Vec<_>, _>>()?
            .join(" ")),
    }
}

/// Returns the line that runs a command with root's rights, in whatever shell the user has. `sudo`
/// must not ask for a password. The command has no quotes.
pub fn as_root(command: &str) -> String {
    format!("sh -c 'if [ \"$(id -u)\" = 0 ]; then exec {command}; else exec sudo -n {command}; fi'")
}

/// Quotes a word for a POSIX shell.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_argument_is_a_shell_line_and_several_are_a_vector() {
        let line = |args: &[&str]| {
            shell_line(&args.iter().map(OsString::from).collect::<Vec<_>>()).unwrap()
        };
        assert_eq!(line(&["journalctl -b | tail"]), "journalctl -b | tail");
        assert_eq!(line(&["sh", "-c", "exit 42"]), "sh -c 'exit 42'");
    }

    #[cfg(unix)]
    #[test]
    fn a_real_shell_reads_quoted_words_unchanged() {
        let words = [
            "", "a b", "$HOME", "it's", "a\nb", "`x`", "\\", "*", "ä", "-n", "#", "a=b", "~", "\"",
            "!",
        ];
        let line = shell_line(
            &["printf", "%s\\0"]
                .iter()
                .chain(&words)
                .map(OsString::from)
                .collect::<Vec<_>>(),
        );
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(line.unwrap())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            text.trim_end_matches('\0').split('\0').collect::<Vec<_>>(),
            words
        );
    }
}
