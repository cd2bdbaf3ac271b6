//! The name of a base disk: a digest of everything that changes its content.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::InstallOptions;
use crate::image::Image;

/// Must change with the files that this tool puts on a disk and the options that it adds to the
/// install.
const FORMAT: &str = "podman-bootc base disk 1";

/// A base disk's name in the cache: 64 hex digits, and `-N` for the Nth rebuild.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the key of a base disk")]
pub struct InvalidKey(String);

const HASH_LENGTH: usize = 64;

impl Key {
    pub fn new(image: &Image, options: &InstallOptions) -> Self {
        let mut hash = Sha256::new();
        // Each part begins with its length, so that no two lists have the same bytes.
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        part(FORMAT);
        part(&image.digest);
        part(&image.architecture);
        // JSON quotes the values, and a struct has its fields in a fixed order.
        part(&serde_json::to_string(options).unwrap_or_else(|_| format!("{options:?}")));
        Self(
            hash.finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }

    /// The part that all disks of the same image and options share.
    pub fn content(&self) -> &str {
        self.0.get(..HASH_LENGTH).unwrap_or(&self.0)
    }

    /// 0 for the first disk with its content, and one more for each rebuild.
    pub fn generation(&self) -> u32 {
        self.0
            .get(HASH_LENGTH + 1..)
            .and_then(|number| number.parse().ok())
            .unwrap_or(0)
    }

    /// The key of the next rebuild.
    pub fn next_generation(&self) -> Self {
        Self(format!(
            "{}-{}",
            self.content(),
            self.generation().saturating_add(1)
        ))
    }
}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let (hash, number) = text.split_once('-').unwrap_or((text, "1"));
        let is_hash = hash.len() == HASH_LENGTH
            && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        // `-01` would be a second name for the same disk.
        let is_number = number
            .parse::<u32>()
            .is_ok_and(|n| n > 0 && n.to_string() == number);
        if is_hash && is_number {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidKey(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Key {
    type Error = InvalidKey;

    fn try_from(text: String) -> Result<Self, InvalidKey> {
        text.parse()
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_changes_the_key() {
        let base = InstallOptions {
            disk_size: 10 << 30,
            target_imgref: "localhost/x:latest".into(),
            ..InstallOptions::default()
        };
        let bound = |id: &str| crate::disk::BoundImage {
            name: "x".into(),
            id: id.into(),
        };
        let changes: [&dyn Fn(&mut InstallOptions); 14] = [
            &|_| {},
            &|o| o.filesystem = Some("xfs".into()),
            &|o| o.root_size = Some(5 << 30),
            &|o| o.disk_size = 20 << 30,
            &|o| o.kargs = vec!["a b".into()],
            &|o| o.kargs = vec!["a".into(), "b".into()],
            &|o| o.composefs = true,
            &|o| o.root_key = Some("ssh-ed25519 x".into()),
            &|o| o.bootloader = Some("systemd".into()),
            &|o| o.target_transport = Some("oci".into()),
            &|o| o.bound_images = vec![bound("1")],
            &|o| o.bound_images = vec![bound("2")],
            &|o| o.install_args = vec!["a b".into()],
            &|o| o.install_args = vec!["a".into(), "b".into()],
        ];
        let mut keys: Vec<Key> = changes
            .iter()
            .map(|change| {
                let mut options = base.clone();
                change(&mut options);
                Key::new(&Image::sample(), &options)
            })
            .collect();
        let moved = Image {
            digest: "sha256:2".into(),
            ..Image::sample()
        };
        keys.push(Key::new(&moved, &base));
        let renamed = InstallOptions {
            target_imgref: "localhost/y:latest".into(),
            ..base.clone()
        };
        keys.push(Key::new(&Image::sample(), &renamed));
        let foreign = Image {
            architecture: "arm64".into(),
            ..Image::sample()
        };
        keys.push(Key::new(&foreign, &base));
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count, "each change gives another key");
    }

    #[test]
    fn the_name_and_size_of_an_image_are_not_in_the_key() {
        let options = InstallOptions::default();
        let relabelled = Image {
            size: 6,
            reference: "localhost/other".into(),
            ..Image::sample()
        };
        assert_eq!(
            Key::new(&Image::sample(), &options),
            Key::new(&relabelled, &options)
        );
        assert_eq!(Key::new(&Image::sample(), &options).to_string().len(), 64);
    }

    #[test]
    fn each_rebuild_has_a_key_of_its_own() {
        let first = Key::new(&Image::sample(), &InstallOptions::default());
        let second = first.next_generation();
        let third = second.next_generation();
        assert_eq!(
            (first.generation(), second.generation(), third.generation()),
            (0, 1, 2)
        );
        assert_eq!(third.content(), first.to_string());
        assert_eq!(third.to_string().parse(), Ok(third.clone()));
        let hash = first.content();
        for text in [
            "",
            "../..",
            &hash[1..],
            &format!("{hash}-"),
            &format!("{hash}-0"),
            &format!("{hash}-01"),
        ] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }
}
