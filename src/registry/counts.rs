//! What an endpoint has done.

use std::collections::BTreeMap;

/// The work of an endpoint so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// GET requests that were answered with content, by digest: manifest, configuration, layers.
    pub requests: BTreeMap<String, u64>,
    /// Bytes to the guest, with the headers.
    pub sent: u64,
    /// Bytes from the guest.
    pub received: u64,
}
