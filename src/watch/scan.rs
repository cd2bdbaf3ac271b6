//! The folders and files of the sources.

use std::collections::HashMap;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};

use super::sources::Rules;
use crate::host::fs::stamp;

/// The state of all files at one time, for polling.
#[derive(Debug, Default)]
pub struct Snapshot(HashMap<PathBuf, [i64; 4]>);

impl Snapshot {
    pub fn take(rules: &Rules) -> Self {
        let mut snapshot = Self::default();
        for root in rules.roots() {
            let mut add = |folder: &Path| snapshot.add_folder(folder, rules);
            match root.deep {
                true => each_folder(&root.folder, rules, &mut add),
                false => add(&root.folder),
            }
        }
        snapshot
    }

    fn add_folder(&mut self, folder: &Path, rules: &Rules) {
        for entry in entries(folder) {
            let path = entry.path();
            if rules.counts(&path)
                && let Ok(metadata) = entry.metadata()
            {
                self.0.insert(path, stamp(&metadata));
            }
        }
    }

    /// Returns the paths that differ, at most `most`.
    pub fn differences(&self, new: &Self, most: usize) -> Vec<PathBuf> {
        let changed = new
            .0
            .iter()
            .filter(|(path, stamp)| self.0.get(*path) != Some(stamp));
        let gone = self.0.iter().filter(|(path, _)| !new.0.contains_key(*path));
        let paths = changed.chain(gone).map(|(path, _)| path.clone());
        let mut paths: Vec<PathBuf> = paths.take(most).collect();
        paths.sort();
        paths
    }
}

/// Calls `visit` with a folder and the folders in it, but those in which nothing counts. It follows
/// no links.
pub fn each_folder(folder: &Path, rules: &Rules, visit: &mut dyn FnMut(&Path)) {
    if rules.prunes(folder) || !folder.is_dir() {
        return;
    }
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        visit(&folder);
        let is_folder = |entry: &DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        let inner = entries(&folder).filter(is_folder).map(|entry| entry.path());
        folders.extend(inner.filter(|path| !rules.prunes(path)));
    }
}

/// A folder that can't be read is empty.
fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> {
    std::fs::read_dir(folder).into_iter().flatten().flatten()
}
