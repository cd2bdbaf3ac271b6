//! The names on this host that can complete a word. They are only read, and whatever can't be read
//! completes nothing.

use std::ffi::OsStr;

use clap::builder::StyledStr;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};

use crate::cli::images;
use crate::host::fs::dirs::Dirs;
use crate::image::ListedImage;
use crate::text::since;
use crate::vm::store::Entry;
use crate::vm::{State, Store, Vm, snapshots};

/// The VMs that a command can work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    Running,
    /// VMs that don't run, with crashed ones.
    Stopped,
}

impl Which {
    fn has(self, state: &State) -> bool {
        match self {
            Self::All => true,
            Self::Running => *state == State::Running,
            Self::Stopped => matches!(state, State::Stopped | State::Suspended | State::Crashed(_)),
        }
    }
}

fn store() -> Option<Store> {
    Dirs::find().ok().map(|dirs| Store::new(&dirs))
}

fn candidate(value: impl Into<String>, help: impl Into<StyledStr>) -> CompletionCandidate {
    CompletionCandidate::new(value.into()).help(Some(help.into()))
}

/// Returns the VMs whose name begins like this, or else those whose ID does.
pub fn vms(which: Which, begin: &str) -> Vec<CompletionCandidate> {
    let mut by_name = Vec::new();
    let mut by_id = Vec::new();
    for entry in store().map(|store| store.read()).unwrap_or_default() {
        let (is_wanted, help, id) = match &entry {
            Entry::Vm(vm) => {
                let state = vm.state();
                let help = [state.name(), &image_of(vm)].join(" ");
                (which.has(&state), help, vm.spec.id.as_str())
            }
            Entry::Creating(_) => (which == Which::All, "creating".to_owned(), ""),
            Entry::Damaged(..) => (which == Which::All, "damaged".to_owned(), ""),
        };
        if !is_wanted {
            continue;
        }
        if entry.name().starts_with(begin) {
            by_name.push(candidate(entry.name(), help.trim().to_owned()));
        } else if !begin.is_empty() && id.starts_with(begin) {
            by_id.push(candidate(id, format!("{} {help}", entry.name())));
        }
    }
    if by_name.is_empty() { by_id } else { by_name }
}

fn image_of(vm: &Vm) -> String {
    let image = vm.spec.running_image();
    image.map_or_else(String::new, |image| image.reference.clone())
}

/// Returns the snapshots of a VM.
pub fn snapshots(vm: &str, begin: &str) -> Vec<CompletionCandidate> {
    let found = store().and_then(|store| store.find(vm).ok());
    let list = found.and_then(|vm| snapshots::list(&vm).ok());
    let list = list.unwrap_or_default().into_iter();
    list.filter(|snapshot| snapshot.name.starts_with(begin))
        .map(|snapshot| candidate(snapshot.name, since(snapshot.created)))
        .collect()
}

/// Returns the folders in a VM of its shares.
pub fn shares(vm: &str, begin: &str) -> Vec<CompletionCandidate> {
    let found = store().and_then(|store| store.find(vm).ok());
    let shares = found
        .iter()
        .flat_map(|vm| vm.spec.settings.shares.numbered());
    shares
        .filter(|(_, share)| share.target.starts_with(begin))
        .map(|(_, share)| candidate(&share.target, share.source.display().to_string()))
        .collect()
}

/// Returns the names in a VM of its additional disks.
pub fn disks(vm: &str, begin: &str) -> Vec<CompletionCandidate> {
    let found = store().and_then(|store| store.find(vm).ok());
    let disks = found
        .iter()
        .flat_map(|vm| vm.spec.settings.disks.numbered());
    disks
        .map(|(number, _)| format!("extra{number}"))
        .filter(|name| name.starts_with(begin))
        .map(CompletionCandidate::new)
        .collect()
}

/// The beginnings of images that are files.
const TRANSPORTS: [&str; 3] = ["oci-archive:", "docker-archive:", "oci:"];

/// Returns the images in podman's storage, or the files after the name of a transport.
pub fn images(connection: Option<&str>, begin: &str) -> Vec<CompletionCandidate> {
    for transport in TRANSPORTS {
        if let Some(path) = begin.strip_prefix(transport) {
            return paths(PathCompleter::any(), transport, path);
        }
    }
    let podman = images::podman(connection).ok();
    let list = podman.and_then(|podman| podman.list().ok());
    let mut found = names(&list.unwrap_or_default(), begin);
    let transports = TRANSPORTS.iter().filter(|name| name.starts_with(begin));
    found.extend(transports.map(|name| candidate(*name, "an image in a file or folder")));
    found
}

/// Returns the names of images that begin like this. podman also finds an image by its name
/// without `localhost/`, and by its ID.
fn names(images: &[ListedImage], begin: &str) -> Vec<CompletionCandidate> {
    let mut whole = Vec::new();
    let mut short = Vec::new();
    let mut ids = Vec::new();
    for image in images {
        let created = jiff::Timestamp::from_second(image.created).unwrap_or_default();
        let help = format!("built {}", since(created));
        for name in &image.names {
            if name.starts_with(begin) {
                whole.push(candidate(name, help.clone()));
            } else if let Some(name) = name.strip_prefix("localhost/")
                && name.starts_with(begin)
            {
                short.push(candidate(name, help.clone()));
            }
        }
        let is_wanted = if image.names.is_empty() {
            image.id.starts_with(begin)
        } else {
            !begin.is_empty() && image.id.starts_with(begin)
        };
        if is_wanted && begin.len() <= 12 {
            let id = image.id.get(..12).unwrap_or(&image.id);
            ids.push(candidate(id, format!("{} {help}", image.names.join(" "))));
        }
    }
    let first = [whole, short, ids].into_iter();
    first
        .into_iter()
        .find(|list| !list.is_empty())
        .unwrap_or_default()
}

/// Returns podman's connections.
pub fn connections(begin: &str) -> Vec<CompletionCandidate> {
    let list = images::podman(None).and_then(|podman| Ok(podman.connections()?));
    let list = list.unwrap_or_default().into_iter();
    list.filter(|name| name.starts_with(begin))
        .map(CompletionCandidate::new)
        .collect()
}

/// Returns host paths, each with a prefix.
pub fn paths(which: PathCompleter, prefix: &str, begin: &str) -> Vec<CompletionCandidate> {
    let found = which.complete(OsStr::new(begin)).into_iter();
    found.map(|path| path.add_prefix(prefix)).collect()
}

/// Returns the fixed words that begin like this.
pub fn fixed(words: &[&str], begin: &str) -> Vec<CompletionCandidate> {
    let words = words.iter().filter(|word| word.starts_with(begin));
    words.map(|word| CompletionCandidate::new(*word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_offered_by_name_short_name_and_id() {
        let image = |names: &[&str], id: &str| ListedImage {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            id: id.repeat(32),
            digest: String::new(),
            created: 0,
            size: 0,
        };
        let images = [
            image(&["localhost/my-os:latest", "localhost/my-os:2"], "ab"),
            image(&["quay.io/example/my-os:latest"], "cd"),
            image(&[], "ef"),
        ];
        let offered = |begin: &str| -> Vec<String> {
            let found = names(&images, begin).into_iter();
            found
                .map(|found| found.get_value().to_string_lossy().into_owned())
                .collect()
        };
        let all = [
            "localhost/my-os:latest",
            "localhost/my-os:2",
            "quay.io/example/my-os:latest",
        ];
        assert_eq!(offered(""), all);
        assert_eq!(offered("localhost/my-os:"), all[..2]);
        assert_eq!(offered("my-os:l"), ["my-os:latest"]);
        assert_eq!(offered("qu"), all[2..]);
        assert_eq!(offered("cdc"), ["cdcdcdcdcdcd"]);
        assert_eq!(offered("ef"), ["efefefefefef"]);
        assert_eq!(offered("x"), [""; 0]);
    }
}
