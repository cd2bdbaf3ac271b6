//! The result of a replacement.

use std::fmt;

use serde::Serialize;

use super::decision::{Reason, Way};
use crate::text::format_size;

/// What was done. The field names are stable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub vm: String,
    /// The image's name and ID.
    pub image: String,
    pub id: String,
    /// `none`, `userspace`, `machine` or `next-start`.
    pub way: &'static str,
    /// Why the machine started anew.
    pub reason: Option<String>,
    /// Layers, or groups of layers, that the VM did not have, and their bytes.
    pub layers: usize,
    pub bytes: u64,
    /// Until the new system was ready, without the conversion of the layers.
    pub seconds: f64,
}

impl Report {
    pub(super) fn set_way(&mut self, way: &Way) {
        self.way = way.name();
        self.reason = match way {
            Way::Machine(reason) => Some(Reason::to_string(reason)),
            Way::None | Way::Userspace | Way::NextStart => None,
        };
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            vm,
            image,
            layers,
            seconds,
            ..
        } = self;
        let size = format_size(self.bytes);
        match (self.way, &self.reason) {
            ("userspace", _) => writeln!(
                f,
                "{vm}: the userspace restarted from {image} in {seconds:.1} s ({layers} new layers, \
                 {size})"
            ),
            ("machine", Some(reason)) => writeln!(
                f,
                "{vm}: the machine started anew from {image} in {seconds:.1} s, because {reason}"
            ),
            ("next-start", _) => writeln!(f, "{vm}: the next start boots {image}"),
            _ => writeln!(f, "{vm}: runs {image} already"),
        }
    }
}
