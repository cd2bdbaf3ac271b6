//! Finds the project's file.

use std::path::{Path, PathBuf};

use super::PROJECT_FILE;
use crate::host::fs::path::canonical;
use crate::host::is_of_another_user;

/// The result of the search.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    File(PathBuf),
    /// Another user put the file there, for example into a folder that all users can write to.
    Foreign(PathBuf),
    Nothing,
}

/// Looks for the project's file in a folder and its parents. The search ends with the root of a git
/// checkout and with the home folder. The nearest file counts alone.
pub fn find(folder: &Path, home: Option<&Path>) -> Found {
    let home = home.and_then(|home| canonical(home).ok());
    for parent in folder.ancestors() {
        let file = parent.join(PROJECT_FILE);
        if file.symlink_metadata().is_ok() {
            return match is_of_another_user(&file, folder) {
                true => Found::Foreign(file),
                false => Found::File(file),
            };
        }
        if Some(parent) == home.as_deref() || parent.join(".git").exists() {
            break;
        }
    }
    Found::Nothing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_ends_with_the_checkout_and_the_home_folder() {
        let top = tempfile::tempdir().unwrap();
        let top = canonical(top.path()).unwrap();
        let deep = top.join("home/project/src/deep");
        std::fs::create_dir_all(&deep).unwrap();
        let home = top.join("home");
        let write = |folder: &Path| std::fs::write(folder.join(PROJECT_FILE), "").unwrap();
        write(&top);
        let found = |folder: &Path| match find(folder, Some(&home)) {
            Found::File(file) => Some(file.parent().unwrap().to_owned()),
            _ => None,
        };
        assert_eq!(found(&deep), None, "above the home folder");
        write(&home);
        assert_eq!(found(&deep), Some(home.clone()));
        std::fs::create_dir(top.join("home/project/.git")).unwrap();
        assert_eq!(found(&deep), None, "above the checkout");
        write(&top.join("home/project"));
        assert_eq!(found(&deep), Some(top.join("home/project")));
        write(&deep);
        assert_eq!(found(&deep), Some(deep.clone()), "the nearest file counts");
    }
}
