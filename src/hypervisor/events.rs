//! What a running hypervisor reports.

/// What a hypervisor tells of itself that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The guest's processors stopped; the state has to be asked for.
    Stop,
    /// The host has no room for what the guest writes to a disk: it stops.
    NoSpace,
    /// The guest reported a panic through its panic device.
    GuestPanicked,
    /// The machine goes down; true when the guest did it by itself.
    Shutdown {
        /// The guest powered itself off.
        by_guest: bool,
    },
}

/// What stops a machine's processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The accelerator failed.
    InternalError,
    /// The host has no room for what the guest writes to a disk.
    NoSpace,
}
