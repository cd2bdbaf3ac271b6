//! Copies files and folders into a guest and out of it: a tar stream over SSH.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokio::io::{duplex, empty, sink};
use tokio::task::spawn_blocking;
use tokio_util::io::{InspectReader, InspectWriter, SyncIoBridge};

use super::pack::{self, Pack};
use super::session::{self, Session, first_bytes};
use crate::guest::shell::quote;
use crate::host::fs::file;

/// Bytes between the session and the thread that packs or unpacks.
const BUFFER: usize = 256 << 10;
/// The bits of a file's mode that give its program the rights of another user. A copy has none.
const PRIVILEGES: u32 = 0o6000;

/// A copy failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't copy {path}")]
    Local { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Pack(#[from] pack::Error),
    #[error("can't copy {path} in the VM: {why}")]
    Guest { path: String, why: String },
    #[error(transparent)]
    Session(#[from] session::Error),
}

/// A path split in two, so that tar can give its last part another name.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    folder: String,
    name: String,
}

/// A copy that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    pub bytes: u64,
    /// Files changed meanwhile, so that their copies may be of no one moment.
    pub changed: bool,
}

/// Copies `source` of the host to `target` in the guest; calls `progress` with the number of bytes
/// so far.
///
/// In the guest `~` is the home of the session's user. As `podman cp` does: into `target` if that
/// is a folder, else to that name; of `FOLDER/.` only the content.
///
/// # Errors
/// A file can't be read or written, or the session breaks.
pub async fn to_guest(
    session: &Session,
    source: &Path,
    target: &str,
    progress: impl FnMut(u64),
) -> Result<Copied, Error> {
    let local = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Local { path, source }
    };
    let metadata = fs::metadata(source).map_err(local(source))?;
    // This is also the proof that the login shell runs our scripts. Another one could take the
    // files for commands.
    let is_folder = is_folder(session, target).await?;
    let place = if is_content(source) {
        Place {
            folder: target.to_owned(),
            name: ".".into(),
        }
    } else if target.ends_with('/') || is_folder {
        let name = source.canonicalize().map_err(local(source))?;
        // The root has no name: its content is copied.
        let name = name
            .file_name()
            .map_or(".".into(), |name| name.to_string_lossy().into_owned());
        Place {
            folder: target.to_owned(),
            name,
        }
    } else {
        split(target)
    };
    // The folder itself is made only for its content: a missing parent of a name is a mistake.
    let make = if place.name == "." {
        format!("mkdir -p {} && ", argument(&place.folder))
    } else {
        String::new()
    };
    let line = format!("{make}tar -xof - -C {}", argument(&place.folder));
    let (reader, writer) = duplex(BUFFER);
    let writer = SyncIoBridge::new(writer);
    let (path, name) = (source.to_owned(), PathBuf::from(&place.name));
    let packing = spawn_blocking(move || {
        let mut pack = Pack::new(writer);
        match metadata.is_dir() {
            true => pack.add_folder(&path, &name)?,
            false => pack.add_file(&path, &name, true)?,
        }
        pack.finish()
            .map_err(|source| Error::Local { path, source })
    });
    let mut count = Count { bytes: 0, progress };
    let mut stderr = Vec::new();
    let counted = InspectReader::new(reader, |bytes: &[u8]| count.add(bytes));
    let result = session
        .script(&line, counted, &mut sink(), &mut first_bytes(&mut stderr))
        .await;
    // The reader has been dropped, which ends the thread.
    let packed = packing
        .await
        .unwrap_or_else(|e| Err(local(source)(e.into())));
    match result? {
        0 => packed.map(|changed| Copied {
            bytes: count.bytes,
            changed,
        }),
        code => Err(guest_error(target, code, &stderr)),
    }
}

/// Copies `source` of the guest to `target` of the host, by the same rules.
///
/// # Errors
/// A file can't be read or written, or the session breaks.
pub async fn from_guest(
    session: &Session,
    source: &str,
    target: &Path,
    progress: impl FnMut(u64),
) -> Result<Copied, Error> {
    let local = |source| Error::Local {
        path: target.to_owned(),
        source,
    };
    let place = split(source);
    let content = place.name == ".";
    let into = content || target.is_dir() || ends_with_separator(target);
    if content {
        fs::create_dir_all(target).map_err(local)?;
    }
    // A copy is unpacked in a folder of its own, beside its target or in it, and moved when it is whole. A
    // guest is not trusted: nothing but what was asked for arrives.
    let parent = match target.parent() {
        _ if into => target,
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let temporary =
        (!content).then(|| tempfile::Builder::new().prefix(".copy-").tempdir_in(parent));
    let temporary = temporary.transpose().map_err(local)?;
    let folder = temporary
        .as_ref()
        .map_or(target, |folder| folder.path())
        .to_owned();
    let line = place.pack_line();
    let (reader, writer) = duplex(BUFFER);
    let mut reader = SyncIoBridge::new(reader);
    let unpacking = spawn_blocking(move || {
        let mut archive = tar::Archive::new(&mut reader);
        archive.set_preserve_permissions(true);
        archive.set_preserve_mtime(true);
        archive.set_mask(PRIVILEGES);
        // A guest is not trusted: `unpack` skips entries that would land outside the folder.
        archive.unpack(folder)?;
        io::copy(&mut reader, &mut io::sink())
    });
    let mut count = Count { bytes: 0, progress };
    let mut stderr = Vec::new();
    let mut counted = InspectWriter::new(writer, |bytes: &[u8]| count.add(bytes));
    let result = session
        .script(&line, empty(), &mut counted, &mut first_bytes(&mut stderr))
        .await;
    // Ends the thread.
    drop(counted);
    let unpacked = unpacking.await.unwrap_or_else(|e| Err(e.into()));
    let code = result?;
    let changed = code == 1 && only_changes(&stderr);
    match (code, unpacked) {
        (0, Ok(_)) => {}
        (_, Ok(_)) if changed => {}
        // Its own words say more than their consequence here.
        (code, _) if code != 0 && !stderr.is_empty() => {
            return Err(guest_error(source, code, &stderr));
        }
        (_, Err(error)) => return Err(local(error)),
        (code, _) => return Err(guest_error(source, code, &stderr)),
    }
    if let Some(temporary) = &temporary {
        let made = temporary.path().join(&place.name);
        let to = match into {
            true => target.join(&place.name),
            false => target.to_owned(),
        };
        move_into(&made, &to).map_err(local)?;
    }
    Ok(Copied {
        bytes: count.bytes,
        changed,
    })
}

/// Moves a file or folder to a place where another one may be. Folders are merged.
fn move_into(from: &Path, to: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(from)?;
    if !kind.is_dir() {
        return fs::rename(from, to);
    }
    file::make_folder_writable(from)?;
    if to.is_dir() {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            move_into(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else {
        fs::rename(from, to)?;
    }
    fs::set_permissions(to, kind.permissions())
}

/// True if GNU tar says nothing but that files changed while it read them, which is not worse than
/// a copy a moment earlier. Its exit code is 1 then.
fn only_changes(stderr: &[u8]) -> bool {
    const CHANGES: [&str; 4] = [
        ": file changed as we read it",
        ": File removed before we read it",
        ": file removed before we read it",
        "; padding with zeros",
    ];
    let said = String::from_utf8_lossy(stderr);
    let mut lines = said
        .lines()
        .filter(|line| line.starts_with("tar: ") && !line.ends_with(": socket ignored"));
    let is_change = |line: &str| CHANGES.iter().any(|change| line.ends_with(change));
    lines.next().is_some_and(is_change) && lines.all(is_change)
}

/// True for `FOLDER/.`, which means the content without the folder itself.
fn is_content(path: &Path) -> bool {
    let before = path.as_os_str().as_encoded_bytes().strip_suffix(b".");
    before.is_some_and(|before| {
        before
            .last()
            .is_none_or(|&byte| std::path::is_separator(byte.into()))
    })
}

fn ends_with_separator(path: &Path) -> bool {
    path.as_os_str()
        .as_encoded_bytes()
        .last()
        .is_some_and(|&byte| std::path::is_separator(byte.into()))
}

async fn is_folder(session: &Session, path: &str) -> Result<bool, Error> {
    Ok(session
        .capture_script(&format!("test -d {}", argument(path)))
        .await?
        .0
        == 0)
}

/// Returns the place of a path in the guest. The root, the home, `FOLDER/.` and other paths without
/// a name mean the content.
fn split(path: &str) -> Place {
    let trimmed = path.trim_end_matches('/');
    let (folder, name) = match trimmed.rsplit_once('/').unwrap_or((".", trimmed)) {
        _ if trimmed == "~" => ("~", "."),
        (_, "" | "." | "..") => (path, "."),
        ("", name) => ("/", name),
        named => named,
    };
    Place {
        folder: folder.to_owned(),
        name: name.to_owned(),
    }
}

impl Place {
    /// Returns the guest's command that packs this place.
    fn pack_line(&self) -> String {
        let name = if self.name == "." {
            ".".to_owned()
        } else {
            argument(&format!("./{}", self.name))
        };
        format!("tar -cf - -C {} {name}", argument(&self.folder))
    }
}

/// Quotes a path, so that no program takes it for an option. `~` is the home.
fn argument(path: &str) -> String {
    if let Some(rest) = path.strip_prefix("~/") {
        return format!("\"$HOME\"/{}", quote(rest));
    }
    match path {
        "" => ".".to_owned(),
        "~" => "\"$HOME\"".to_owned(),
        path if path.starts_with('-') => quote(&format!("./{path}")),
        path => quote(path),
    }
}

fn guest_error(path: &str, code: i32, stderr: &[u8]) -> Error {
    let said = String::from_utf8_lossy(stderr);
    let why = match (code, said.lines().next()) {
        (127, _) => "the image has no tar".to_owned(),
        (_, Some(line)) => crate::text::plain(line),
        (code, None) => format!("tar exited with code {code}"),
    };
    Error::Guest {
        path: path.to_owned(),
        why,
    }
}

/// The number of a stream's bytes so far.
struct Count<F> {
    bytes: u64,
    progress: F,
}

impl<F: FnMut(u64)> Count<F> {
    fn add(&mut self, bytes: &[u8]) {
        /// Bytes between two calls of `progress`.
        const NEWS: u64 = 256 << 10;
        let before = self.bytes;
        self.bytes += bytes.len() as u64;
        if before / NEWS != self.bytes / NEWS {
            (self.progress)(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_guest() {
        let place = |folder: &str, name: &str| Place {
            folder: folder.into(),
            name: name.into(),
        };
        assert_eq!(split("/etc/motd"), place("/etc", "motd"));
        assert_eq!(split("/etc/"), place("/", "etc"));
        assert_eq!(split("x"), place(".", "x"));
        for content in [
            "/", "//", "/.", "/etc/.", "/etc/./", "/etc/..", "", ".", "..", "~", "~/.",
        ] {
            assert_eq!(split(content), place(content, "."));
        }
        assert_eq!(split("~/"), place("~", "."));
        assert_eq!(
            split("~/a b/x").pack_line(),
            "tar -cf - -C \"$HOME\"/'a b' ./x"
        );
        assert_eq!(split("~").pack_line(), "tar -cf - -C \"$HOME\" .");
        assert_eq!(argument("./~"), "'./~'");
        assert_eq!(split("/").pack_line(), "tar -cf - -C / .");
        assert_eq!(split("").pack_line(), "tar -cf - -C . .");
        assert_eq!(split("/etc/a b").pack_line(), "tar -cf - -C /etc './a b'");
        assert_eq!(argument("-rf x"), "'./-rf x'");
        assert_eq!(argument(""), ".");
        assert!(
            is_content(Path::new("a/."))
                && is_content(Path::new("."))
                && !is_content(Path::new("a/.."))
        );
    }

    #[test]
    fn a_folder_is_merged_with_the_one_in_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let write = |folder: &Path, file: &str| {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, folder.as_os_str().as_encoded_bytes()).unwrap();
        };
        for file in ["new/a", "both/a", "c"] {
            write(&from, file);
        }
        for file in ["old", "both/a", "both/b", "c"] {
            write(&to, file);
        }
        move_into(&from, &to).unwrap();
        for (file, folder) in [
            ("new/a", &from),
            ("both/a", &from),
            ("c", &from),
            ("both/b", &to),
            ("old", &to),
        ] {
            let text = fs::read(to.join(file)).unwrap();
            assert_eq!(text, folder.as_os_str().as_encoded_bytes(), "{file}");
        }
        // A file never takes a folder's place.
        assert!(move_into(&to.join("old"), &to.join("both")).is_err());
    }

    #[test]
    fn changes_of_files_are_no_failure_of_tar() {
        let changed = "tar: ./log/busy: file changed as we read it\n";
        let gone = "tar: ./x: File removed before we read it\n";
        let shrank = "tar: ./y: File shrank by 5 bytes; padding with zeros\n";
        let denied = "tar: ./z: Cannot open: Permission denied\n";
        for (said, only) in [
            (changed.to_owned(), true),
            (
                format!("motd\n{gone}tar: ./s: socket ignored\n{shrank}"),
                true,
            ),
            (format!("{changed}{denied}"), false),
            (String::new(), false),
            ("sh: no tar\n".to_owned(), false),
        ] {
            assert_eq!(only_changes(said.as_bytes()), only, "{said}");
        }
    }
}
