//! The files that a build reads, as far as its command line tells.

use std::path::{Path, PathBuf};

use super::ignore::{self, Ignore};
use crate::host::fs::path;

/// The sources as the user names them. The paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    pub context: PathBuf,
    /// The first one that exists counts. Empty if another program than podman builds.
    pub containerfiles: Vec<PathBuf>,
    /// The value of `--ignorefile`.
    pub ignore_file: Option<PathBuf>,
    /// Files and folders outside of the context: secrets, volumes, other contexts.
    pub more: Vec<PathBuf>,
}

/// The sources as they are now: links are followed, and the ignore file is read.
#[derive(Debug)]
pub struct Rules {
    context: PathBuf,
    /// The Containerfile, and each file that may hold ignore rules.
    deciding: Vec<PathBuf>,
    more: Vec<PathBuf>,
    ignore: Ignore,
}

/// A folder to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    pub folder: PathBuf,
    /// With all folders in it.
    pub deep: bool,
}

impl Sources {
    /// Reads the rules. An ignore file that podman refuses ignores nothing.
    pub fn rules(&self) -> Rules {
        let files = &self.containerfiles;
        let containerfile = files.iter().find(|file| file.exists()).or(files.first());
        let candidates = match (containerfile, &self.ignore_file) {
            (Some(containerfile), chosen) => {
                ignore::candidates(&self.context, containerfile, chosen.as_deref())
            }
            (None, chosen) => chosen.iter().cloned().collect(),
        };
        let read = |file: &PathBuf| std::fs::read_to_string(file).ok();
        let text = candidates.iter().find_map(read).unwrap_or_default();
        let containerfile = containerfile.and_then(read);
        let ignore = match containerfile.is_some_and(|text| mounts_context(&text)) {
            true => Ignore::default(),
            false => Ignore::parse(&text).unwrap_or_default(),
        };
        let deciding = self.containerfiles.iter().chain(&candidates);
        Rules {
            context: canonical(&self.context),
            deciding: deciding.flat_map(|path| both(path)).collect(),
            more: self.more.iter().flat_map(|path| both(path)).collect(),
            ignore,
        }
    }
}

impl Rules {
    /// Returns true if a change of this file or folder may change the image.
    pub fn counts(&self, path: &Path) -> bool {
        if self.decides(path) {
            return true;
        }
        if self.more.iter().any(|more| path.starts_with(more)) {
            return !is_of_an_editor(path);
        }
        match path.strip_prefix(&self.context) {
            Ok(inner) => !is_of_an_editor(path) && !self.ignore.ignores(&with_slashes(inner)),
            Err(_) => false,
        }
    }

    /// Returns true if the rules may be others after a change of this file.
    pub fn decides(&self, path: &Path) -> bool {
        self.deciding.iter().any(|file| file == path)
    }

    /// Returns true if no change in this folder counts.
    pub fn prunes(&self, folder: &Path) -> bool {
        match folder.strip_prefix(&self.context) {
            Ok(inner) if inner.as_os_str().is_empty() => false,
            Ok(inner) => self.ignore.prunes(&with_slashes(inner)),
            Err(_) => false,
        }
    }

    /// Returns the folders to watch. Files are seen in their folder, because editors replace them.
    pub fn roots(&self) -> Vec<Root> {
        let deep = |folder: &PathBuf| Root {
            folder: folder.clone(),
            deep: true,
        };
        let mut roots = vec![deep(&self.context)];
        roots.extend(self.more.iter().filter(|path| path.is_dir()).map(deep));
        let files = self.deciding.iter().chain(&self.more);
        for folder in files.filter_map(|file| file.parent()) {
            let root = Root {
                folder: folder.to_owned(),
                deep: false,
            };
            if folder != self.context && !roots.contains(&root) {
                roots.push(root);
            }
        }
        roots
    }

    /// Returns the file's name for the user.
    pub fn name(&self, path: &Path) -> String {
        let inner = path.strip_prefix(&self.context);
        match inner {
            Ok(inner) if inner.as_os_str().is_empty() => path.display().to_string(),
            Ok(inner) => inner.display().to_string(),
            Err(_) => path.display().to_string(),
        }
    }
}

/// Returns the path without links, or as it is if nothing is there.
fn canonical(path: &Path) -> PathBuf {
    path::canonical(path).unwrap_or_else(|_| path.to_owned())
}

/// Returns the path of a link, and of the file that it names.
fn both(path: &Path) -> Vec<PathBuf> {
    let link = match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => canonical(folder).join(name),
        _ => path.to_owned(),
    };
    let target = canonical(path);
    match link == target || !path.exists() {
        true => vec![link],
        false => vec![link, target],
    }
}

fn with_slashes(path: &Path) -> String {
    let words: Vec<_> = path.iter().map(|word| word.to_string_lossy()).collect();
    words.join("/")
}

/// Returns true if a step mounts the context: podman then shows it the ignored files, too (tried
/// with podman 4.3).
fn mounts_context(containerfile: &str) -> bool {
    let words = containerfile.split_whitespace();
    let mounts = words.filter_map(|word| word.strip_prefix("--mount="));
    let mut options = mounts.map(|mount| mount.split(',').collect::<Vec<_>>());
    options.any(|options| {
        let of = |name: &str| options.iter().find_map(|option| option.strip_prefix(name));
        of("type=").is_none_or(|kind| kind == "bind") && of("from=").is_none()
    })
}

/// Returns true for the swap, lock and scratch files of editors, which come and go with each edit.
fn is_of_an_editor(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    let is_swap = |name: &str| {
        let ending = name
            .strip_prefix('.')
            .and_then(|name| name.rsplit_once('.'));
        let letters = ending.map(|(_, ending)| ending.as_bytes());
        matches!(letters, Some([b's', b'w', b'a'..=b'z'])) || name.ends_with(".kate-swp")
    };
    // vim's 4913 tests whether it may create files.
    name == "4913"
        || name.starts_with(".#")
        || (name.starts_with('#') && name.ends_with('#'))
        || name.starts_with(".goutputstream-")
        || name.ends_with("___jb_tmp___")
        || name.ends_with("___jb_old___")
        || is_swap(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_editors_do_not_count() {
        for (name, editor) in [
            (".Containerfile.swp", true),
            (".a.swx", true),
            ("4913", true),
            (".#a", true),
            ("#a#", true),
            (".goutputstream-ABC123", true),
            ("a.sh___jb_tmp___", true),
            (".a.kate-swp", true),
            ("a.swp", false),
            (".swp", false),
            (".swift", false),
            ("#a", false),
            ("a~", false),
        ] {
            assert_eq!(is_of_an_editor(Path::new(name)), editor, "{name}");
        }
    }

    #[test]
    fn a_step_that_mounts_the_context_sees_ignored_files() {
        for (line, mounts) in [
            ("RUN --mount=type=bind,target=/m true", true),
            ("RUN --mount=target=/m true", true),
            ("RUN --mount=type=cache,target=/m true", false),
            ("RUN --mount=type=bind,from=x,target=/m true", false),
            ("RUN mount --bind a b", false),
        ] {
            assert_eq!(mounts_context(line), mounts, "{line}");
        }
    }

    #[test]
    fn the_sources_are_the_context_but_ignored_files_and_what_the_options_name() {
        let folder = tempfile::tempdir().unwrap();
        let root = canonical(folder.path());
        let path = |name: &str| root.join(name);
        std::fs::create_dir_all(path("c/target")).unwrap();
        std::fs::create_dir(path("more")).unwrap();
        std::fs::write(path("c/.dockerignore"), "target\nCf\n").unwrap();
        let sources = Sources {
            context: path("c"),
            containerfiles: vec![path("c/Cf"), path("c/Dockerfile")],
            ignore_file: None,
            more: vec![path("more"), path("secret")],
        };
        let rules = sources.rules();
        for (name, counts) in [
            ("c", true),
            ("c/a", true),
            ("c/target", false),
            ("c/target/a", false),
            ("c/Cf", true),
            ("c/Cf.containerignore", true),
            ("c/.containerignore", true),
            ("more/x", true),
            ("secret", true),
            ("other", false),
        ] {
            assert_eq!(rules.counts(&path(name)), counts, "{name}");
        }
        assert!(rules.prunes(&path("c/target")) && !rules.prunes(&path("c")));
        let root = |name: &str, deep| Root {
            folder: path(name),
            deep,
        };
        let outside = Root {
            folder: path("x").parent().unwrap().to_owned(),
            deep: false,
        };
        assert_eq!(
            rules.roots(),
            [root("c", true), root("more", true), outside]
        );
        // Another program than podman may read everything.
        let others = Sources {
            containerfiles: vec![],
            ..sources
        };
        assert!(others.rules().counts(&path("c/target/a")));
    }
}
