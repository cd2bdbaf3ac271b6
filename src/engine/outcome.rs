//! How a machine ends.

use super::Error;
use crate::host::process;
use crate::hypervisor::process::StartError;

/// How a machine ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The guest powered itself off.
    ByGuest,
    /// An order ended it.
    ByOrder,
    /// The guest's kernel panicked with this message.
    Panic(String),
    /// The hypervisor failed, or another process killed it.
    Failed(String),
}

/// Why a machine can't be frozen, or resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotWarm {
    pub reason: String,
    pub template: Fate,
}

/// What happens to a template from which a machine can't be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Kept,
    Dropped,
    /// It is dropped, and no machine of this shape gets another one for now.
    Refused,
}

impl Fate {
    /// Returns the fate of a template whose machine can't start for this reason.
    pub fn after(error: &Error) -> Self {
        match error {
            Error::Start(StartError::Ended(failure)) => {
                let lacks_memory = failure.message.contains("Cannot allocate memory");
                match lacks_memory || process::was_killed(failure.status) {
                    true => Self::Kept,
                    false => Self::Dropped,
                }
            }
            // A layer of a disk is the template's.
            Error::Overlay(_) => Self::Dropped,
            _ => Self::Kept,
        }
    }
}

/// The outcome of one attempt to run a machine.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Ended(Ended),
    /// The accelerator failed, as the text says, before the guest was up.
    AcceleratorFailed(String),
    /// The emulation failed before any of the guest's programs ran. They did in an earlier boot of
    /// the same run, or not.
    EmulationFailed {
        reason: String,
        had_programs: bool,
    },
    /// The machine is saved to its template.
    Saved,
    /// The machine must start again, cold.
    NotWarm(NotWarm),
}

impl Outcome {
    /// Returns the outcome of a machine that resumed from a template and ended before it had its
    /// identity, which can be the template's fault.
    pub fn while_resuming(self) -> Self {
        let reason = match self {
            Self::Ended(Ended::Failed(reason)) | Self::AcceleratorFailed(reason) => reason,
            Self::Ended(Ended::Panic(reason)) => format!("kernel panic: {reason}"),
            other => return other,
        };
        Self::NotWarm(NotWarm {
            reason: format!("the resumed machine failed: {reason}"),
            template: Fate::Dropped,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::process::Failure;

    #[test]
    fn only_a_template_that_is_at_fault_is_dropped() {
        let ended = |message: &str| {
            Error::Start(StartError::Ended(Failure {
                name: "QEMU",
                status: Default::default(),
                message: message.into(),
            }))
        };
        for (error, fate) in [
            (ended("can't open backing store"), Fate::Dropped),
            (
                ended("unable to map backing store for guest RAM: Cannot allocate memory"),
                Fate::Kept,
            ),
            (Error::Helper("can't find virtiofsd".into()), Fate::Kept),
            (
                Error::Start(StartError::Silent {
                    name: "QEMU",
                    time: Default::default(),
                }),
                Fate::Kept,
            ),
        ] {
            assert_eq!(Fate::after(&error), fate, "{error}");
        }
    }

    #[test]
    fn a_machine_that_fails_while_it_resumes_starts_cold() {
        for failed in [
            Outcome::Ended(Ended::Failed("why".into())),
            Outcome::Ended(Ended::Panic("why".into())),
            Outcome::AcceleratorFailed("why".into()),
        ] {
            let Outcome::NotWarm(not_warm) = failed.while_resuming() else {
                panic!("it ends the run");
            };
            assert!(not_warm.reason.ends_with("why"), "{not_warm:?}");
            assert_eq!(not_warm.template, Fate::Dropped);
        }
        for ended in [Ended::ByGuest, Ended::ByOrder] {
            let outcome = Outcome::Ended(ended.clone());
            assert_eq!(outcome.while_resuming(), Outcome::Ended(ended));
        }
    }
}
