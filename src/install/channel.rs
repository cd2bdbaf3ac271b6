//! The protocol between the host and the install script in the guest, `vm-assets/direct/install`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::guest::shell::quote;

/// A longer line from the guest is cut. Bytes.
const LINE_MAX: usize = 64 << 10;

/// A line from the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Output of bootc.
    Text(String),
    /// The image's install configuration; the script waits for the command line.
    Config(Config),
    /// The exit code of `bootc install`.
    Exit(i32),
}

/// The part of `bootc install print-configuration` that matters here.
/// <https://bootc-dev.github.io/bootc/man/bootc-install-config.5.html>
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Config {
    root_fs_type: Option<String>,
    filesystem: Option<Filesystems>,
    pub bootloader: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Filesystems {
    root: Option<RootFilesystem>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct RootFilesystem {
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Config {
    /// Parses the configuration. An invalid one counts as empty, and bootc decides.
    pub fn parse(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }

    /// The type of the root filesystem that the image configures.
    pub fn root_filesystem(&self) -> Option<&str> {
        let nested = self
            .filesystem
            .as_ref()
            .and_then(|f| f.root.as_ref())
            .and_then(|r| r.kind.as_deref());
        nested.or(self.root_fs_type.as_deref())
    }
}

/// Splits the guest's bytes into lines.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Returns the lines that these bytes complete. A carriage return, as progress bars write it,
    /// ends a line, too.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        for &byte in bytes {
            if byte != b'\n' && byte != b'\r' {
                if self.partial.len() < LINE_MAX {
                    self.partial.push(byte);
                }
                continue;
            }
            let text = String::from_utf8_lossy(&std::mem::take(&mut self.partial)).into_owned();
            if !text.trim().is_empty() {
                lines.push(parse(text));
            }
        }
        lines
    }
}

fn parse(text: String) -> Line {
    if let Some(json) = text.strip_prefix("@config ") {
        return Line::Config(Config::parse(json));
    }
    match text
        .strip_prefix("@exit ")
        .and_then(|code| code.trim().parse().ok())
    {
        Some(code) => Line::Exit(code),
        None => Line::Text(text),
    }
}

/// The answer to [`Line::Config`]. `with_bound` says that the machine has a disk with bound images.
pub fn answer(command: &[String], with_bound: bool) -> Vec<u8> {
    let line = command
        .iter()
        .map(|word| quote(word))
        .collect::<Vec<_>>()
        .join(" ");
    let bound = if with_bound { " bound" } else { "" };
    format!("{}{bound}\n", STANDARD.encode(line)).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_arrive_in_any_pieces() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"Instal"), []);
        assert_eq!(
            lines.push(b"ling\n10%\r20%\r\n@ex"),
            ["Installing", "10%", "20%"].map(|t| Line::Text(t.into()))
        );
        assert_eq!(lines.push(b"it 0\n"), [Line::Exit(0)]);
        assert_eq!(
            lines.push(b"@exit soon\n"),
            [Line::Text("@exit soon".into())]
        );
        lines.push(&vec![b'x'; 1 << 20]);
        assert!(matches!(&lines.push(b"\n")[..], [Line::Text(text)] if text.len() == LINE_MAX));
    }

    #[test]
    fn the_filesystem_is_found_where_bootc_writes_it() {
        let root = |json: &str| match parse(format!("@config {json}")) {
            Line::Config(config) => config.root_filesystem().map(str::to_owned),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            root(r#"{"filesystem":{"root":{"type":"xfs"}},"kargs":null}"#).as_deref(),
            Some("xfs")
        );
        assert_eq!(
            root(r#"{"root-fs-type":"ext4","filesystem":null}"#).as_deref(),
            Some("ext4")
        );
        assert_eq!(root(r#"{"filesystem":{"root":{}}}"#), None);
        assert_eq!(root("not json"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_the_same_words() {
        let words = ["printf", "%s\\0", "a b", "it's", "--karg=$(x)\n"].map(str::to_owned);
        // As the install script does.
        let script = "read -r line bound; eval \"set -- $(echo \"$line\" | base64 -d)\"; \
            \"$@\"; echo \"$bound\"";
        for (with_bound, bound) in [(false, ""), (true, "bound")] {
            let folder = tempfile::tempdir().unwrap();
            let answers = folder.path().join("answer");
            std::fs::write(&answers, answer(&words, with_bound)).unwrap();
            let output = std::process::Command::new("sh")
                .args(["-c", script])
                .stdin(std::fs::File::open(answers).unwrap())
                .output()
                .unwrap();
            let want = format!("a b\0it's\0--karg=$(x)\n\0{bound}\n");
            assert_eq!(String::from_utf8(output.stdout).unwrap(), want);
        }
    }
}
