//! The command line for the guest's shell.

use std::ffi::OsString;

/// An argument that SSH can't carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the argument {0:?} is not UTF-8; SSH can't carry it")]
pub struct NotUtf8(OsString);

/// One argument is a shell line as it stands; several are an argument vector that has to arrive exactly.
///
/// # Errors
/// An argument is not UTF-8.
pub fn shell_line(args: &[OsString]) -> Result<String, NotUtf8> {
    let text = |arg: &OsString| arg.to_str().map(str::to_owned).ok_or_else(|| NotUtf8(arg.clone()));
    match args {
        [line] => text(line),
        vector => Ok(vector.iter().map(|a| Ok(quote(&text(a)?))).collect::<Result<Vec<_>, _>>()?.join(" ")),
    }
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
    fn one_argument_is_a_line_several_are_a_vector() {
        let line = |args: &[&str]| shell_line(&args.iter().map(OsString::from).collect::<Vec<_>>()).unwrap();
        assert_eq!(line(&["journalctl -b | tail"]), "journalctl -b | tail");
        assert_eq!(line(&["sh", "-c", "exit 42"]), "sh -c 'exit 42'");
    }

    #[cfg(unix)]
    #[test]
    fn a_real_shell_gives_back_what_was_quoted() {
        let words =
            ["", "a b", "$HOME", "it's", "a\nb", "`x`", "\\", "*", "ä", "-n", "#", "a=b", "~", "\"", "!"];
        let line =
            shell_line(&["printf", "%s\\0"].iter().chain(&words).map(OsString::from).collect::<Vec<_>>());
        let output = std::process::Command::new("sh").arg("-c").arg(line.unwrap()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.trim_end_matches('\0').split('\0').collect::<Vec<_>>(), words);
    }
}
