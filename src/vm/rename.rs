//! Gives a VM another name, which is also the name of its folder.

use super::events::{Event, Kind};
use super::store::instance::Door;
use super::{Error, Name, Store, Vm, lifecycle, store};
use crate::host::fault;
use crate::host::fs::file::{self, IoContext as _};

/// Renames a VM that doesn't run. Its ID and its guest stay as they are.
///
/// The new name counts from the moment in which the folder has it ([`Vm::open`]), so that an
/// interrupted rename has happened or not.
///
/// # Errors
/// The VM runs, a VM has the new name, or a file can't be written.
pub fn rename(vm: &Vm, store: &Store, new: &Name) -> Result<Vm, Error> {
    let taken = lifecycle::take(vm)?;
    let old = &vm.spec.name;
    if store.entry(new).is_some() {
        return Err(store::Error::Taken(new.clone()).into());
    }
    vm.remove_orphan()?;
    // For a moment the pinned host keys have both names.
    let both = format!("{old},{new}").to_ascii_lowercase();
    vm.keys().rename_host(old.as_str(), &both)?;
    fault::point("vm-renaming");
    let folder = store.folder(new);
    let moved = file::rename_locked_dir_no_replace(&vm.folder, &folder, taken);
    let _taken = match moved {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(store::Error::Taken(new.clone()).into());
        }
        moved => moved.writing(&folder).map_err(store::Error::from)?,
    };
    fault::point("vm-renamed");
    let mut renamed = Vm::open(&folder)?;
    renamed.change_spec(|_| Ok::<_, Error>(()))?;
    let name = new.as_str().to_ascii_lowercase();
    renamed.keys().rename_host(new.as_str(), &name)?;
    lifecycle::write_ssh_config(&renamed, Door::Guest)?;
    store.events().add(&Event {
        old_name: Some(old.to_string()),
        ..Event::now(Kind::Renamed, &renamed.spec, None)
    });
    Ok(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fs::dirs::Dirs;
    use crate::vm::{Spec, State};

    fn store(dir: &std::path::Path) -> Store {
        Store::new(&Dirs {
            cache: dir.join("cache"),
            data: dir.join("data"),
            runtime: dir.join("run"),
        })
    }

    fn create(store: &Store, name: &str, id: &str) -> Vm {
        let spec = Spec {
            name: name.parse().unwrap(),
            id: id.into(),
            ..Spec::sample()
        };
        let reserved = store.reserve(Some(spec.name.clone())).unwrap();
        reserved.commit(spec).unwrap().0
    }

    #[test]
    fn a_renamed_vm_keeps_its_files_and_its_pinned_host_key() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let vm = create(&store, "one", "aabb00000000");
        vm.keys().pin_host("one", "ssh-ed25519", b"key").unwrap();
        let door = vm.keys().for_door();
        door.pin_host("one", "ssh-ed25519", b"door").unwrap();
        let saved = vm.folder.join("known_hosts.before.snapshot");
        std::fs::copy(vm.keys().known_hosts(), &saved).unwrap();

        let renamed = rename(&vm, &store, &"Two".parse().unwrap()).unwrap();
        assert!(!vm.folder.exists() && store.find("one").is_err());
        let found = store.find("Two").unwrap();
        assert_eq!(
            (found.spec.name.as_str(), &found.spec.id),
            ("Two", &vm.spec.id)
        );
        assert_eq!(found.state(), State::Stopped);
        let text = std::fs::read_to_string(renamed.folder.join("vm.json")).unwrap();
        assert!(
            text.contains("\"Two\"") && !text.contains("\"one\""),
            "{text}"
        );
        for (keys, key) in [
            (renamed.keys(), b"key".as_slice()),
            (renamed.keys().for_door(), b"door"),
        ] {
            assert!(keys.is_expected_host("Two", "ssh-ed25519", key).unwrap());
            assert!(
                !keys
                    .is_expected_host("Two", "ssh-ed25519", b"other")
                    .unwrap()
            );
            assert!(keys.pinned_types("one").unwrap().is_empty());
        }
        let saved = renamed.folder.join(saved.file_name().unwrap());
        assert!(std::fs::read_to_string(saved).unwrap().starts_with("two "));
        let config = std::fs::read_to_string(renamed.ssh_config()).unwrap();
        assert!(config.contains("Host Two.bootc"), "{config}");
        let (events, _) = store
            .events()
            .read(Some(jiff::Timestamp::UNIX_EPOCH))
            .unwrap();
        let last = events.last().unwrap();
        assert_eq!(
            (last.event, last.name.as_str(), last.old_name.as_deref()),
            (Kind::Renamed, "Two", Some("one"))
        );
    }

    #[test]
    fn a_name_that_is_taken_and_a_running_vm_stay_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let vm = create(&store, "one", "aabb00000000");
        create(&store, "two", "aacc00000000");
        let to = |name: &str| rename(&vm, &store, &name.parse().unwrap()).unwrap_err();
        for name in ["one", "two"] {
            assert!(
                matches!(to(name), Error::Store(store::Error::Taken(_))),
                "{name}"
            );
        }
        // A name that another process reserves is an empty folder at first.
        std::fs::create_dir(store.folder(&"three".parse().unwrap())).unwrap();
        assert!(matches!(to("three"), Error::Store(store::Error::Taken(_))));
        let taken = vm.take().unwrap();
        assert!(matches!(to("four"), Error::MustStop(_)));
        drop(taken);
        assert_eq!(store.find("one").unwrap().spec.id, vm.spec.id);
    }

    #[test]
    fn the_name_of_the_folder_counts() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let vm = create(&store, "one", "aabb00000000");
        // As after a rename that was killed in the middle.
        std::fs::rename(&vm.folder, store.folder(&"two".parse().unwrap())).unwrap();
        assert_eq!(store.find("aabb").unwrap().spec.name.as_str(), "two");
    }
}
