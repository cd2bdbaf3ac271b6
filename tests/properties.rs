//! Properties of all values: sizes, keys, and readers of damaged files.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use podman_bootc::disk::{BaseDisk, Cache, Claim, Import, InstallOptions, Key};
use podman_bootc::hypervisor::{Arch, accelerator};
use podman_bootc::image::{Facts, Image};
use podman_bootc::text::{format_size, parse_size};
use podman_bootc::vm::Vm;
use podman_bootc::vm::spec::{self, Firmware, Source, Spec};
use proptest::prelude::*;
use serde_json::Value;

proptest! {
    #[test]
    fn any_text_is_a_size_or_an_error(text in ".*") {
        let _ = parse_size(&text);
    }

    #[test]
    fn a_size_in_units_is_exact(number in 1u64..1 << 24, unit in 0usize..5, case in any::<bool>()) {
        let suffixes = ["", "K", "MiB", "gb", "T"];
        let suffix = if case { suffixes[unit].to_lowercase() } else { suffixes[unit].to_owned() };
        prop_assert_eq!(parse_size(&format!("{number}{suffix}")).unwrap(), number << (10 * unit));
    }

    #[test]
    fn a_formatted_size_parses_to_nearly_the_same_size(bytes in 1u64..1 << 60) {
        let shown = format_size(bytes).replace(' ', "");
        let read = parse_size(&shown).unwrap();
        prop_assert!(read.abs_diff(bytes) as f64 <= bytes as f64 * 0.06, "{bytes} {shown} {read}");
    }

    #[test]
    fn any_text_is_a_key_or_an_error(text in ".*") {
        prop_assert!(text.parse::<Key>().is_err());
    }

    #[test]
    fn a_key_survives_a_round_trip_through_text(hash in "[0-9a-f]{64}", generation in 0u32..) {
        let text = if generation == 0 { hash } else { format!("{hash}-{generation}") };
        let key: Key = text.parse().unwrap();
        prop_assert_eq!(key.to_string(), text);
        prop_assert_eq!(key.generation(), generation);
        prop_assert_eq!(serde_json::from_value::<Key>(serde_json::to_value(&key).unwrap()).unwrap(), key);
    }

    #[test]
    fn other_options_make_another_disk(one in options(), other in options()) {
        let (a, b) = (Key::new(&Image::sample(), &one), Key::new(&Image::sample(), &other));
        prop_assert_eq!(one == other, a == b);
        prop_assert_eq!(Key::new(&Image::sample(), &one.clone()), a);
    }

    #[test]
    fn a_damaged_file_is_an_error_that_names_it(place in any::<prop::sample::Index>(), damage in damage()) {
        let dir = tempfile::tempdir().unwrap();
        for file in [Sample::disk(dir.path()), Sample::vm(dir.path())] {
            let whole: Value = serde_json::from_slice(&std::fs::read(&file.path).unwrap()).unwrap();
            let damaged = damage.apply(&whole, place);
            std::fs::write(&file.path, &damaged).unwrap();
            match (file.read)(&file.path) {
                // The reader can't detect damage that leaves a valid file.
                Ok(()) => prop_assert!(matches!(damage, Damage::Replaced(_) | Damage::Missing)),
                Err(error) => prop_assert!(error.contains(file.path.to_str().unwrap()), "{error}"),
            }
        }
    }
}

/// Few texts, so that two sets of options often differ in one option only.
fn text() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "b", "a b", "\"", "a,b", "\0", "ä"]).prop_map(str::to_owned)
}

fn options() -> impl Strategy<Value = InstallOptions> {
    let texts = || prop::collection::vec(text(), 0..3);
    let sizes = (prop::option::of(0u64..2), 0u64..2, prop::option::of(text()));
    let names = (
        prop::option::of(text()),
        prop::option::of(text()),
        text(),
        prop::option::of(text()),
    );
    (sizes, names, texts(), texts(), any::<bool>()).prop_map(
        |(sizes, names, kargs, install_args, composefs)| {
            let (filesystem, bootloader, target_imgref, target_transport) = names;
            let (root_size, disk_size, root_key) = sizes;
            InstallOptions {
                filesystem,
                root_size,
                disk_size,
                kargs,
                bootloader,
                composefs,
                target_imgref,
                target_transport,
                root_key,
                bound_images: vec![],
                install_args,
            }
        },
    )
}

#[derive(Debug, Clone)]
enum Damage {
    /// The end is missing.
    Cut,
    /// One byte is replaced.
    Byte(u8),
    /// One member has another value.
    Replaced(Value),
    /// One member is missing.
    Missing,
    /// Another version wrote it.
    Version(u64),
    /// The file is far too large.
    Huge,
    /// The content is unrelated.
    Bytes(Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        Just(serde_json::json!([])),
        Just(serde_json::json!({})),
        Just(serde_json::json!({"kind": "disk", "base": "../../etc", "firmware": "bios"})),
    ];
    prop_oneof![
        Just(Damage::Cut),
        (128u8..).prop_map(Damage::Byte),
        value.prop_map(Damage::Replaced),
        Just(Damage::Missing),
        (2u64..).prop_map(Damage::Version),
        Just(Damage::Huge),
        prop::collection::vec(any::<u8>(), 0..100).prop_map(Damage::Bytes),
    ]
}

impl Damage {
    fn apply(&self, whole: &Value, place: prop::sample::Index) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(whole).unwrap();
        let mut value = whole.clone();
        let members = value.as_object_mut().unwrap();
        let name = members
            .keys()
            .nth(place.index(members.len()))
            .unwrap()
            .clone();
        match self {
            Self::Cut => {
                bytes.truncate(place.index(bytes.len()));
                return bytes;
            }
            // In place of ASCII this is never valid UTF-8.
            Self::Byte(byte) => {
                let at = place.index(bytes.len());
                bytes[at] = *byte;
                return bytes;
            }
            Self::Bytes(bytes) => return bytes.clone(),
            Self::Huge => return vec![b' '; 5 << 20],
            Self::Replaced(new) => {
                members.insert(name, new.clone());
            }
            Self::Missing => {
                members.remove(&name);
            }
            Self::Version(version) => {
                members.insert("version".into(), (*version).into());
            }
        }
        serde_json::to_vec(&value).unwrap()
    }
}

/// A file of the tool's state, and the function that reads it.
struct Sample {
    path: PathBuf,
    read: fn(&Path) -> Result<(), String>,
}

fn chain(error: &dyn std::error::Error) -> String {
    podman_bootc::text::error_chain(error)
}

impl Sample {
    fn disk(dir: &Path) -> Self {
        let folder = dir.join("disks");
        let cache = Cache::open(&folder).unwrap();
        let options = InstallOptions::default();
        let key = Key::new(&Image::sample(), &options);
        if let Claim::Ours(partial) = cache.claim(&key, false).unwrap() {
            std::fs::write(partial.disk(), "disk").unwrap();
            let facts = Facts::default();
            let created = jiff::Timestamp::UNIX_EPOCH;
            let file = PathBuf::new();
            let image = Image::sample();
            partial
                .finish(BaseDisk {
                    key: key.clone(),
                    image,
                    options,
                    facts,
                    installed: None,
                    created,
                    file,
                })
                .unwrap();
        }
        Self {
            path: folder.join(key.to_string()).join("disk.json"),
            read: |path| {
                let folder = path.parent().unwrap();
                let key: Key = folder
                    .file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .parse()
                    .unwrap();
                let cache = Cache::open(folder.parent().unwrap()).unwrap();
                match cache.find(&key) {
                    Ok(disk) => {
                        assert_eq!(disk.unwrap().key, key, "the folder's name counts");
                        Ok(())
                    }
                    Err(error) => Err(chain(&error)),
                }
            },
        }
    }

    fn vm(dir: &Path) -> Self {
        let disk = Import {
            file: "/x.raw".into(),
            format: podman_bootc::hypervisor::DiskFormat::Raw,
            size: 1,
            file_size: 1,
            modified: jiff::Timestamp::UNIX_EPOCH,
        };
        let spec = Spec {
            version: spec::VERSION,
            name: "one".parse().unwrap(),
            id: "aabb00000000".into(),
            created: jiff::Timestamp::UNIX_EPOCH,
            cloned_from: Some("two".into()),
            image: Some(Image::sample()),
            source: Source::Import {
                disk,
                firmware: Firmware::Uefi {
                    code: "/y".into(),
                    smm: true,
                },
            },
            disk_size: Some(1),
            grow_root: true,
            arch: Arch::X86_64,
            cpus: 2,
            memory_mib: 2048,
            hypervisor: Default::default(),
            accelerator: accelerator::Choice::Auto,
            user: "root".into(),
            owner: None,
            home: Some("/root".into()),
            sshd: true,
            systemd: Some(257),
            remove: false,
            deployed: vec![],
            settings: Default::default(),
        };
        let path = dir.join("vm.json");
        std::fs::write(&path, serde_json::to_vec(&spec).unwrap()).unwrap();
        Self {
            path,
            read: |path| match Vm::open(path.parent().unwrap()) {
                Ok(_) => Ok(()),
                Err(error) => Err(chain(&error)),
            },
        }
    }
}
