//! Packs files and folders of the host into a tar stream, also while they change.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A file or folder of the host can't be packed.
#[derive(Debug, thiserror::Error)]
#[error("can't copy {path}")]
pub struct Error {
    pub path: PathBuf,
    pub source: io::Error,
}

/// A tar stream that is being written.
pub struct Pack<W: Write> {
    tar: tar::Builder<W>,
    changed: bool,
}

impl<W: Write> Pack<W> {
    pub fn new(writer: W) -> Self {
        Self {
            tar: tar::Builder::new(writer),
            changed: false,
        }
    }

    /// Completes the stream. Returns true if a file changed while it was read.
    pub fn finish(mut self) -> io::Result<bool> {
        self.tar.finish()?;
        Ok(self.changed)
    }

    /// Adds a folder with all that is in it, under another name. With the name `.` it adds the content
    /// only: the folder that gets it keeps its own mode.
    pub fn add_folder(&mut self, folder: &Path, name: &Path) -> Result<(), Error> {
        if name != Path::new(".") {
            self.add_other(folder, name, true)?;
        }
        for entry in fs::read_dir(folder).map_err(at(folder))? {
            let entry = entry.map_err(at(folder))?;
            let (path, name) = (entry.path(), name.join(entry.file_name()));
            let added = match entry.file_type().map_err(at(folder))? {
                kind if kind.is_dir() => self.add_folder(&path, &name),
                kind if kind.is_file() => self.add_file(&path, &name, false),
                kind if kind.is_symlink() => self.add_other(&path, &name, false),
                _ => {
                    tracing::warn!(path = %path.display(), "not copied: neither a file, a folder nor a link");
                    Ok(())
                }
            };
            match added {
                Err(Error { source, .. })
                    if source.kind() == io::ErrorKind::NotFound
                        && fs::symlink_metadata(&path).is_err() =>
                {
                    self.changed = true;
                }
                added => added?,
            }
        }
        Ok(())
    }

    /// Adds a file under another name, with as many bytes as it has at the beginning. `follow`
    /// means a link's target.
    pub fn add_file(&mut self, path: &Path, name: &Path, follow: bool) -> Result<(), Error> {
        let mut file = File::open(path).map_err(at(path))?;
        let metadata = file.metadata().map_err(at(path))?;
        if !metadata.is_file() {
            return self.add_other(path, name, follow);
        }
        let size = metadata.len();
        let mut header = tar::Header::new_gnu();
        header.set_metadata(&metadata);
        let data = (&mut file).take(size).chain(io::repeat(0)).take(size);
        self.tar
            .append_data(&mut header, name, data)
            .map_err(at(path))?;
        let now = file.metadata().map_err(at(path))?;
        self.changed |= now.len() != size || now.modified().ok() != metadata.modified().ok();
        Ok(())
    }

    fn add_other(&mut self, path: &Path, name: &Path, follow: bool) -> Result<(), Error> {
        self.tar.follow_symlinks(follow);
        self.tar.append_path_with_name(path, name).map_err(at(path))
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error { path, source }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

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
        let mut bytes = Vec::new();
        let mut pack = Pack::new(&mut bytes);
        pack.add_folder(&folder, Path::new("new")).unwrap();
        assert!(!pack.finish().unwrap(), "nothing changed");
        let target = tempfile::tempdir().unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        archive.set_preserve_permissions(true);
        archive.unpack(target.path()).unwrap();
        let mode = fs::metadata(target.path().join("new/sub/x"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o750);
        assert_eq!(
            fs::read_link(target.path().join("new/link")).unwrap(),
            Path::new("nowhere")
        );
        assert!(!target.path().join("new/socket").exists());
    }

    #[test]
    fn the_content_of_a_folder_comes_without_the_folders_mode() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let mut bytes = Vec::new();
        let mut pack = Pack::new(&mut bytes);
        pack.add_folder(folder.path(), Path::new(".")).unwrap();
        pack.finish().unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        let entries = archive.entries().unwrap();
        let names: Vec<_> = entries
            .map(|entry| entry.unwrap().path().unwrap().into_owned())
            .collect();
        assert_eq!(names, [Path::new("sub")]);
    }

    #[test]
    fn files_that_change_are_packed_all_the_same() {
        /// Changes a file at the first bytes of the archive.
        struct Changing<'a>(&'a Path, &'a str, Vec<u8>);
        impl Write for Changing<'_> {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if self.2.is_empty() {
                    fs::write(self.0, self.1)?;
                }
                self.2.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        for (new, packed) in [
            ("much longer than before", "much longe"),
            ("short", "short\0\0\0\0\0"),
        ] {
            fs::write(&path, "0123456789").unwrap();
            let mut writer = Changing(&path, new, vec![]);
            let mut pack = Pack::new(&mut writer);
            pack.add_file(&path, Path::new("log"), true).unwrap();
            assert!(pack.finish().unwrap());
            let mut archive = tar::Archive::new(&writer.2[..]);
            let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            assert_eq!(text, packed);
        }
    }
}
