//! The messages of a running hypervisor.

/// A report of a hypervisor about its machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The guest's processors stopped. Ask the hypervisor for the reason.
    Stop,
    /// The host has no space for the guest's write to a disk. A stop follows.
    NoSpace,
    /// The guest reported a panic through its panic device.
    GuestPanicked,
    /// The guest's system starts again. The hypervisor runs on.
    Reset {
        /// Whether the guest reset the machine itself.
        by_guest: bool,
    },
    /// The machine's state is saved, or loaded.
    Moved,
    /// The machine's state can't be saved, or not be loaded.
    MoveFailed,
    /// The guest has given this device up.
    Unplugged(String),
    /// The machine shuts down.
    Shutdown {
        /// Whether the guest powered itself off.
        by_guest: bool,
    },
}

/// The reason why a machine's processors stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The accelerator failed.
    InternalError,
    /// The host has no space for the guest's write to a disk.
    NoSpace,
}
