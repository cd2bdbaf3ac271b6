//! Copies files and folders into a guest and out of it: a tar stream over SSH.

use std::fs;
use std::io::{self, PipeWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::session;
use super::session::{Bounded, Session};
use crate::guest::shell::quote;

/// A copy failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the host can't be read or written.
    #[error("can't copy {path}")]
    Local {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something fails in the guest.
    #[error("can't copy {path} in the VM: {why}")]
    Guest {
        /// The file in the guest.
        path: String,
        /// In its words.
        why: String,
    },
    /// The session broke.
    #[error(transparent)]
    Session(#[from] session::Error),
}

/// What a path of a copy means for the name of what is copied.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    folder: String,
    name: String,
}

/// Copies `source` of the host to `target` in the guest; `progress` hears of the bytes so far.
///
/// As with `podman cp`: into `target` if that is a folder, else to that name; of `FOLDER/.` only what is in it.
///
/// # Errors
/// A file can't be read or written, or the session breaks.
pub fn to_guest(
    session: &Session,
    source: &Path,
    target: &str,
    mut progress: impl FnMut(u64) + Send,
) -> Result<u64, Error> {
    let local = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Local { path, source }
    };
    let metadata = fs::metadata(source).map_err(local(source))?;
    let place = if is_content(source) {
        Place { folder: target.to_owned(), name: ".".into() }
    } else if target.ends_with('/') || is_folder(session, target)? {
        let name = source.canonicalize().map_err(local(source))?;
        // The root has no name: its content is copied.
        let name = name.file_name().map_or(".".into(), |name| name.to_string_lossy().into_owned());
        Place { folder: target.to_owned(), name }
    } else {
        split(target)
    };
    let (reader, writer) = io::pipe().map_err(local(source))?;
    // The folder itself is made only for its content: a name below one that is not there is a mistake.
    let make =
        if place.name == "." { format!("mkdir -p {} && ", argument(&place.folder)) } else { String::new() };
    let line = format!("{make}tar -xof - -C {}", argument(&place.folder));
    let mut stderr = Bounded::default();
    std::thread::scope(|scope| {
        let name = PathBuf::from(&place.name);
        let sender = scope.spawn(move || -> Result<u64, Error> {
            let mut pack = tar::Builder::new(Counting { writer, count: 0, progress: &mut progress });
            if metadata.is_dir() {
                add_folder(&mut pack, source, &name)?;
            } else {
                add(&mut pack, source, &name, true)?;
            }
            let counting = pack.into_inner().map_err(local(source))?;
            Ok(counting.count)
        });
        let result = session.exec(&line, reader, &mut io::sink(), &mut stderr);
        let sent = sender.join().unwrap_or_else(|_| Err(local(source)(io::ErrorKind::Other.into())));
        match result? {
            0 => sent,
            code => Err(guest_error(target, code, &stderr)),
        }
    })
}

/// Copies `source` of the guest to `target` of the host, by the same rules.
///
/// # Errors
/// A file can't be read or written, or the session breaks.
pub fn from_guest(
    session: &Session,
    source: &str,
    target: &Path,
    mut progress: impl FnMut(u64) + Send,
) -> Result<u64, Error> {
    let local = |source| Error::Local { path: target.to_owned(), source };
    let place = split(source);
    let content = place.name == ".";
    let into = content || target.is_dir() || ends_with_separator(target);
    if content {
        fs::create_dir_all(target).map_err(local)?;
    }
    // What gets another name is given it when it is whole.
    let parent = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let temporary = (!into).then(|| tempfile::Builder::new().prefix(".copy-").tempdir_in(parent));
    let temporary = temporary.transpose().map_err(local)?;
    let folder = temporary.as_ref().map_or(target, |folder| folder.path());
    let (reader, mut writer) = io::pipe().map_err(local)?;
    let line = place.pack_line();
    let mut stderr = Bounded::default();
    let count = std::thread::scope(|scope| {
        let receiver = scope.spawn(move || -> io::Result<u64> {
            let mut counting = Counting { writer: reader, count: 0, progress: &mut progress };
            let mut archive = tar::Archive::new(&mut counting);
            archive.set_preserve_permissions(true);
            archive.set_preserve_mtime(true);
            // A guest is not trusted: what would land outside of the folder is left out.
            archive.unpack(folder)?;
            io::copy(&mut counting, &mut io::sink())?;
            Ok(counting.count)
        });
        let result = session.exec(&line, io::empty(), &mut writer, &mut stderr);
        drop::<PipeWriter>(writer);
        let received = receiver.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
        match (result?, received) {
            (0, Ok(count)) => Ok(count),
            // Its own words say more than what came of them here.
            (code, _) if code != 0 && !stderr.0.is_empty() => Err(guest_error(source, code, &stderr)),
            (_, Err(error)) => Err(local(error)),
            (code, _) => Err(guest_error(source, code, &stderr)),
        }
    })?;
    if let Some(temporary) = &temporary {
        fs::rename(temporary.path().join(&place.name), target).map_err(local)?;
    }
    Ok(count)
}

/// `FOLDER/.`: what is in it, without the folder itself.
fn is_content(path: &Path) -> bool {
    let before = path.as_os_str().as_encoded_bytes().strip_suffix(b".");
    before.is_some_and(|before| before.last().is_none_or(|&byte| std::path::is_separator(byte.into())))
}

fn ends_with_separator(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().last().is_some_and(|&byte| std::path::is_separator(byte.into()))
}

fn is_folder(session: &Session, path: &str) -> Result<bool, Error> {
    Ok(session.capture(&format!("test -d {}", argument(path)))?.0 == 0)
}

/// The place of a path in the guest; of the root, of `FOLDER/.` and of all else without a name it is the content.
fn split(path: &str) -> Place {
    let trimmed = path.trim_end_matches('/');
    let (folder, name) = match trimmed.rsplit_once('/').unwrap_or((".", trimmed)) {
        (_, "" | "." | "..") => (path, "."),
        ("", name) => ("/", name),
        named => named,
    };
    Place { folder: folder.to_owned(), name: name.to_owned() }
}

impl Place {
    /// The guest's command that packs it.
    fn pack_line(&self) -> String {
        let name = if self.name == "." { ".".to_owned() } else { argument(&format!("./{}", self.name)) };
        format!("tar -cf - -C {} {name}", argument(&self.folder))
    }
}

/// A path as an argument that is no option.
fn argument(path: &str) -> String {
    match path {
        "" => ".".to_owned(),
        path if path.starts_with('-') => quote(&format!("./{path}")),
        path => quote(path),
    }
}

fn guest_error(path: &str, code: i32, stderr: &Bounded) -> Error {
    let said = String::from_utf8_lossy(&stderr.0);
    let why = match (code, said.lines().next()) {
        (127, _) => "the image has no tar".to_owned(),
        (_, Some(line)) => crate::text::plain(line),
        (code, None) => format!("tar ended with {code}"),
    };
    Error::Guest { path: path.to_owned(), why }
}

fn add_folder<W: Write>(pack: &mut tar::Builder<W>, folder: &Path, name: &Path) -> Result<(), Error> {
    add(pack, folder, name, true)?;
    let error = |source| Error::Local { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(error)? {
        let entry = entry.map_err(error)?;
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        let kind = entry.file_type().map_err(error)?;
        if kind.is_dir() {
            add_folder(pack, &path, &name)?;
        } else if kind.is_file() || kind.is_symlink() {
            add(pack, &path, &name, false)?;
        } else {
            tracing::warn!(path = %path.display(), "neither file, folder nor link: not copied");
        }
    }
    Ok(())
}

fn add<W: Write>(pack: &mut tar::Builder<W>, path: &Path, name: &Path, follow: bool) -> Result<(), Error> {
    pack.follow_symlinks(follow);
    pack.append_path_with_name(path, name).map_err(|source| Error::Local { path: path.to_owned(), source })
}

/// Counts what passes.
struct Counting<'a, S> {
    writer: S,
    count: u64,
    progress: &'a mut (dyn FnMut(u64) + Send),
}

impl<S> Counting<'_, S> {
    fn count(&mut self, bytes: usize) {
        /// A terminal needs no more news than this. Bytes.
        const NEWS: u64 = 256 << 10;
        let before = self.count;
        self.count += bytes as u64;
        if before / NEWS != self.count / NEWS {
            (self.progress)(self.count);
        }
    }
}

impl<W: Write> Write for Counting<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.writer.write(bytes)?;
        self.count(count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.writer.read(bytes)?;
        self.count(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_guest() {
        let place = |folder: &str, name: &str| Place { folder: folder.into(), name: name.into() };
        assert_eq!(split("/etc/motd"), place("/etc", "motd"));
        assert_eq!(split("/etc/"), place("/", "etc"));
        assert_eq!(split("x"), place(".", "x"));
        for content in ["/", "//", "/.", "/etc/.", "/etc/./", "/etc/..", "", ".", ".."] {
            assert_eq!(split(content), place(content, "."));
        }
        assert_eq!(split("/").pack_line(), "tar -cf - -C / .");
        assert_eq!(split("").pack_line(), "tar -cf - -C . .");
        assert_eq!(split("/etc/a b").pack_line(), "tar -cf - -C /etc './a b'");
        assert_eq!(argument("-rf x"), "'./-rf x'");
        assert_eq!(argument(""), ".");
        assert!(is_content(Path::new("a/.")) && is_content(Path::new(".")) && !is_content(Path::new("a/..")));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_is_packed_with_links_and_modes() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("folder");
        fs::create_dir_all(folder.join("sub")).unwrap();
        fs::write(folder.join("sub/x"), "text").unwrap();
        fs::set_permissions(folder.join("sub/x"), fs::Permissions::from_mode(0o750)).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.join("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap();
        let mut pack = tar::Builder::new(Vec::new());
        add_folder(&mut pack, &folder, Path::new("new")).unwrap();
        let bytes = pack.into_inner().unwrap();
        let target = tempfile::tempdir().unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        archive.set_preserve_permissions(true);
        archive.unpack(target.path()).unwrap();
        let mode = fs::metadata(target.path().join("new/sub/x")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o750);
        assert_eq!(fs::read_link(target.path().join("new/link")).unwrap(), Path::new("nowhere"));
        assert!(!target.path().join("new/socket").exists());
    }
}
