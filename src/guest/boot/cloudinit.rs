//! A seed for cloud-init: a small disk with the user's files, where its `NoCloud` source looks for them.
//! <https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html>

use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};

use serde_norway::Value;

/// The name by which cloud-init knows the disk.
const LABEL: [u8; 11] = *b"cidata     ";
/// Larger files are no configuration. Bytes.
const FILE_MAX: u64 = 4 << 20;
/// What a filesystem has beside the files. Bytes.
const ROOM: usize = 1 << 20;
/// A user-data file that begins with one of these is for cloud-init and no YAML.
/// <https://docs.cloud-init.io/en/latest/explanation/format.html>
const OTHER_USER_DATA: [&str; 9] = [
    "#!",
    "#include",
    "#cloud-boothook",
    "#part-handler",
    "#upstart-job",
    "#cloud-config-archive",
    "#cloud-config-jsonp",
    "## template: jinja",
    "Content-Type:",
];

/// The files of a seed, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    user_data: Vec<u8>,
    /// None is made up.
    meta_data: Option<Vec<u8>>,
    network_config: Option<Vec<u8>>,
    vendor_data: Option<Vec<u8>>,
}

/// A seed can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be read.
    #[error("can't read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no user-data.
    #[error(
        "{0} has no file user-data; cloud-init takes user-data, meta-data, network-config and vendor-data"
    )]
    NoUserData(PathBuf),
    /// A file is far too large.
    #[error("{0} is too large for cloud-init")]
    TooLarge(PathBuf),
    /// A file is no YAML.
    #[error("{path}: {source}")]
    Yaml {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: serde_norway::Error,
    },
    /// A file is YAML of another kind.
    #[error("{0} has to be a YAML mapping (`key: value`)")]
    NoMapping(PathBuf),
    /// cloud-init would ignore it.
    #[error(
        "{0} has to begin with #cloud-config, #! or another of cloud-init's first lines; else it ignores the file"
    )]
    Unknown(PathBuf),
    /// The disk can't be made.
    #[error("can't make the disk for cloud-init")]
    Image(#[source] io::Error),
}

impl Seed {
    /// Reads and checks the files in this folder.
    ///
    /// # Errors
    /// There is no user-data, or a file is nothing for cloud-init.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let file = |name: &str| read(&folder.join(name));
        let yaml = |name: &str| -> Result<Option<Vec<u8>>, Error> {
            let content = file(name)?;
            content.iter().try_for_each(|content| check_yaml(&folder.join(name), content))?;
            Ok(content)
        };
        let user_data = file("user-data")?.ok_or_else(|| Error::NoUserData(folder.to_owned()))?;
        check_user_data(&folder.join("user-data"), &user_data)?;
        let vendor_data = file("vendor-data")?;
        vendor_data.iter().try_for_each(|data| check_user_data(&folder.join("vendor-data"), data))?;
        Ok(Self {
            user_data,
            meta_data: yaml("meta-data")?,
            network_config: yaml("network-config")?,
            vendor_data,
        })
    }

    /// The disk, as a FAT filesystem without partitions; an instance of this ID and name where there is no meta-data.
    ///
    /// # Errors
    /// The filesystem can't be made.
    pub fn image(&self, id: &str, hostname: &str) -> Result<Vec<u8>, Error> {
        let made_up = || format!("instance-id: {id}\nlocal-hostname: {hostname}\n").into_bytes();
        let meta_data = self.meta_data.clone().unwrap_or_else(made_up);
        let files = [
            ("user-data", Some(&self.user_data)),
            ("meta-data", Some(&meta_data)),
            ("network-config", self.network_config.as_ref()),
            ("vendor-data", self.vendor_data.as_ref()),
        ];
        fat(&files).map_err(Error::Image)
    }
}

fn fat(files: &[(&str, Option<&Vec<u8>>)]) -> io::Result<Vec<u8>> {
    let present = || files.iter().filter_map(|(name, content)| Some((name, (*content)?)));
    // Whole MiB: twice the content has room for what the last cluster of each file wastes.
    let size = (ROOM + 2 * present().map(|(_, content)| content.len()).sum::<usize>()).next_multiple_of(ROOM);
    let mut disk = Cursor::new(vec![0; size]);
    fatfs::format_volume(&mut disk, fatfs::FormatVolumeOptions::new().volume_label(LABEL))?;
    {
        let filesystem = fatfs::FileSystem::new(&mut disk, fatfs::FsOptions::new())?;
        for (name, content) in present() {
            let mut file = filesystem.root_dir().create_file(name)?;
            file.write_all(content)?;
            file.flush()?;
        }
        filesystem.unmount()?;
    }
    Ok(disk.into_inner())
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let error = |source| Error::Read { path: path.to_owned(), source };
    match path.metadata() {
        Ok(metadata) if metadata.len() > FILE_MAX => return Err(Error::TooLarge(path.to_owned())),
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(error(e)),
    }
    std::fs::read(path).map(Some).map_err(error)
}

fn check_yaml(path: &Path, content: &[u8]) -> Result<(), Error> {
    match serde_norway::from_slice(content) {
        // An empty file says nothing, which is fine.
        Ok(Value::Mapping(_) | Value::Null) => Ok(()),
        Ok(_) => Err(Error::NoMapping(path.to_owned())),
        Err(source) => Err(Error::Yaml { path: path.to_owned(), source }),
    }
}

fn check_user_data(path: &Path, content: &[u8]) -> Result<(), Error> {
    let text = String::from_utf8_lossy(content);
    let first = text.lines().next().unwrap_or_default();
    let compressed = content.starts_with(b"\x1f\x8b");
    let other = |begin: &&str| first.to_lowercase().starts_with(&begin.to_lowercase());
    if text.trim().is_empty() || compressed || OTHER_USER_DATA.iter().any(other) {
        return Ok(());
    }
    if first.trim_end() == "#cloud-config" {
        return check_yaml(path, content);
    }
    Err(Error::Unknown(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(dir.path().join(name), content).unwrap();
        }
        dir
    }

    fn error(files: &[(&str, &str)]) -> String {
        crate::text::error_chain(&Seed::read(folder(files).path()).unwrap_err())
    }

    fn content(image: &[u8], name: &str) -> String {
        let filesystem =
            fatfs::FileSystem::new(Cursor::new(image.to_vec()), fatfs::FsOptions::new()).unwrap();
        let mut text = String::new();
        filesystem.root_dir().open_file(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_disk_has_the_files_and_what_is_missing() {
        let long = format!("#cloud-config\n{}", "x: \"ä\"\n#".repeat(40_000));
        let dir = folder(&[("user-data", &long), ("network-config", "version: 2\n")]);
        let image = Seed::read(dir.path()).unwrap().image("abc", "web").unwrap();
        assert_eq!(content(&image, "user-data"), long);
        assert_eq!(content(&image, "network-config"), "version: 2\n");
        assert_eq!(content(&image, "meta-data"), "instance-id: abc\nlocal-hostname: web\n");
        std::fs::write(dir.path().join("meta-data"), "instance-id: mine\n").unwrap();
        let image = Seed::read(dir.path()).unwrap().image("abc", "web").unwrap();
        assert_eq!(content(&image, "meta-data"), "instance-id: mine\n");
        let filesystem = fatfs::FileSystem::new(Cursor::new(image), fatfs::FsOptions::new()).unwrap();
        assert_eq!(filesystem.volume_label(), "cidata");
        assert!(filesystem.root_dir().open_file("vendor-data").is_err());
    }

    #[test]
    fn what_cloud_init_would_not_read_is_refused() {
        assert!(error(&[("meta-data", "")]).contains("no file user-data"));
        let message = error(&[("user-data", "#cloud-config\na: b\nc: [d\n")]);
        assert!(message.contains("user-data") && message.contains("line"), "{message}");
        assert!(error(&[("user-data", "#cloud-config\n- a\n")]).contains("mapping"));
        assert!(error(&[("user-data", "users: []\n")]).contains("begin with #cloud-config"));
        assert!(error(&[("user-data", ""), ("meta-data", "just text\n")]).contains("meta-data"));
        assert!(error(&[("user-data", ""), ("network-config", "a: b: c\n")]).contains("network-config"));
    }

    #[test]
    fn other_kinds_of_user_data_are_left_alone() {
        for text in
            ["", "#!/bin/sh\n", "Content-Type: multipart/mixed\n: [", "## template: jinja\n{{ x }}: [\n"]
        {
            Seed::read(folder(&[("user-data", text)]).path()).unwrap();
        }
    }
}
