//! The folder of an image in the OCI format.
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::error::Error;
use super::layer::{self, Entry};
use crate::host::fs::file::{self, IoContext as _};
use crate::host::fs::locked_folder::LockedFolder;
use crate::host::process::interrupt;
use crate::hypervisor::Arch;

const MARKER: &str = "oci-layout";
const BLOBS: &str = "blobs/sha256";
/// The tag in the folder. Readers need none, but may give it.
const TAG: &str = "latest";

/// What an image says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    pub arch: Arch,
    /// The same time gives the same image.
    pub created: jiff::Timestamp,
    pub labels: BTreeMap<String, String>,
}

/// Writes an image to a folder of the user, which appears in one step, when it is complete.
/// `overwrite` replaces another image.
///
/// # Errors
/// The folder exists and may not be replaced, or it can't be written.
pub fn write_new(
    folder: &Path,
    entries: &[Entry],
    description: &Description,
    overwrite: bool,
    progress: impl FnMut(f64),
) -> Result<(), Error> {
    check(folder, overwrite)?;
    let folder = std::path::absolute(folder).writing(folder)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(folder.file_name().unwrap_or_default());
    name.push(".podman-bootc");
    let partial = LockedFolder::claim(folder.with_file_name(name))?
        .ok_or_else(|| Error::Busy(folder.clone()))?;
    write(partial.path(), entries, description, progress)?;
    check(&folder, overwrite)?;
    // An empty folder, or another image.
    file::remove_dir(&folder).writing(&folder)?;
    std::fs::rename(partial.path(), &folder).writing(&folder)?;
    Ok(())
}

/// Makes sure that the folder is free, or has an image that may be replaced.
///
/// # Errors
/// It isn't.
pub fn check(folder: &Path, overwrite: bool) -> Result<(), Error> {
    let is_empty = |folder: &Path| folder.is_dir() && file::entries(folder).next().is_none();
    match folder.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let above = match folder.parent() {
                Some(above) if above != Path::new("") => above,
                _ => Path::new("."),
            };
            above.read_dir().reading(above)?;
            Ok(())
        }
        Err(error) => Ok(Err(error).reading(folder)?),
        Ok(_) if is_empty(folder) => Ok(()),
        Ok(_) if !overwrite => Err(Error::Exists(folder.to_owned())),
        Ok(_) if folder.join(MARKER).is_file() => Ok(()),
        Ok(_) => Err(Error::Foreign(folder.to_owned())),
    }
}

/// Writes an image to a new folder. `progress` gets percents.
///
/// # Errors
/// A file can't be read or written.
pub fn write(
    folder: &Path,
    entries: &[Entry],
    description: &Description,
    progress: impl FnMut(f64),
) -> Result<(), Error> {
    let blobs = folder.join(BLOBS);
    std::fs::create_dir_all(&blobs).writing(&blobs)?;
    let layer = write_layer(&blobs, entries, progress)?;
    let text = |value: &Value| value.to_string().into_bytes();
    let created = description.created.to_string();
    let config = json!({
        "architecture": description.arch.oci_name(),
        "os": "linux",
        "created": created,
        "config": { "Labels": description.labels },
        "rootfs": { "type": "layers", "diff_ids": [layer.digest] },
        "history": [{ "created": created, "created_by": "podman-bootc" }],
    });
    let config = write_blob(&blobs, &text(&config))?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config.descriptor("application/vnd.oci.image.config.v1+json"),
        "layers": [layer.descriptor("application/vnd.oci.image.layer.v1.tar")],
    });
    let manifest = write_blob(&blobs, &text(&manifest))?;
    let mut listed = manifest.descriptor("application/vnd.oci.image.manifest.v1+json");
    listed["annotations"] = json!({ "org.opencontainers.image.ref.name": TAG });
    listed["platform"] = json!({ "architecture": description.arch.oci_name(), "os": "linux" });
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [listed],
    });
    let version = json!({ "imageLayoutVersion": "1.0.0" });
    for (name, value) in [("index.json", &index), (MARKER, &version)] {
        let path = folder.join(name);
        std::fs::write(&path, text(value)).writing(&path)?;
    }
    Ok(())
}

/// Returns the hash of a layer with these files, in hex, without writing it.
///
/// # Errors
/// A file can't be read.
pub fn digest(entries: &[Entry]) -> Result<String, Error> {
    let mut out = Hashed::new(io::sink());
    let written = layer::write(entries, &mut out, Path::new(""), |_| {});
    interrupt::check()?;
    written?;
    Ok(hex(out.hash.finalize().as_slice()))
}

/// A file in the folder.
struct Blob {
    digest: String,
    size: u64,
}

impl Blob {
    fn descriptor(&self, media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": self.digest, "size": self.size })
    }
}

fn write_blob(blobs: &Path, bytes: &[u8]) -> Result<Blob, file::Error> {
    let hex = hex(Sha256::digest(bytes).as_slice());
    let path = blobs.join(&hex);
    std::fs::write(&path, bytes).writing(&path)?;
    Ok(Blob {
        digest: format!("sha256:{hex}"),
        size: bytes.len() as u64,
    })
}

/// Writes the layer, whose name is known at its end.
fn write_layer(blobs: &Path, entries: &[Entry], progress: impl FnMut(f64)) -> Result<Blob, Error> {
    let path: PathBuf = blobs.join("layer");
    let mut out = Hashed::new(File::create(&path).writing(&path)?);
    let written = layer::write(entries, &mut out, &path, progress);
    // The signal that ended the work is the better reason.
    interrupt::check()?;
    written?;
    let hex = hex(out.hash.finalize().as_slice());
    let place = blobs.join(&hex);
    std::fs::rename(&path, &place).writing(&place)?;
    Ok(Blob {
        digest: format!("sha256:{hex}"),
        size: out.size,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A stream and the hash of what was written to it.
struct Hashed<W> {
    out: W,
    hash: Sha256,
    size: u64,
}

impl<W> Hashed<W> {
    fn new(out: W) -> Self {
        Self {
            out,
            hash: Sha256::new(),
            size: 0,
        }
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::containerdisk::Content;

    #[test]
    fn only_an_image_is_replaced_and_the_same_content_is_the_same_image() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("file"), "content").unwrap();
        let entries = [Entry {
            path: "disk/disk.img".into(),
            content: Content::File(path("file")),
        }];
        let description = Description {
            arch: Arch::Aarch64,
            created: jiff::Timestamp::UNIX_EPOCH,
            labels: BTreeMap::new(),
        };
        let write = |name: &str, overwrite| {
            write_new(&path(name), &entries, &description, overwrite, |_| {})
        };
        write("one", false).unwrap();
        std::fs::create_dir(path("two")).unwrap();
        write("two", false).unwrap();
        let index = |name: &str| std::fs::read_to_string(path(name).join("index.json")).unwrap();
        assert_eq!(index("one"), index("two"));
        assert!(index("one").contains("arm64"));
        assert_eq!(file::entries(&path("one").join(BLOBS)).count(), 3);
        assert!(matches!(write("one", false), Err(Error::Exists(_))));
        write("one", true).unwrap();
        assert!(matches!(write("file", true), Err(Error::Foreign(_))));
        assert!(matches!(write("no/x", true), Err(Error::File(_))));
        std::fs::create_dir_all(path("full/x")).unwrap();
        assert!(matches!(write("full", true), Err(Error::Foreign(_))));
        assert_eq!(file::entries(dir.path()).count(), 4, "nothing is left over");
    }
}
