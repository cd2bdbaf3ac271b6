//! Checks as plain data.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// One check of the user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The name in reports: the command line, or the file's name.
    pub name: String,
    pub work: Work,
}

/// The program of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A line for the login shell of the guest's user.
    Command(String),
    /// A file of the host. The guest gets a copy.
    File {
        /// The folder or the file that is copied.
        copy: PathBuf,
        /// The file's name in the copied folder, or its own name.
        name: String,
        /// The words before the file's name on the command line, such as `/bin/sh`. Empty for a
        /// program.
        interpreter: Vec<String>,
    },
}

/// A check that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't read the check {path}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{0} is a folder: pass it with --checks")]
    IsFolder(PathBuf),
    #[error("{0} is not a folder: pass a script with --script")]
    NoFolder(PathBuf),
    #[error(
        "no checks in {0}: a check is an executable file, or its name ends in .sh; names that \
         start with `.` or `_` don't count"
    )]
    NoChecks(PathBuf),
    #[error("the file name {0} is not UTF-8")]
    Name(PathBuf),
}

/// Bytes of a file that hold its interpreter, as in Linux' `BINPRM_BUF_SIZE`.
const FIRST_BYTES: u64 = 256;

impl Check {
    pub fn command(line: &str) -> Self {
        Self {
            name: line.to_owned(),
            work: Work::Command(line.to_owned()),
        }
    }

    /// Returns the check that a file of the host is.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn script(file: &Path) -> Result<Self, Error> {
        if file.is_dir() {
            return Err(Error::IsFolder(file.to_owned()));
        }
        let name = file_name(file)?;
        Ok(Self {
            work: Work::File {
                copy: file.to_owned(),
                interpreter: interpreter(file)?,
                name: name.clone(),
            },
            name,
        })
    }

    /// Returns the checks in a folder in the order of their names: executable files, and files
    /// whose name ends in `.sh`. The guest gets the whole folder, so that checks can have helpers.
    ///
    /// # Errors
    /// The folder can't be read, or has no check.
    pub fn folder(folder: &Path) -> Result<Vec<Self>, Error> {
        let failed = |source| Error::Io {
            path: folder.to_owned(),
            source,
        };
        if folder.is_file() {
            return Err(Error::NoFolder(folder.to_owned()));
        }
        let mut checks = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = file_name(&path)?;
            if name.starts_with(['.', '_']) || !path.is_file() || !is_check(&path, &name) {
                continue;
            }
            checks.push(Self {
                work: Work::File {
                    copy: folder.to_owned(),
                    interpreter: interpreter(&path)?,
                    name: name.clone(),
                },
                name,
            });
        }
        if checks.is_empty() {
            return Err(Error::NoChecks(folder.to_owned()));
        }
        checks.sort_by(|one, two| one.name.cmp(&two.name));
        Ok(checks)
    }
}

fn file_name(path: &Path) -> Result<String, Error> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned)
        .ok_or_else(|| Error::Name(path.to_owned()))
}

fn is_check(path: &Path, name: &str) -> bool {
    name.ends_with(".sh") || crate::host::fs::file::is_executable(path)
}

/// Returns the words that start the file, so that it runs from a folder without the right to
/// execute files, too.
fn interpreter(path: &Path) -> Result<Vec<String>, Error> {
    let mut first = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(FIRST_BYTES).read_to_end(&mut first));
    read.map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    Ok(interpreter_of(&first))
}

fn interpreter_of(first: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(first);
    let line = text.lines().next().unwrap_or_default();
    let words: Vec<String> = match line.strip_prefix("#!") {
        Some(line) => line.split_whitespace().map(str::to_owned).collect(),
        None => vec![],
    };
    match words.is_empty() && !first.starts_with(b"\x7fELF") {
        true => vec!["/bin/sh".to_owned()],
        false => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_names_the_interpreter() {
        for (first, words) in [
            (&b"#!/bin/bash -e\ntrue\n"[..], "/bin/bash -e"),
            (b"#!/usr/bin/env python3\r\n", "/usr/bin/env python3"),
            (b"true\n", "/bin/sh"),
            (b"#!\n", "/bin/sh"),
            (b"\x7fELF\x02\x01", ""),
        ] {
            assert_eq!(interpreter_of(first).join(" "), words);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_has_scripts_and_executables_in_order() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let write = |name: &str, mode| {
            std::fs::write(path(name), "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(path(name), PermissionsExt::from_mode(mode)).unwrap();
        };
        assert!(matches!(
            Check::folder(folder.path()),
            Err(Error::NoChecks(_))
        ));
        for (name, mode) in [
            ("20-b.sh", 0o644),
            ("10-a", 0o755),
            ("_lib.sh", 0o755),
            (".hidden.sh", 0o755),
            ("data.txt", 0o644),
        ] {
            write(name, mode);
        }
        std::fs::create_dir(path("more.sh")).unwrap();
        let checks = Check::folder(folder.path()).unwrap();
        let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(names, ["10-a", "20-b.sh"]);
        assert!(matches!(
            Check::script(folder.path()),
            Err(Error::IsFolder(_))
        ));
        assert!(matches!(
            Check::folder(&path("10-a")),
            Err(Error::NoFolder(_))
        ));
        assert!(Check::script(&path("no-such")).is_err());
    }
}
