//! A seed for cloud-init: a small disk with the user's files, which cloud-init's `NoCloud` source
//! reads.
//! <https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html>

use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};

use serde_norway::Value;

use crate::host::fs::file::{self, IoContext as _};

/// The volume label by which cloud-init finds the disk.
const LABEL: [u8; 11] = *b"cidata     ";
/// The largest file that is accepted, in bytes.
const FILE_MAX: u64 = 4 << 20;
/// Space for the filesystem's own structures, in bytes.
const OVERHEAD: usize = 1 << 20;
/// The beginnings of user-data in formats other than `#cloud-config`, which are not YAML.
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

/// The files of a seed, which were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    pub user_data: Vec<u8>,
    /// `None`: [`Seed::image`] generates it.
    pub meta_data: Option<Vec<u8>>,
    pub network_config: Option<Vec<u8>>,
    pub vendor_data: Option<Vec<u8>>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] file::Error),
    #[error(
        "{0} has no file `user-data`: cloud-init reads user-data, meta-data, network-config and vendor-data"
    )]
    NoUserData(PathBuf),
    #[error("{0} is too large for cloud-init: the limit is 4 MiB")]
    TooLarge(PathBuf),
    #[error("{path} is not valid YAML: {source}")]
    Yaml {
        path: PathBuf,
        source: serde_norway::Error,
    },
    #[error("{0} must be a YAML mapping (`key: value`)")]
    NotMapping(PathBuf),
    #[error(
        "cloud-init would ignore {0}: its first line must be `#cloud-config`, `#!...` or another of its formats"
    )]
    UnknownFormat(PathBuf),
    #[error("can't create the disk for cloud-init")]
    Image(#[source] io::Error),
}

impl Seed {
    /// Reads and checks the files in a folder. An error tells what cloud-init would ignore or
    /// refuse.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let file = |name: &str| read(&folder.join(name));
        let yaml = |name: &str| -> Result<Option<Vec<u8>>, Error> {
            let content = file(name)?;
            content
                .iter()
                .try_for_each(|content| check_yaml(&folder.join(name), content))?;
            Ok(content)
        };
        let user_data = file("user-data")?.ok_or_else(|| Error::NoUserData(folder.to_owned()))?;
        check_user_data(&folder.join("user-data"), &user_data)?;
        let vendor_data = file("vendor-data")?;
        vendor_data
            .iter()
            .try_for_each(|data| check_user_data(&folder.join("vendor-data"), data))?;
        Ok(Self {
            user_data,
            meta_data: yaml("meta-data")?,
            network_config: yaml("network-config")?,
            vendor_data,
        })
    }

    /// Reads the files of a disk that [`Self::image`] made for the instance `id`, without the
    /// meta-data that it generated.
    ///
    /// # Errors
    /// The disk can't be read.
    pub fn of_disk(disk: &Path, id: &str) -> Result<Self, Error> {
        let open = || {
            fatfs::FileSystem::new(
                io::Cursor::new(std::fs::read(disk)?),
                fatfs::FsOptions::new(),
            )
        };
        let filesystem = open().reading(disk)?;
        let content = |name: &str| -> Result<Option<Vec<u8>>, Error> {
            let mut bytes = Vec::new();
            match filesystem.root_dir().open_file(name) {
                Ok(mut file) => io::Read::read_to_end(&mut file, &mut bytes).reading(disk)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Ok(Err(error).reading(disk)?),
            };
            Ok(Some(bytes))
        };
        let generated = format!("instance-id: {id}\n").into_bytes();
        Ok(Self {
            user_data: content("user-data")?.unwrap_or_default(),
            meta_data: content("meta-data")?.filter(|text| !text.starts_with(&generated)),
            network_config: content("network-config")?,
            vendor_data: content("vendor-data")?,
        })
    }

    /// Returns the disk: a FAT filesystem without partitions. Without a meta-data file it names the
    /// instance by `id` and `hostname`.
    pub fn image(&self, id: &str, hostname: &str) -> Result<Vec<u8>, Error> {
        let generated = || format!("instance-id: {id}\nlocal-hostname: {hostname}\n").into_bytes();
        let meta_data = self.meta_data.clone().unwrap_or_else(generated);
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
    let present = || {
        files
            .iter()
            .filter_map(|(name, content)| Some((name, (*content)?)))
    };
    // Whole MiB. Twice the content leaves room for the partly used last cluster of each file.
    let size = (OVERHEAD + 2 * present().map(|(_, content)| content.len()).sum::<usize>())
        .next_multiple_of(OVERHEAD);
    let mut disk = Cursor::new(vec![0; size]);
    fatfs::format_volume(
        &mut disk,
        fatfs::FormatVolumeOptions::new().volume_label(LABEL),
    )?;
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
    match path.metadata() {
        Ok(metadata) if metadata.len() > FILE_MAX => return Err(Error::TooLarge(path.to_owned())),
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Ok(Err(e).reading(path)?),
    }
    Ok(Some(std::fs::read(path).reading(path)?))
}

fn check_yaml(path: &Path, content: &[u8]) -> Result<(), Error> {
    match serde_norway::from_slice(content) {
        // An empty file is valid.
        Ok(Value::Mapping(_) | Value::Null) => Ok(()),
        Ok(_) => Err(Error::NotMapping(path.to_owned())),
        Err(source) => Err(Error::Yaml {
            path: path.to_owned(),
            source,
        }),
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
    Err(Error::UnknownFormat(path.to_owned()))
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
        filesystem
            .root_dir()
            .open_file(name)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    #[test]
    fn a_disk_has_the_users_files_and_generated_meta_data() {
        let long = format!("#cloud-config\n{}", "x: \"ä\"\n#".repeat(40_000));
        let dir = folder(&[("user-data", &long), ("network-config", "version: 2\n")]);
        let image = Seed::read(dir.path()).unwrap().image("abc", "web").unwrap();
        assert_eq!(content(&image, "user-data"), long);
        assert_eq!(content(&image, "network-config"), "version: 2\n");
        assert_eq!(
            content(&image, "meta-data"),
            "instance-id: abc\nlocal-hostname: web\n"
        );
        std::fs::write(dir.path().join("meta-data"), "instance-id: mine\n").unwrap();
        let image = Seed::read(dir.path()).unwrap().image("abc", "web").unwrap();
        assert_eq!(content(&image, "meta-data"), "instance-id: mine\n");
        let filesystem =
            fatfs::FileSystem::new(Cursor::new(image), fatfs::FsOptions::new()).unwrap();
        assert_eq!(filesystem.volume_label(), "cidata");
        assert!(filesystem.root_dir().open_file("vendor-data").is_err());
    }

    #[test]
    fn files_that_cloud_init_would_ignore_are_refused() {
        assert!(error(&[("meta-data", "")]).contains("no file `user-data`"));
        let message = error(&[("user-data", "#cloud-config\na: b\nc: [d\n")]);
        assert!(
            message.contains("user-data") && message.contains("line"),
            "{message}"
        );
        assert!(error(&[("user-data", "#cloud-config\n- a\n")]).contains("mapping"));
        assert!(error(&[("user-data", "users: []\n")]).contains("must be `#cloud-config`"));
        assert!(error(&[("user-data", ""), ("meta-data", "just text\n")]).contains("meta-data"));
        assert!(
            error(&[("user-data", ""), ("network-config", "a: b: c\n")]).contains("network-config")
        );
    }

    #[test]
    fn user_data_in_other_formats_is_not_checked() {
        for text in [
            "",
            "#!/bin/sh\n",
            "Content-Type: multipart/mixed\n: [",
            "## template: jinja\n{{ x }}: [\n",
        ] {
            Seed::read(folder(&[("user-data", text)]).path()).unwrap();
        }
    }
}
