//! `.containerignore` and `.dockerignore` as podman reads them.
//!
//! The rules are those of buildah (`copier`, `ContainerIgnoreFile`) and of the pattern matcher in
//! containers/storage. A file that podman leaves out can't change the image. A file that the rules
//! don't settle counts, because one build too many costs less than one build too few.

use std::path::{Path, PathBuf};

use regex::Regex;

/// The patterns of one file.
#[derive(Debug, Default)]
pub struct Ignore {
    patterns: Vec<Pattern>,
}

/// A pattern that podman refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid pattern `{0}`")]
pub struct Error(String);

#[derive(Debug)]
struct Pattern {
    /// It begins with `!`: what it matches is in the context.
    includes: bool,
    words: Vec<String>,
    regex: Regex,
    /// podman 4 gives `+`, `(`, `{`, `|` and `^` their meaning in regular expressions.
    raw: Option<Regex>,
}

impl Ignore {
    /// Reads the text of an ignore file.
    ///
    /// # Errors
    /// podman refuses one of the patterns, and with it the build.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let lines = lines.map(|line| line.trim_matches('/').trim());
        let patterns = lines.filter(|line| !line.is_empty()).map(Pattern::parse);
        Ok(Self {
            patterns: patterns.collect::<Result<_, _>>()?,
        })
    }

    /// Returns true if a file or folder of the context is not in the build. The path is relative to
    /// the context, with `/`.
    pub fn ignores(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        !path.is_empty()
            && (folders.into_iter().any(|folder| self.prunes(folder)) || self.matches(path))
    }

    /// Returns true if nothing in this folder, at any depth, is in the build.
    pub fn prunes(&self, folder: &str) -> bool {
        let may_include = |pattern: &Pattern| pattern.includes && pattern.may_match_below(folder);
        self.matches(folder) && !self.patterns.iter().any(may_include)
    }

    /// The last pattern that matches the path or one of its folders decides.
    fn matches(&self, path: &str) -> bool {
        let last = self.patterns.iter().rev().find(|pattern| {
            let ends = path.match_indices('/').map(|(end, _)| end);
            let mut parts = ends.chain([path.len()]).map(|end| &path[..end]);
            parts.any(|part| pattern.matches(part))
        });
        last.is_some_and(|pattern| !pattern.includes)
    }
}

impl Pattern {
    fn parse(line: &str) -> Result<Self, Error> {
        let invalid = || Error(line.to_owned());
        let cleaned = clean(line);
        let (includes, text) = match cleaned.strip_prefix('!') {
            Some("") => return Err(invalid()),
            Some(rest) => (true, rest.to_owned()),
            None => (false, cleaned),
        };
        let literal = translate(&text, true).ok_or_else(invalid)?;
        let raw = translate(&text, false).ok_or_else(invalid)?;
        let differs = raw != literal;
        Ok(Self {
            includes,
            words: text.split('/').map(str::to_owned).collect(),
            regex: Regex::new(&literal).map_err(|_| invalid())?,
            // podman 4 refuses it, so that newer ones decide.
            raw: differs.then(|| Regex::new(&raw).ok()).flatten(),
        })
    }

    /// Where versions of podman differ, the file is in the context.
    fn matches(&self, path: &str) -> bool {
        let literal = self.regex.is_match(path);
        let raw = self
            .raw
            .as_ref()
            .map_or(literal, |regex| regex.is_match(path));
        match self.includes {
            true => literal || raw,
            false => literal && raw,
        }
    }

    /// Returns true if it could match something in this folder.
    fn may_match_below(&self, folder: &str) -> bool {
        let wild = |word: &str| word.contains(['*', '?', '[', '\\', '+', '(', '{', '|', '^']);
        let mut folders = folder.split('/');
        for word in &self.words {
            if word.contains("**") {
                return true;
            }
            match folders.next() {
                Some(folder) if wild(word) || word == folder => {}
                Some(_) => return false,
                None => return true,
            }
        }
        // It matches the folder or a folder above it, which includes the whole folder.
        true
    }
}

/// Removes `.`, `..` and double slashes, as Go's `filepath.Clean` does.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut words: Vec<&str> = vec![];
    for word in path.split('/') {
        match word {
            "" | "." => {}
            ".." if words.last().is_some_and(|last| *last != "..") => {
                words.pop();
            }
            ".." if rooted => {}
            word => words.push(word),
        }
    }
    let joined = words.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// Returns the pattern as a regular expression, or none if Go's `filepath.Match` refuses it.
/// `literal`: only `*`, `?`, `[` and `\` have a meaning.
fn translate(pattern: &str, literal: bool) -> Option<String> {
    let mut regex = String::from(r"\A");
    let mut rest = pattern.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                regex += match rest.peek() {
                    None => "(?s:.*)",
                    Some(_) => "(?s:.*/)?",
                };
            }
            '*' => regex += "[^/]*",
            '?' => regex += "[^/]",
            '[' => regex += &class(&mut rest)?,
            '\\' => regex += &regex::escape(&rest.next()?.to_string()),
            letter if literal || matches!(letter, '.' | '$') => {
                regex += &regex::escape(&letter.to_string());
            }
            letter => regex.push(letter),
        }
    }
    Some(regex + r"\z")
}

/// Reads a class after its `[`, by the rules of Go's `filepath.Match`.
fn class(rest: &mut std::iter::Peekable<std::str::Chars>) -> Option<String> {
    let mut class = String::from("[");
    if rest.next_if_eq(&'^').is_some() {
        class.push('^');
    }
    let mut is_empty = true;
    loop {
        if !is_empty && rest.next_if_eq(&']').is_some() {
            return Some(class + "]");
        }
        is_empty = false;
        let low = class_letter(rest)?;
        class += &escape_in_class(low);
        if rest.next_if_eq(&'-').is_some() {
            class.push('-');
            class += &escape_in_class(class_letter(rest)?);
        }
    }
}

fn class_letter(rest: &mut std::iter::Peekable<std::str::Chars>) -> Option<char> {
    match rest.next()? {
        '-' | ']' => None,
        '\\' => rest.next(),
        letter => Some(letter),
    }
}

fn escape_in_class(letter: char) -> String {
    match letter {
        '[' | ']' | '\\' | '^' | '-' | '&' | '~' => format!("\\{letter}"),
        letter => letter.to_string(),
    }
}

/// Returns the files that may say what to ignore, whether they exist or not, the one that decides
/// first. `chosen` is the value of `--ignorefile`.
pub fn candidates(context: &Path, containerfile: &Path, chosen: Option<&Path>) -> Vec<PathBuf> {
    if let Some(chosen) = chosen {
        return vec![chosen.to_owned()];
    }
    let beside = |ending: &str| {
        let mut name = containerfile.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    vec![
        beside(".dockerignore"),
        beside(".containerignore"),
        context.join(".containerignore"),
        context.join(".dockerignore"),
    ]
}

#[cfg(test)]
#[path = "ignore_tests.rs"]
mod tests;
