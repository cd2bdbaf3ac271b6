//! One build: podman's, or a command of the user's.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Instant;

use super::cycle::Built;
use super::report::Layers;
use crate::host::process;
use crate::image::{ImageRequest, Podman, Pull};
use crate::text::plain;

/// Lines of the builder's output that an error keeps.
const LINES: usize = 200;
/// Letters of a line that are kept.
const LETTERS: usize = 2000;

/// How the image is built.
#[derive(Debug, Clone)]
pub struct Builder {
    pub podman: Podman,
    pub work: Work,
    /// The image's name.
    pub tag: Option<String>,
}

#[derive(Debug, Clone)]
pub enum Work {
    /// `podman build` with these options.
    Podman {
        options: Vec<OsString>,
        context: PathBuf,
    },
    /// A line for the host's shell, which makes the image with the builder's tag.
    Shell { line: String, folder: PathBuf },
}

/// A build that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What failed, in one line.
    pub message: String,
    /// The end of the builder's output.
    pub output: Vec<String>,
}

impl Builder {
    /// Builds the image; `receive` gets each line of the builder's output.
    ///
    /// # Errors
    /// The builder fails, or the tool is interrupted.
    pub fn run(&self, mut receive: impl FnMut(&str)) -> Result<Built, Failure> {
        let start = Instant::now();
        let mut output = VecDeque::new();
        let failed = |message: String, output: VecDeque<String>| Failure {
            message,
            output: output.into(),
        };
        let folder = match tempfile::tempdir() {
            Ok(folder) => folder,
            Err(error) => return Err(failed(error.to_string(), output)),
        };
        let id_file = folder.path().join("id");
        let mut command = self.command(&id_file);
        let ended = process::lines(&mut command, |line| {
            let line: String = plain(line).chars().take(LETTERS).collect();
            receive(&line);
            output.push_back(line);
            if output.len() > LINES {
                output.pop_front();
            }
        });
        match ended {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(failed(reason(&output, status), output)),
            Err(error) => return Err(failed(crate::text::error_chain(&error), output)),
        }
        match self.image(&id_file) {
            Ok(image) => Ok(Built {
                image,
                seconds: start.elapsed().as_secs_f64(),
            }),
            Err(message) => Err(failed(message, output)),
        }
    }

    fn command(&self, id_file: &Path) -> Command {
        match &self.work {
            Work::Podman { options, context } => {
                let mut command = self.podman.command(["build", "--iidfile"]);
                command.arg(id_file);
                if let Some(tag) = &self.tag {
                    command.arg("--tag").arg(tag);
                }
                command.args(options).arg(context);
                command
            }
            Work::Shell { line, folder } => {
                let mut command = process::shell(line);
                command.current_dir(folder);
                command
            }
        }
    }

    /// Returns the image's ID.
    fn image(&self, id_file: &Path) -> Result<String, String> {
        if let Work::Podman { .. } = self.work {
            let id = std::fs::read_to_string(id_file);
            let id = id.map_err(|error| format!("podman wrote no image ID: {error}"))?;
            return Ok(id.trim().trim_start_matches("sha256:").to_owned());
        }
        let request = ImageRequest {
            name: self.tag.as_deref().unwrap_or_default(),
            pull: Pull::Never,
            arch: None,
        };
        let image = self.podman.resolve(&request, || ());
        image
            .map(|image| image.id)
            .map_err(|error| crate::text::error_chain(&error))
    }

    /// Returns what an image has that another one hasn't; none if podman can't tell.
    pub fn layers(&self, old: &str, new: &str) -> Option<Layers> {
        let (old, new) = (self.podman.layers(old).ok()?, self.podman.layers(new).ok()?);
        let shared = old.iter().zip(&new);
        let shared = shared.take_while(|(old, new)| old.digest == new.digest);
        let differing = &new[shared.count()..];
        let sizes: Option<Vec<u64>> = differing.iter().map(|layer| layer.size).collect();
        Some(Layers {
            new: differing.len(),
            total: new.len(),
            bytes: sizes.map(|sizes| sizes.iter().sum()),
        })
    }
}

/// Returns the last line of the output that says why, without `Error:`. A builder that a signal
/// ended has no such line.
fn reason(output: &VecDeque<String>, status: ExitStatus) -> String {
    if status.code().is_none() {
        return format!("the builder was killed: {status}");
    }
    let lines = || output.iter().rev().map(|line| line.trim());
    let error = lines().find_map(|line| line.strip_prefix("Error: "));
    let last = lines().find(|line| !line.is_empty());
    let line = error.or(last).map(str::to_owned);
    line.unwrap_or_else(|| status.to_string())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_builders_own_error() {
        use std::os::unix::process::ExitStatusExt as _;
        let ended = |lines: &[&str], status| {
            let lines = lines.iter().map(|line| (*line).to_owned()).collect();
            reason(&lines, ExitStatus::from_raw(status))
        };
        let told = |lines: &[&str]| ended(lines, 2 << 8);
        assert_eq!(
            ended(&["STEP 1"], 9),
            "the builder was killed: signal: 9 (SIGKILL)"
        );
        assert_eq!(
            told(&["STEP 1", "Error: no such image", ""]),
            "no such image"
        );
        assert_eq!(
            told(&["make: *** [Makefile:2: image] Error 1", ""]),
            "make: *** [Makefile:2: image] Error 1"
        );
        assert_eq!(told(&[]), "exit status: 2");
    }
}
