//! What the user sees of the loop: lines above a status line, plain lines, or JSON events.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Zoned;
use serde::Serialize;

use super::build::Failure;
use super::report::Cycle;
use crate::testing::checks::Case;
use crate::text::{colon, plain, seconds};
use crate::ui::{StatusLine, say, tell};

/// The keys of a terminal.
pub const KEYS: &str = "r rebuild · t test again · f fresh VM · s shell · l logs · q quit";

/// Where the loop's events go.
pub enum Screen {
    Terminal(Box<StatusLine>),
    /// A line for each cycle on standard output, messages on standard error.
    Plain,
    /// An event in JSON on each line of standard output.
    Json,
}

/// An event of the loop. The names are stable.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Shown<'a> {
    /// The sources are watched.
    Watching {
        context: &'a Path,
    },
    /// A build begins.
    Build {
        cycle: u64,
        cause: &'a str,
    },
    BuildFailed {
        message: &'a str,
        /// The last lines of the builder.
        output: &'a [String],
    },
    /// The VM is brought to this image.
    Vm {
        image: &'a str,
    },
    /// A VM was made.
    Name {
        name: &'a str,
    },
    /// A check has ended.
    Check {
        name: &'a str,
        /// `passed`, `skipped`, `failed`, `timed out` or `lost`.
        outcome: &'static str,
        reason: String,
        seconds: f64,
        output: &'a str,
    },
    /// The build writes these files, whose changes during a build don't count from now on.
    OwnWrites {
        files: &'a BTreeSet<PathBuf>,
    },
    Note {
        message: &'a str,
    },
    /// A cycle has ended.
    Cycle(&'a Cycle),
    /// The loop has ended.
    End,
}

#[derive(Serialize)]
struct Timed<'a> {
    /// RFC 3339.
    time: String,
    #[serde(flatten)]
    shown: &'a Shown<'a>,
}

impl Screen {
    /// Shows an event.
    pub fn show(&self, shown: &Shown) {
        if let Self::Json = self {
            let time = Zoned::now()
                .strftime("%Y-%m-%dT%H:%M:%S%.3f%:z")
                .to_string();
            let timed = Timed { time, shown };
            // The events have only texts and numbers.
            if let Ok(text) = serde_json::to_string(&timed) {
                say(format!("{text}\n"));
            }
            return;
        }
        match shown {
            Shown::Watching { context } => self.tell(&format!("watching {}", context.display())),
            Shown::Name { name } => self.tell(&format!(
                "VM {name}; `podman-bootc ssh {name}` opens a shell in it"
            )),
            Shown::BuildFailed { output, .. } => self.tell(&output.join("\n")),
            Shown::OwnWrites { files } => {
                let names = files.iter().map(|file| file.display().to_string());
                self.tell(&format!(
                    "the build itself writes {}: such changes no longer lead to a build",
                    names.collect::<Vec<_>>().join(", ")
                ));
            }
            Shown::Note { message } => self.tell(message),
            Shown::Cycle(cycle) => {
                if let Some(error) = cycle.long_error() {
                    let lines: Vec<String> = error.lines().map(plain).collect();
                    self.tell(&lines.join("\n"));
                }
                let time = Zoned::now().strftime("%H:%M:%S");
                self.say(&format!("{time} {cycle}"), cycle.is_bad());
            }
            Shown::Build { cause, .. } => self.step(&format!("building ({})", plain(cause))),
            Shown::Vm { .. } => self.step("bringing the VM to the image"),
            Shown::Check { .. } | Shown::End => {}
        }
    }

    /// Shows the end of a check. With `whole`, its output is shown even if it passed.
    pub fn case(&self, case: &Case, whole: bool) {
        let reason = case.outcome.reason();
        self.show(&Shown::Check {
            name: &case.name,
            outcome: case.outcome.word(),
            reason: reason.clone(),
            seconds: case.time.as_secs_f64(),
            output: &case.output,
        });
        if let Self::Json = self {
            return;
        }
        if whole || !case.outcome.is_good() {
            let output = case.output.trim_end();
            if !output.is_empty() {
                self.tell(output);
            }
        }
        if !case.outcome.is_good() {
            let (name, word) = (plain(&case.name), case.outcome.word());
            let time = seconds(case.time);
            self.tell(&format!("{name} {word} after {time}{}", colon(&reason)));
        }
    }

    /// Shows the end of a build that failed.
    pub fn failure(&self, failure: &Failure) {
        self.show(&Shown::BuildFailed {
            message: &failure.message,
            output: &failure.output,
        });
    }

    /// Shows the current stage, on a terminal.
    pub fn stage(&mut self, name: &str, message: &str) {
        if let Self::Terminal(line) = self {
            line.stage(name, message);
        }
    }

    /// Shows that nothing runs.
    pub fn idle(&mut self, message: &str) {
        if let Self::Terminal(line) = self {
            line.idle(message);
        }
    }

    /// Removes the status line while `work` has the terminal.
    pub async fn suspend<T>(&mut self, work: impl Future<Output = T>) -> T {
        match self {
            Self::Terminal(line) => line.suspend(work).await,
            Self::Plain | Self::Json => work.await,
        }
    }

    /// A step, which a status line shows by itself.
    fn step(&self, message: &str) {
        if let Self::Plain = self {
            tell(message);
        }
    }

    fn say(&self, line: &str, is_bad: bool) {
        match self {
            Self::Terminal(status) => status.say(line, is_bad),
            Self::Plain | Self::Json => say(format!("{line}\n")),
        }
    }

    fn tell(&self, message: &str) {
        match self {
            Self::Terminal(status) => status.tell(message),
            Self::Plain | Self::Json => tell(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_one_flat_event() {
        let cycle = Cycle {
            number: 2,
            cause: "Containerfile".into(),
            ..Cycle::default()
        };
        let timed = Timed {
            time: "t".into(),
            shown: &Shown::Cycle(&cycle),
        };
        let value = serde_json::to_value(&timed).unwrap();
        assert_eq!(value["event"], "cycle");
        assert_eq!(value["number"], 2);
        assert_eq!(value["outcome"], "unchanged");
        let end = serde_json::to_value(Shown::End).unwrap();
        assert_eq!(end["event"], "end");
    }
}
