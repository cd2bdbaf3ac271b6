//! Command lines for the guest's login shell, which may be any shell: also fish, nushell or csh.

use std::ffi::OsString;
use std::fmt::Write as _;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("can't send the argument {0:?} over SSH: it is not UTF-8")]
pub struct NotUtf8(OsString);

/// Returns the line for the guest's shell: a single argument unchanged, several ones quoted, so
/// that the guest gets the same argument vector.
pub fn shell_line(args: &[OsString]) -> Result<String, NotUtf8> {
    let words = args
        .iter()
        .map(|arg| arg.to_str().ok_or_else(|| NotUtf8(arg.clone())))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(match words[..] {
        [line] => line.to_owned(),
        // No shell changes these words.
        _ if is_plain_command(&words) => words.join(" "),
        _ => any_shell(&words.into_iter().map(quote).collect::<Vec<_>>().join(" ")),
    })
}

/// True if every shell passes these words on as they are.
fn is_plain_command(words: &[&str]) -> bool {
    let plain = |word: &str, others: &str| {
        word.starts_with(|c: char| c.is_ascii_alphanumeric() || "-/._".contains(c))
            && word.chars().all(|c| is_plain(c) || others.contains(c))
    };
    // The first word would be an assignment, or an expression of nushell.
    let first = words.first().is_none_or(|word| {
        plain(word, "") && word.starts_with(|c: char| c.is_ascii_alphabetic() || "/.".contains(c))
    });
    first && words.iter().skip(1).all(|word| plain(word, "="))
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./:+,".contains(c)
}

/// Returns the line that runs a command with root's rights, in whatever shell the user has. `sudo`
/// must not ask for a password. The command has no quotes.
pub fn as_root(command: &str) -> String {
    format!("sh -c 'if [ \"$(id -u)\" = 0 ]; then exec {command}; else exec sudo -n {command}; fi'")
}

/// Returns the line that runs a script with root's rights in a POSIX shell. `sudo` must not ask for
/// a password.
pub fn script_as_root(script: &str) -> String {
    let script = quote(script);
    format!("if [ \"$(id -u)\" = 0 ]; then sh -c {script}; else sudo -n sh -c {script}; fi")
}

/// Quotes a word for a POSIX shell.
pub fn quote(word: &str) -> String {
    let plain = |c: char| is_plain(c) || "=@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) && word.starts_with(|c| c != '=') {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Returns a line by which any shell runs a script of a POSIX shell.
///
/// All shells agree on single quotes around characters other than quotes, backslashes, newlines and
/// exclamation marks. printf(1) makes those, and all that is not ASCII, of their octal numbers. A
/// backslash before a digit is only a backslash for all shells.
pub fn any_shell(script: &str) -> String {
    let is_safe = |c: char| c.is_ascii_graphic() && !"'\\!".contains(c) || c == ' ';
    if script.chars().all(is_safe) {
        return format!("exec sh -c '{script}'");
    }
    let mut encoded = String::new();
    for byte in script.bytes() {
        match char::from(byte) {
            // The script's own shell reads the encoded text in double quotes.
            c if is_safe(c) && !"\"$`".contains(c) => encoded.push(c),
            // Writing to a string can't fail.
            _ => drop(write!(encoded, "\\0{byte:03o}")),
        }
    }
    format!("exec sh -c 'eval \"$(printf %b \"{encoded}\")\"'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    const WORDS: [&str; 36] = [
        "",
        "a b",
        " ",
        "$HOME",
        "it's",
        "\"quoted\"",
        "a\nb",
        "\n",
        "`x`",
        "\\",
        "\\\\",
        "a\\\\b",
        "\\n",
        "\\047",
        "*",
        "ä",
        "-n",
        "--help",
        "#",
        "a=b",
        "=ls",
        "~",
        "\"",
        "!",
        "!!",
        "a!b",
        "%self",
        "%s",
        "@x",
        "{a,b}",
        "(id)",
        "$(id)",
        "a;b",
        "a&b|c>d",
        "1..3",
        "?",
    ];

    fn line(args: &[&str]) -> String {
        shell_line(&args.iter().map(OsString::from).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn one_argument_is_a_shell_line_and_several_are_a_vector() {
        assert_eq!(line(&["journalctl -b | tail"]), "journalctl -b | tail");
        assert_eq!(line(&["ls", "-l", "/etc"]), "ls -l /etc");
        assert_eq!(line(&["a", "--b=c"]), "a --b=c");
        assert_eq!(
            line(&["a", "b c"]),
            r#"exec sh -c 'eval "$(printf %b "a \0047b c\0047")"'"#
        );
        assert_eq!(any_shell("id -u; $x"), "exec sh -c 'id -u; $x'");
        for first in ["a=b", "-n", "[", "1", "@x"] {
            assert!(line(&[first, "x"]).starts_with("exec sh -c "), "{first}");
        }
    }

    /// Shells of the host that exist; `tests/setup.sh --tests` installs all but nushell.
    #[cfg(unix)]
    fn shells() -> Vec<std::path::PathBuf> {
        let names = [
            "sh", "bash", "dash", "fish", "csh", "tcsh", "zsh", "ksh", "nu",
        ];
        names
            .iter()
            .filter_map(|name| which::which(name).ok())
            .collect()
    }

    #[cfg(unix)]
    fn output(shell: &std::path::Path, line: &str) -> (Option<i32>, String) {
        let home = tempfile::tempdir().unwrap();
        // As sshd starts a login shell for a command.
        let output = std::process::Command::new(shell)
            .arg("-c")
            .arg(line)
            .env("HOME", home.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            "",
            "{}",
            shell.display()
        );
        (output.status.code(), text)
    }

    #[cfg(unix)]
    #[test]
    fn real_shells_pass_words_on_unchanged() {
        let printf = ["printf", "%s\\0"];
        for shell in shells() {
            let (code, text) = output(&shell, &line(&[&printf[..], &WORDS].concat()));
            let words: Vec<&str> = text.strip_suffix('\0').unwrap().split('\0').collect();
            assert_eq!(
                (code, &words[..]),
                (Some(0), &WORDS[..]),
                "{}",
                shell.display()
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn real_shells_run_our_scripts() {
        let script =
            "x=$(echo \"it's\"); if [ \"$x\" = \"it's\" ]; then\nprintf '%s\\n' '!'; fi; exit 7";
        for shell in shells() {
            let told = output(&shell, &any_shell(script));
            assert_eq!(told, (Some(7), "!\n".into()), "{}", shell.display());
        }
    }
}
