//! The labels that an SELinux policy gives to files, as `file_contexts(5)` describes them.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use regex::bytes::Regex;

/// The texts of a policy's file contexts. Those that the policy lacks are empty.
#[derive(Debug, Default)]
pub struct Texts {
    /// `file_contexts`.
    pub base: String,
    pub homedirs: String,
    pub local: String,
    /// `file_contexts.subs`.
    pub subs: String,
    pub subs_dist: String,
}

impl Texts {
    /// The texts by the ends of their files' names.
    pub fn named(&self) -> [(&'static str, &str); 5] {
        [
            ("", &self.base),
            (".homedirs", &self.homedirs),
            (".local", &self.local),
            (".subs", &self.subs),
            (".subs_dist", &self.subs_dist),
        ]
    }

    /// Reads all texts with a function that gets the ends of their files' names.
    pub fn read<E>(mut read: impl FnMut(&str) -> Result<String, E>) -> Result<Self, E> {
        Ok(Self {
            base: read("")?,
            homedirs: read(".homedirs")?,
            local: read(".local")?,
            subs: read(".subs")?,
            subs_dist: read(".subs_dist")?,
        })
    }
}

/// The kinds of files that lines can be limited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Folder,
    Link,
    /// A device, a pipe or a socket.
    Other,
}

impl From<std::fs::FileType> for Kind {
    fn from(kind: std::fs::FileType) -> Self {
        if kind.is_symlink() {
            Self::Link
        } else if kind.is_dir() {
            Self::Folder
        } else if kind.is_file() {
            Self::File
        } else {
            Self::Other
        }
    }
}

/// One line: which files it is for, and their label.
#[derive(Debug)]
struct Spec<'a> {
    expression: &'a str,
    kind: Option<Kind>,
    /// `None` for files that the policy leaves alone.
    label: Option<&'a str>,
    /// Each path that the expression matches begins with this.
    prefix: String,
    /// The expression is a path.
    is_path: bool,
    regex: OnceCell<Option<Regex>>,
}

impl<'a> Spec<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let expression = words.next().filter(|word| !word.starts_with('#'))?;
        let (second, third) = (words.next()?, words.next());
        let kind = match (second, third) {
            (_, None) => None,
            ("--", _) => Some(Kind::File),
            ("-d", _) => Some(Kind::Folder),
            ("-l", _) => Some(Kind::Link),
            _ => Some(Kind::Other),
        };
        let label = third.unwrap_or(second);
        let (prefix, is_path) = literal_prefix(expression);
        Some(Self {
            expression,
            kind,
            // No policy has labels of other characters, and other programs get them.
            label: Some(label).filter(|label| label.bytes().all(is_label_byte)),
            prefix,
            is_path,
            regex: OnceCell::new(),
        })
    }

    fn matches(&self, path: &[u8], kind: Kind) -> bool {
        if self.kind.is_some_and(|only| only != kind) || !path.starts_with(self.prefix.as_bytes()) {
            return false;
        }
        if self.is_path {
            return path.len() == self.prefix.len();
        }
        let regex = self.regex.get_or_init(|| {
            Regex::new(&format!("(?s-u)^{}$", self.expression))
                .inspect_err(|error| tracing::warn!(%error, "ignoring a line of file_contexts"))
                .ok()
        });
        regex.as_ref().is_some_and(|regex| regex.is_match(path))
    }
}

fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.:,-".contains(&byte)
}

/// Returns the text before the first special character of a regular expression, and true when
/// no such character exists.
fn literal_prefix(expression: &str) -> (String, bool) {
    // An alternative at the outermost level begins anew.
    let mut depth = 0;
    for c in expression.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            '|' if depth == 0 => return (String::new(), false),
            _ => {}
        }
    }
    let mut prefix = String::new();
    let mut rest = expression.chars().peekable();
    while let Some(&next) = rest.peek() {
        let character = match next {
            '.' | '^' | '$' | '?' | '*' | '+' | '|' | '[' | '(' | '{' => return (prefix, false),
            '\\' => {
                rest.next();
                match rest.peek() {
                    Some(c) if !c.is_ascii_alphanumeric() => *c,
                    _ => return (prefix, false),
                }
            }
            other => other,
        };
        rest.next();
        if matches!(rest.peek(), Some('?' | '*' | '{')) {
            return (prefix, false);
        }
        prefix.push(character);
    }
    (prefix, true)
}

/// The lines of a policy, in the order in which later ones win.
#[derive(Debug)]
pub struct FileContexts<'a> {
    texts: &'a Texts,
    specs: Vec<Spec<'a>>,
    /// Each path that begins with the first path is looked up as if it began with the second.
    subs: [Vec<(&'a str, &'a str)>; 2],
}

impl<'a> FileContexts<'a> {
    pub fn parse(texts: &'a Texts) -> Self {
        let lines = [&texts.base, &texts.homedirs, &texts.local].map(|text| text.lines());
        let mut specs: Vec<Spec> = lines
            .into_iter()
            .flatten()
            .filter_map(Spec::parse)
            .collect();
        // Plain paths win.
        specs.sort_by_key(|spec| spec.is_path);
        let subs = [&texts.subs, &texts.subs_dist].map(|text| {
            let lines = text
                .lines()
                .map(str::trim)
                .filter(|line| !line.starts_with('#'));
            let words = |line: &'a str| {
                let (from, to) = line.split_once(char::is_whitespace)?;
                Some((from.trim_end_matches('/'), to.trim().trim_end_matches('/')))
            };
            lines.filter_map(words).collect()
        });
        Self { texts, specs, subs }
    }

    /// The path under which the policy lists the file at `path`.
    fn listed(&self, path: &[u8]) -> Vec<u8> {
        let mut path = path.to_vec();
        for subs in &self.subs {
            let found = subs.iter().find_map(|(from, to)| {
                let rest = path.strip_prefix(from.as_bytes())?;
                (rest.is_empty() || rest[0] == b'/').then(|| [to.as_bytes(), rest].concat())
            });
            path = found.unwrap_or(path);
        }
        path
    }

    /// The label of the file at this absolute path.
    pub fn label(&self, path: &[u8], kind: Kind) -> Option<&'a str> {
        let path = self.listed(path);
        let found = self
            .specs
            .iter()
            .rev()
            .find(|spec| spec.matches(&path, kind))?;
        found.label
    }

    /// Returns the texts without the lines that match none of these paths. A program that tries
    /// each line on each path needs much less time with them.
    pub fn needed_for<'p>(&self, paths: impl Iterator<Item = &'p [u8]>) -> Texts {
        let paths: BTreeSet<Vec<u8>> = paths.map(|path| self.listed(path)).collect();
        let is_needed = |spec: &Spec| {
            let prefix = spec.prefix.as_bytes().to_vec();
            let next = paths.range(prefix..).next();
            next.is_some_and(|path| path.starts_with(spec.prefix.as_bytes()))
        };
        let needed = |text: &str| {
            let lines = text.lines();
            let lines = lines.filter(|line| Spec::parse(line).is_some_and(|spec| is_needed(&spec)));
            lines.flat_map(|line| [line, "\n"]).collect()
        };
        Texts {
            base: needed(&self.texts.base),
            homedirs: needed(&self.texts.homedirs),
            local: needed(&self.texts.local),
            subs: self.texts.subs.clone(),
            subs_dist: self.texts.subs_dist.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Texts {
        Texts {
            base: "\
# comment
/.*\tsystem_u:object_r:default_t:s0
/usr/.*\tsystem_u:object_r:usr_t:s0
/usr/lib(64)?/.*\\.so(\\.[^/]*)*\t--\tsystem_u:object_r:lib_t:s0
/var/.*\tsystem_u:object_r:var_t:s0
/var\t-d\tsystem_u:object_r:var_t:s0
/run/.*\t<<none>>
/var/lib/odd\\+name(/.*)?\tsystem_u:object_r:odd_t:s0
/var/lib/(a|b)\tsystem_u:object_r:ab_t:s0
/usr/bin/true\t--\tsystem_u:object_r:true_t:s0
/usr/bin/tr.*\tsystem_u:object_r:tr_t:s0
/bad[\tsystem_u:object_r:bad_t:s0
/var/evil\tname\"\\nwrite
"
            .into(),
            homedirs: "/home/[^/]+/\\.ssh(/.*)?\tuser_u:object_r:ssh_home_t:s0\n".into(),
            local: "/var/lib/a\tsystem_u:object_r:local_t:s0\n".into(),
            subs: "/var/home /home\n".into(),
            subs_dist: "# comment\n/lib /usr/lib\n/usr/lib64 /usr/lib\n".into(),
        }
    }

    #[test]
    fn labels_are_those_of_the_last_line_that_matches() {
        let texts = texts();
        let contexts = FileContexts::parse(&texts);
        let label = |path: &str, kind| {
            let label = contexts.label(path.as_bytes(), kind)?;
            label.split(':').nth(2)
        };
        for (path, kind, expected) in [
            ("/", Kind::Folder, Some("default_t")),
            ("/usr/share/x", Kind::File, Some("usr_t")),
            ("/usr/lib/libx.so.1", Kind::File, Some("lib_t")),
            // The link to it is not a file.
            ("/usr/lib/libx.so", Kind::Link, Some("usr_t")),
            ("/lib/libx.so", Kind::File, Some("lib_t")),
            ("/usr/lib64/libx.so", Kind::File, Some("lib_t")),
            // A substitution is for whole names.
            ("/library", Kind::File, Some("default_t")),
            ("/var", Kind::Folder, Some("var_t")),
            ("/run/x", Kind::File, None),
            ("/var/lib/odd+name/x", Kind::Folder, Some("odd_t")),
            ("/var/lib/b", Kind::Folder, Some("ab_t")),
            ("/var/lib/a", Kind::Folder, Some("local_t")),
            // A path wins over an expression that comes later.
            ("/usr/bin/true", Kind::File, Some("true_t")),
            ("/usr/bin/true", Kind::Link, Some("tr_t")),
            (
                "/var/home/core/.ssh/authorized_keys",
                Kind::File,
                Some("ssh_home_t"),
            ),
            ("/var/evil", Kind::Other, None),
            ("/bad[", Kind::File, Some("default_t")),
        ] {
            assert_eq!(label(path, kind), expected, "{path}");
        }
    }

    #[test]
    fn only_lines_that_can_match_are_needed() {
        let texts = texts();
        let contexts = FileContexts::parse(&texts);
        let paths = [&b"/"[..], b"/lib/libx.so", b"/var/lib/c"];
        let needed = contexts.needed_for(paths.into_iter());
        let expressions: Vec<_> = needed
            .base
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        let expected = [
            "/.*",
            "/usr/.*",
            "/usr/lib(64)?/.*\\.so(\\.[^/]*)*",
            "/var/.*",
            "/var",
            "/var/lib/(a|b)",
        ];
        assert_eq!(expressions, expected);
        assert_eq!(
            (needed.homedirs, needed.local),
            (String::new(), String::new())
        );
        assert_eq!(needed.subs_dist, texts.subs_dist);
    }

    #[test]
    fn the_literal_part_of_an_expression_is_known() {
        for (expression, prefix, is_path) in [
            ("/usr/bin/true", "/usr/bin/true", true),
            ("/usr/a\\.b\\+c", "/usr/a.b+c", true),
            ("/usr/lib(64)?", "/usr/lib", false),
            ("/usr/lib6?4", "/usr/lib", false),
            ("/usr/libx+", "/usr/libx", false),
            ("/usr/\\d", "/usr/", false),
            ("/a|/b", "", false),
            ("/(a|b)", "/", false),
        ] {
            assert_eq!(
                literal_prefix(expression),
                (prefix.into(), is_path),
                "{expression}"
            );
        }
    }
}
