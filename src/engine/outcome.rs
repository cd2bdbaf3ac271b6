//! How a machine ends.

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
    /// It is dropped, and no machine of this shape gets another one.
    Refused,
}

/// The outcome of one attempt to run a machine.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Ended(Ended),
    /// The accelerator failed, as the text says, before the guest was up.
    AcceleratorFailed(String),
    /// The emulation failed, as the text says, before any of the guest's programs ran.
    EmulationFailed(String),
    /// The machine is saved to its template.
    Saved,
    /// The machine must start again, cold.
    NotWarm(NotWarm),
}
