//! The files that our own output goes to, as in `watch >log` in the context.

use std::path::Path;

use same_file::Handle;

/// Open files. A change of theirs is ours, and no reason for a build.
#[derive(Debug)]
pub struct Outputs(Vec<Handle>);

impl Outputs {
    /// Returns the files behind standard output and standard error.
    pub fn of_this_process() -> Self {
        Self::files([Handle::stdout(), Handle::stderr()])
    }

    fn files(handles: impl IntoIterator<Item = std::io::Result<Handle>>) -> Self {
        let is_file = |handle: &Handle| {
            let metadata = handle.as_file().metadata();
            metadata.is_ok_and(|metadata| metadata.is_file())
        };
        Self(handles.into_iter().flatten().filter(is_file).collect())
    }

    /// Returns true if the path leads to one of these files.
    pub fn has(&self, path: &Path) -> bool {
        // A named pipe would block.
        !self.0.is_empty()
            && path.is_file()
            && Handle::from_path(path).is_ok_and(|file| self.0.contains(&file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_of_ours_counts_by_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["log", "other"] {
            std::fs::write(path(name), "").unwrap();
        }
        std::fs::hard_link(path("log"), path("link")).unwrap();
        let outputs = Outputs::files([Handle::from_path(path("log"))]);
        let has = |name: &str| outputs.has(&path(name));
        assert!(has("log") && has("link"));
        assert!(!has("other") && !has("") && !has("missing"));
    }
}
