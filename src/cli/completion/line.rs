//! Half-typed command lines: their words, and candidates in the shell's quotes.
//!
//! The rules are the common part of bash, zsh and fish: blanks separate words, and backslashes and
//! both kinds of quotes quote. Nothing is expanded.

/// A word as the user typed it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// The word with its quotes.
    pub raw: String,
    /// The word without its quotes.
    pub text: String,
    /// The quote that is still open at the end, and the position in `raw` after it.
    open: Option<(char, usize)>,
    /// The positions in `raw` after an unquoted character that separates words for the shell.
    breaks: Vec<usize>,
}

/// Splits a line into words. The last one is the word at the cursor, empty after a blank.
pub fn words(line: &str, breaks: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    loop {
        let (word, tail) = first_word(rest, breaks);
        words.push(word);
        let Some(tail) = tail else { return words };
        rest = tail.trim_start();
    }
}

/// Returns a single word that the shell has cut out.
pub fn word(raw: &str) -> Word {
    first_word(raw, "").0
}

/// Returns the first word of the line, and the rest of the line if a blank ends the word.
fn first_word<'a>(line: &'a str, breaks: &str) -> (Word, Option<&'a str>) {
    let mut word = Word::default();
    let mut chars = line.char_indices();
    while let Some((at, c)) = chars.next() {
        let after = at + c.len_utf8();
        match (c, word.open) {
            ('\\', None | Some(('"', _))) => {
                if let Some((_, escaped)) = chars.next() {
                    // In double quotes a backslash quotes only these.
                    if word.open.is_some() && !"\"\\$`".contains(escaped) {
                        word.text.push('\\');
                    }
                    word.text.push(escaped);
                }
            }
            ('\'' | '"', None) => word.open = Some((c, after)),
            (c, Some((quote, _))) if c == quote => word.open = None,
            (' ' | '\t' | '\n', None) => {
                line[..at].clone_into(&mut word.raw);
                return (word, Some(&line[after..]));
            }
            (c, open) => {
                word.text.push(c);
                if open.is_none() && breaks.contains(c) {
                    word.breaks.push(after);
                }
            }
        }
    }
    line.clone_into(&mut word.raw);
    (word, None)
}

impl Word {
    /// Returns the part of a candidate that bash puts in place of the word's last part, in quotes
    /// where it needs them. Returns nothing for a candidate that doesn't continue the word.
    ///
    /// bash cuts words at colons and equals signs, and knows only the part after the last of them.
    pub fn part_for_bash(&self, candidate: &str) -> Option<String> {
        let kept = match self.open {
            Some((_, start)) => start,
            None => self.breaks.last().copied().unwrap_or(0),
        };
        let kept = word(&self.raw[..kept]).text;
        let part = candidate.strip_prefix(&kept)?;
        Some(match self.open {
            Some((quote, _)) => quote_in(part, quote),
            None if kept.is_empty() && self.raw.starts_with('~') && part.starts_with('~') => {
                format!("~{}", quote(&part[1..]))
            }
            None => quote(part),
        })
    }

    /// Returns true inside of quotes.
    pub fn is_quoted(&self) -> bool {
        self.open.is_some()
    }
}

/// Quotes a text for bash with backslashes.
fn quote(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars() {
        if c.is_ascii() && !c.is_ascii_alphanumeric() && !"/._-+=:@%,".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

/// Quotes a text for the inside of open quotes.
fn quote_in(text: &str, quote: char) -> String {
    if quote == '\'' {
        return text.replace('\'', r"'\''");
    }
    let mut quoted = String::new();
    for c in text.chars() {
        if "\"\\$`".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    const BREAKS: &str = " \t\n\"'@><=;|&(:";

    fn texts(line: &str) -> Vec<String> {
        words(line, BREAKS)
            .into_iter()
            .map(|word| word.text)
            .collect()
    }

    #[test]
    fn a_line_is_split_as_a_shell_splits_it() {
        for (line, wanted) in [
            ("pb run ", &["pb", "run", ""][..]),
            ("  pb\tssh we", &["pb", "ssh", "we"]),
            (r"pb disk my\ file", &["pb", "disk", "my file"]),
            (r#"pb disk "my fi"#, &["pb", "disk", "my fi"]),
            (r"pb disk 'it is'x", &["pb", "disk", "it isx"]),
            (r#"pb "a\"b\c$""#, &["pb", r#"a"b\c$"#]),
            ("pb --wait=ru", &["pb", "--wait=ru"]),
            (r"pb a\", &["pb", "a"]),
            ("", &[""]),
        ] {
            assert_eq!(texts(line), wanted, "{line}");
        }
        assert_eq!(word(r"my\ fi").text, "my fi");
        assert_eq!(word("\"my fi").text, "my fi");
    }

    #[test]
    fn bash_gets_the_part_after_its_last_break_in_quotes() {
        for (typed, candidate, wanted) in [
            ("we", "web", Some("web")),
            ("localhost/os:la", "localhost/os:latest", Some("latest")),
            ("oci:", "oci:a b/", Some(r"a\ b/")),
            ("--wait=ru", "--wait=running", Some("running")),
            (r"a\:b", "a:bc", Some("a:bc")),
            (r"my\ f", "my file$(x)", Some(r"my\ file\$\(x\)")),
            ("\"my f", "my file's $x", Some(r"my file's \$x")),
            ("'my f", "my file's $x", Some(r"my file'\''s $x")),
            ("oci:\"my f", "oci:my file", Some("my file")),
            ("~/x", "~/xy", Some("~/xy")),
            ("", "~x", Some(r"\~x")),
            ("a:b", "c:d", None),
        ] {
            let found = words(typed, BREAKS).pop().unwrap().part_for_bash(candidate);
            assert_eq!(found.as_deref(), wanted, "{typed} {candidate}");
        }
    }
}
