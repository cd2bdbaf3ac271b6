//! The result of one cycle, as a line and as a JSON event.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::text::{format_size, plain, seconds};

/// One turn of the loop. The field names are stable.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Cycle {
    /// Counts from 1.
    pub number: u64,
    /// The file that set it off, or another reason: `start`, `key r`.
    pub cause: String,
    /// Files that changed, at most those that one event names.
    pub changed: usize,
    pub outcome: Outcome,
    /// The image ID of a build that succeeded.
    pub image: Option<String>,
    pub build_seconds: Option<f64>,
    /// What the image has new, if the VM ran another one before.
    pub layers: Option<Layers>,
    pub vm: Option<VmChange>,
    pub checks: Option<Checks>,
    pub error: Option<String>,
}

/// How a cycle ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The build made the image that the VM runs.
    #[default]
    Unchanged,
    /// The VM runs the image, and there are no checks.
    Ready,
    /// All checks passed.
    Passed,
    /// A check failed.
    Failed,
    BuildFailed,
    /// The VM could not be brought to the image, or its checks could not run.
    VmFailed,
    /// A file changed meanwhile, so that the next cycle goes on.
    Superseded,
}

/// The layers that an image does not share with the image before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Layers {
    pub new: usize,
    pub total: usize,
    /// The size of the new ones.
    pub bytes: Option<u64>,
}

/// What happened to the VM.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VmChange {
    pub name: String,
    pub action: VmAction,
    pub seconds: f64,
    pub layers: Option<Layers>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VmAction {
    /// A new VM booted.
    New,
    /// The userspace restarted from the new layers.
    Userspace,
    /// The machine started anew from the new layers.
    Machine,
    /// The guest upgraded itself and rebooted.
    Upgraded,
    /// The guest upgraded itself and restarted only its userspace.
    UpgradedUserspace,
}

/// The results of the checks.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Checks {
    pub passed: usize,
    pub failed: usize,
    /// The names of those that failed.
    pub failures: Vec<String>,
    pub seconds: f64,
}

impl Cycle {
    /// True if the user must look.
    pub fn is_bad(&self) -> bool {
        matches!(
            self.outcome,
            Outcome::Failed | Outcome::BuildFailed | Outcome::VmFailed
        )
    }
}

impl Cycle {
    /// Returns an error that its line shortens, and that no output of a builder explains.
    pub fn long_error(&self) -> Option<&str> {
        let error = self.error.as_deref()?;
        let is_long = short(error) != plain(error) || error.contains('\n');
        (self.outcome == Outcome::VmFailed && is_long).then_some(error)
    }
}

/// The line of a cycle, without its time.
impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut parts = vec![match self.changed {
            0 | 1 => plain(&self.cause),
            more => format!("{} and {} more", plain(&self.cause), more - 1),
        }];
        if let Some(time) = self.build_seconds {
            parts.push(format!("build {}", time_of(time)));
        }
        if let Some(layers) = self.layers {
            parts.push(layers.to_string());
        }
        if let Some(vm) = &self.vm {
            parts.push(vm.to_string());
        }
        if let Some(checks) = &self.checks {
            parts.push(checks.to_string());
        }
        let error = self.error.as_deref().map(short).unwrap_or_default();
        parts.push(match self.outcome {
            Outcome::Unchanged => "nothing changed".to_owned(),
            Outcome::BuildFailed => format!("build failed{}", crate::text::colon(&error)),
            Outcome::VmFailed => format!("VM failed{}", crate::text::colon(&error)),
            Outcome::Superseded => "changed again".to_owned(),
            Outcome::Ready | Outcome::Passed | Outcome::Failed => String::new(),
        });
        parts.retain(|part| !part.is_empty());
        f.write_str(&parts.join(" · "))
    }
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let noun = if self.total == 1 { "layer" } else { "layers" };
        write!(f, "{} of {} {noun}", self.new, self.total)?;
        match self.bytes {
            Some(bytes) => write!(f, ", {}", format_size(bytes)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for VmChange {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let time = time_of(self.seconds);
        match self.action {
            VmAction::New => write!(f, "new VM in {time}"),
            VmAction::Userspace => write!(f, "replaced in {time} (userspace only)"),
            VmAction::Machine => write!(f, "replaced in {time}"),
            VmAction::Upgraded => write!(f, "upgraded in {time}"),
            VmAction::UpgradedUserspace => write!(f, "upgraded in {time} (userspace only)"),
        }
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let all = self.passed + self.failed;
        let noun = if all == 1 { "check" } else { "checks" };
        match self.failed {
            0 => write!(f, "{all} {noun} passed"),
            failed => write!(
                f,
                "{failed} of {all} {noun} failed ({})",
                plain(&self.failures.join(", "))
            ),
        }
    }
}

/// Returns the beginning of an error; the whole one is above the line, and in the event.
fn short(error: &str) -> String {
    const LETTERS: usize = 100;
    let text = plain(error);
    match text.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn time_of(time: f64) -> String {
    seconds(Duration::from_secs_f64(time.max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycle(outcome: Outcome) -> Cycle {
        Cycle {
            number: 3,
            cause: "Containerfile".into(),
            changed: 1,
            outcome,
            build_seconds: Some(3.1),
            ..Cycle::default()
        }
    }

    #[test]
    fn a_cycle_is_one_line_with_the_file_that_set_it_off() {
        let passed = Cycle {
            layers: Some(Layers {
                new: 1,
                total: 24,
                bytes: Some(1_468_006),
            }),
            vm: Some(VmChange {
                name: "x".into(),
                action: VmAction::Userspace,
                seconds: 2.2,
                layers: None,
            }),
            checks: Some(Checks {
                passed: 3,
                ..Checks::default()
            }),
            ..cycle(Outcome::Passed)
        };
        assert_eq!(
            passed.to_string(),
            "Containerfile · build 3.1s · 1 of 24 layers, 1.4 MiB · replaced in 2.2s (userspace \
             only) · 3 checks passed"
        );
        let unchanged = Cycle {
            changed: 4,
            ..cycle(Outcome::Unchanged)
        };
        assert_eq!(
            unchanged.to_string(),
            "Containerfile and 3 more · build 3.1s · nothing changed"
        );
        let failed = Cycle {
            checks: Some(Checks {
                passed: 1,
                failed: 1,
                failures: vec!["\u{1b}[31mnginx".into()],
                seconds: 1.0,
            }),
            ..cycle(Outcome::Failed)
        };
        assert_eq!(
            failed.to_string(),
            "Containerfile · build 3.1s · 1 of 2 checks failed (nginx)"
        );
        let broken = Cycle {
            build_seconds: None,
            error: Some(format!("no such file{}", "x".repeat(100))),
            ..cycle(Outcome::BuildFailed)
        };
        assert_eq!(
            broken.to_string(),
            format!(
                "Containerfile · build failed: no such file{}…",
                "x".repeat(88)
            )
        );
        // The builder's own output has it.
        assert_eq!(broken.long_error(), None);
        let lost = |error: &str| Cycle {
            error: Some(error.into()),
            ..cycle(Outcome::VmFailed)
        };
        assert_eq!(lost("short").long_error(), None);
        let long = "x".repeat(101);
        assert_eq!(lost(&long).long_error(), Some(&*long));
    }
}
