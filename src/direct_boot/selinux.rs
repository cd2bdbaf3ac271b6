//! The SELinux policy of an image, and the labels that it gives to the files of a direct boot.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::error::Error;
use super::file_contexts::{FileContexts, Kind, Texts};
use super::image_files::ImageFiles;
use super::layers::LabelsId;
use crate::host::fs::file::IoContext;
use crate::host::process;

/// The attribute that holds a file's label.
const ATTRIBUTE: &str = "security.selinux";
/// debugfs reads lines of at most 8191 bytes.
const LINE_MAX: usize = 8000;

/// The policy that an image's system loads at boot.
#[derive(Debug)]
pub struct Policy(Texts);

impl Policy {
    /// Reads the policy; `None` where the image has SELinux turned off, or no policy.
    pub fn read(image: &ImageFiles) -> Result<Option<Self>, Error> {
        let config = image.text("etc/selinux/config")?.unwrap_or_default();
        if !is_on(&config) {
            return Ok(None);
        }
        let kind = setting(&config, "SELINUXTYPE=").unwrap_or("targeted");
        let texts = Texts::read(|end| {
            let path = format!("etc/selinux/{kind}/contexts/files/file_contexts{end}");
            Ok::<_, Error>(image.text(&path)?.unwrap_or_default())
        })?;
        Ok(Some(Self(texts)).filter(|policy| !policy.0.base.is_empty()))
    }

    pub fn id(&self) -> LabelsId {
        // Block images from before a change of the way in which files get labels don't count.
        let mut hash = Sha256::new_with_prefix("2");
        for (end, text) in self.0.named() {
            hash.update(format!("{end}\0{}\0", text.len()));
            hash.update(text);
        }
        let digest = hash.finalize();
        LabelsId(
            digest
                .iter()
                .take(8)
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }

    pub fn contexts(&self) -> FileContexts<'_> {
        FileContexts::parse(&self.0)
    }

    /// Writes the lines that can match a file below `folder` into the folder `to`, and returns the
    /// file for `mkfs.erofs --file-contexts`.
    pub fn write_contexts(&self, folder: &Path, to: &Path) -> Result<PathBuf, Error> {
        let files = walk(folder)?;
        let needed = self
            .contexts()
            .needed_for(files.iter().map(|(path, _)| &path[..]));
        let base = to.join("file_contexts");
        for (end, text) in needed.named() {
            let path = to.join(format!("file_contexts{end}"));
            std::fs::write(&path, text).writing(&path)?;
        }
        Ok(base)
    }
}

/// Returns true if systemd loads a policy at boot.
pub fn is_on(config: &str) -> bool {
    setting(config, "SELINUX=").is_some_and(|mode| {
        ["enforcing", "permissive"]
            .iter()
            .any(|on| mode.eq_ignore_ascii_case(on))
    })
}

fn setting<'a>(config: &'a str, name: &str) -> Option<&'a str> {
    config
        .lines()
        .find_map(|line| line.trim().strip_prefix(name))
        .map(str::trim)
}

/// Returns true when this host's `mkfs.erofs` can give labels to files. Not every build can.
pub fn can_label_erofs() -> bool {
    let mut command = Command::new("mkfs.erofs");
    // Old versions print their help to standard error.
    command
        .arg("--help")
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| {
            let has_option =
                |text: &[u8]| String::from_utf8_lossy(text).contains("--file-contexts");
            has_option(&output.stdout) || has_option(&output.stderr)
        })
}

/// Returns `debugfs` of this host, which gives labels to the files of an ext4 filesystem.
pub fn debugfs() -> Option<PathBuf> {
    process::find("debugfs", &["/usr/sbin/debugfs", "/sbin/debugfs"])
}

/// Labels the files of the ext4 filesystem `disk`, which has the files of the folder `content`.
/// `image_path` tells which path of the image has a file's label.
pub fn label_ext4(
    debugfs: &Path,
    policy: &Policy,
    content: &Path,
    disk: &Path,
    image_path: impl Fn(&str) -> &str,
) -> Result<(), Error> {
    let contexts = policy.contexts();
    let mut script = String::new();
    // The root comes last, and tells whether debugfs has obeyed all lines.
    for (path, kind) in walk(content)?.iter().rev() {
        let Ok(path) = std::str::from_utf8(path) else {
            continue;
        };
        let Some(label) = contexts.label(image_path(path).as_bytes(), *kind) else {
            continue;
        };
        let line = format!(
            "ea_set \"{}\" {ATTRIBUTE} {label}\n",
            path.replace('"', "\"\"")
        );
        // A line break in a name would begin another command.
        if path.chars().any(char::is_control) || line.len() > LINE_MAX {
            tracing::warn!(path, "can't label this file");
            continue;
        }
        script.push_str(&line);
    }
    script.push_str(&format!("ea_get -V / {ATTRIBUTE}\n"));
    let commands = disk.with_extension("labels");
    std::fs::write(&commands, script).writing(&commands)?;
    let mut command = Command::new(debugfs);
    command.args(["-w", "-f"]).args([&commands, disk]);
    let output = process::output(&mut command).map_err(Error::Mkfs)?;
    std::fs::remove_file(&commands).writing(&commands)?;
    let root = String::from_utf8_lossy(&output);
    let root = root.lines().next_back().unwrap_or_default();
    if Some(root) == contexts.label(b"/", Kind::Folder) {
        Ok(())
    } else {
        Err(Error::Labels)
    }
}

/// Returns the files below a folder and itself, as absolute paths in it. A folder comes before its
/// files.
fn walk(folder: &Path) -> Result<Vec<(Vec<u8>, Kind)>, Error> {
    let mut found = vec![(b"/".to_vec(), Kind::Folder)];
    let mut folders = vec![(folder.to_owned(), Vec::new())];
    while let Some((folder, name)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).reading(&folder)? {
            let entry = entry.reading(&folder)?;
            let kind = entry.file_type().reading(&folder)?;
            let path = [&name, &b"/"[..], entry.file_name().as_encoded_bytes()].concat();
            if kind.is_dir() {
                folders.push((entry.path(), path.clone()));
            }
            found.push((path, kind.into()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::direct_boot::{erofs, layers};

    fn image(config: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let files = dir.path().join("etc/selinux/some/contexts/files");
        std::fs::create_dir_all(&files).unwrap();
        std::fs::write(dir.path().join("etc/selinux/config"), config).unwrap();
        let line = "/.*\tsystem_u:object_r:default_t:s0\n";
        std::fs::write(files.join("file_contexts"), line).unwrap();
        dir
    }

    fn read(image: &tempfile::TempDir) -> Option<Policy> {
        Policy::read(&ImageFiles::new(image.path()).unwrap()).unwrap()
    }

    #[test]
    fn only_an_image_that_loads_a_policy_has_labels() {
        let on = image("# SELINUX=disabled\nSELINUX=enforcing\nSELINUXTYPE=some\n");
        let id = read(&on).unwrap().id();
        let permissive = image("SELINUX=Permissive\nSELINUXTYPE=some \n");
        assert_eq!(read(&permissive).unwrap().id(), id);
        assert!(read(&image("SELINUX=disabled\nSELINUXTYPE=some\n")).is_none());
        assert!(read(&image("SELINUX=enforcing\nSELINUXTYPE=other\n")).is_none());
        // Each of the policy's files counts.
        let local = "etc/selinux/some/contexts/files/file_contexts.local";
        std::fs::write(on.path().join(local), "/x\tsystem_u:object_r:x_t:s0\n").unwrap();
        assert_ne!(read(&on).unwrap().id(), id);
    }

    #[test]
    fn a_folder_comes_before_its_files() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        std::fs::write(dir.path().join("a/b/c"), "").unwrap();
        let found = walk(dir.path()).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|(path, kind)| (std::str::from_utf8(path).unwrap(), *kind))
            .collect();
        let expected = [
            ("/", Kind::Folder),
            ("/a", Kind::Folder),
            ("/a/b", Kind::Folder),
        ];
        assert_eq!(found[..3], expected);
        assert_eq!(found[3..], [("/a/b/c", Kind::File)]);
    }

    #[test]
    fn a_file_with_a_copy_in_ostrees_repository_keeps_its_own_label() {
        if !can_label_erofs() {
            return;
        }
        let lines = "/.*\tsystem_u:object_r:default_t:s0\n/usr/bin/sshd\tsystem_u:object_r:sshd_exec_t:s0\n";
        let source = image("SELINUX=enforcing\nSELINUXTYPE=some\n");
        let path = "etc/selinux/some/contexts/files/file_contexts";
        std::fs::write(source.path().join(path), lines).unwrap();
        let policy = read(&source).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let content = dir.path().join("content");
        let objects = content.join("sysroot/ostree/repo/objects");
        for folder in [&objects, &content.join("usr/bin")] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let program = content.join("usr/bin/sshd");
        std::fs::write(&program, "program").unwrap();
        std::fs::hard_link(&program, objects.join("0.file")).unwrap();
        let chains = layers::chain_ids(&["sha256:0".to_owned()]);
        let block = layers::block(&chains, &(0..1), false, Some(policy.id()));
        erofs::pack_block(&content, dir.path(), block.clone(), Some(&policy)).unwrap();
        let packed = std::fs::read(erofs::data_file(dir.path(), &block)).unwrap();
        let contains = |text: &str| {
            packed
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        assert!(contains("object_r:sshd_exec_t:s0"));
        assert!(!contains("0.file"));
    }

    #[test]
    fn debugfs_labels_names_of_all_kinds() {
        let mkfs = process::find("mkfs.ext4", &["/usr/sbin/mkfs.ext4"]);
        let (Some(debugfs), Some(mkfs)) = (debugfs(), mkfs) else {
            return;
        };
        let policy = read(&image("SELINUX=enforcing\nSELINUXTYPE=some\n")).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let content = dir.path().join("content");
        let names = ["plain", "two words \"quoted\"", "bad\nea_rm plain"];
        std::fs::create_dir(&content).unwrap();
        for name in names {
            std::fs::write(content.join(name), "").unwrap();
        }
        let disk = dir.path().join("disk.ext4");
        std::fs::File::create(&disk)
            .unwrap()
            .set_len(16 << 20)
            .unwrap();
        let mut command = Command::new(mkfs);
        process::output(command.args(["-q", "-F", "-d"]).args([&content, &disk])).unwrap();
        label_ext4(&debugfs, &policy, &content, &disk, |path| path).unwrap();
        let get = |path: &str| {
            let request = format!("ea_get -V \"{path}\" {ATTRIBUTE}");
            let mut command = Command::new(&debugfs);
            let output = process::output(command.args(["-R", &request]).arg(&disk)).unwrap();
            String::from_utf8(output).unwrap().trim().to_owned()
        };
        for path in ["/", "/plain", "/two words \"\"quoted\"\""] {
            assert_eq!(get(path), "system_u:object_r:default_t:s0", "{path}");
        }
    }
}
