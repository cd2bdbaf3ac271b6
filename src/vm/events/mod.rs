//! What happens to VMs: one record for all VMs, a line of JSON for each event.
//!
//! Whoever makes an event happen writes it, so the record needs no process of its own. `events`
//! reads it.

mod record;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Spec;
use super::filter::{self, Filter, Subject};

pub use record::{Record, parse};

/// Something that happened to a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The VM is complete on disk.
    Created,
    /// Its machine runs.
    Started,
    /// A client reached the guest's SSH server, the first one in this boot.
    Ready,
    /// The guest has reset its machine.
    Rebooted,
    /// It ended in order, or its power was cut on request.
    Stopped,
    /// It ended in another way.
    Crashed,
    /// `upgrade` or `rollback` brought another version.
    Upgraded,
    /// Its machine is saved.
    Suspended,
    /// Its saved machine runs on.
    Resumed,
    /// It has another name.
    Renamed,
    /// Its files are removed.
    Removed,
}

impl Kind {
    /// The names of all kinds.
    pub const NAMES: [&str; 11] = [
        "created",
        "started",
        "ready",
        "rebooted",
        "stopped",
        "crashed",
        "upgraded",
        "suspended",
        "resumed",
        "renamed",
        "removed",
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Started => "started",
            Self::Ready => "ready",
            Self::Rebooted => "rebooted",
            Self::Stopped => "stopped",
            Self::Crashed => "crashed",
            Self::Upgraded => "upgraded",
            Self::Suspended => "suspended",
            Self::Resumed => "resumed",
            Self::Renamed => "renamed",
            Self::Removed => "removed",
        }
    }

    /// Returns true if a VM runs after this.
    fn runs(self) -> bool {
        matches!(
            self,
            Self::Started | Self::Ready | Self::Rebooted | Self::Upgraded | Self::Resumed
        )
    }
}

/// An event. The field names are stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub at: jiff::Timestamp,
    pub event: Kind,
    pub name: String,
    /// The name before a `renamed`.
    #[serde(default)]
    pub old_name: Option<String>,
    pub id: String,
    /// The image that runs or would run. None for an imported disk.
    pub image: Option<String>,
    pub image_id: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// Why the VM ended.
    pub reason: Option<String>,
}

impl Event {
    /// An event of this VM, at this moment.
    pub fn now(event: Kind, spec: &Spec, reason: Option<&str>) -> Self {
        let image = spec.running_image();
        Self {
            at: jiff::Timestamp::now(),
            event,
            name: spec.name.to_string(),
            old_name: None,
            id: spec.id.clone(),
            image: image.map(|image| image.reference.clone()),
            image_id: image.map(|image| image.id.clone()),
            labels: spec.settings.labels.clone(),
            reason: reason.map(crate::text::plain),
        }
    }

    /// Returns true if the filters let it pass.
    pub fn passes(&self, filters: &[Filter]) -> bool {
        let subject = Subject {
            name: &self.name,
            labels: Some(&self.labels),
            image: self.image.as_deref(),
            image_id: self.image_id.as_deref(),
            word: self.event.name(),
        };
        filter::pass(filters, &subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_its_name_in_json() {
        let mut spec = Spec::sample();
        spec.settings.labels = BTreeMap::from([("env".to_owned(), "test".to_owned())]);
        let all = [
            Kind::Created,
            Kind::Started,
            Kind::Ready,
            Kind::Rebooted,
            Kind::Stopped,
            Kind::Crashed,
            Kind::Upgraded,
            Kind::Suspended,
            Kind::Resumed,
            Kind::Renamed,
            Kind::Removed,
        ];
        for (kind, name) in all.into_iter().zip(Kind::NAMES) {
            let event = Event::now(kind, &spec, Some("a\u{1b}[31mb"));
            let json = serde_json::to_value(&event).unwrap();
            assert_eq!((json["event"].as_str(), kind.name()), (Some(name), name));
            assert!(!json["reason"].as_str().unwrap().contains('\u{1b}'));
            let filters = |text: &str| [Filter::of_events(text, &Kind::NAMES).unwrap()];
            assert!(event.passes(&filters(&format!("event={name}"))));
            assert!(event.passes(&filters("label=env=test")));
            assert!(!event.passes(&filters("name=other")));
        }
        assert!(Filter::of_events("event=gone", &Kind::NAMES).is_err());
    }
}
