//! The events of one VM: each is told once.

use std::time::Duration;

use tokio::time::Instant;

use crate::vm::Vm;
use crate::vm::events::{self, Event, Kind};

/// Firmware may reset the machine once more after the guest's own reset, as SeaBIOS does. No guest
/// boots in this time.
const SECOND_RESET: Duration = Duration::from_secs(2);

/// The record of events, and what it has of the guest's boot.
pub struct Told {
    record: events::Record,
    /// The guest was ready in this boot.
    ready: bool,
    /// The time of the last reset.
    reset: Option<Instant>,
}

impl Told {
    pub fn new(record: events::Record) -> Self {
        Self {
            record,
            ready: false,
            reset: None,
        }
    }

    /// Adds an event, unless the record has it already.
    pub fn add(&mut self, kind: Kind, vm: &Vm, reason: Option<&str>) {
        let is_told = match kind {
            Kind::Ready => std::mem::replace(&mut self.ready, true),
            Kind::Rebooted => {
                let now = Instant::now();
                let last = self.reset.replace(now);
                last.is_some_and(|last| now - last < SECOND_RESET)
            }
            _ => false,
        };
        if is_told {
            return;
        }
        if matches!(kind, Kind::Started | Kind::Resumed | Kind::Rebooted) {
            self.ready = false;
        }
        self.record.add(&Event::now(kind, &vm.spec, reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fs::dirs::Dirs;
    use crate::vm::Spec;

    #[tokio::test(start_paused = true)]
    async fn a_reboot_and_a_boot_that_is_ready_are_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let dirs = Dirs {
            cache: dir.path().to_owned(),
            data: dir.path().to_owned(),
            runtime: dir.path().to_owned(),
        };
        let vm = Vm {
            spec: Spec::sample(),
            folder: dir.path().join("vm"),
        };
        let mut told = Told::new(events::Record::of(&dirs));
        let second = Duration::from_secs(1);
        for (kind, pause) in [
            (Kind::Started, second),
            (Kind::Ready, second),
            (Kind::Ready, second),
            (Kind::Rebooted, second / 5),
            (Kind::Rebooted, 20 * second),
            (Kind::Ready, second),
            (Kind::Rebooted, second),
        ] {
            told.add(kind, &vm, None);
            tokio::time::advance(pause).await;
        }
        let text = std::fs::read(told.record.path()).unwrap();
        let names: Vec<_> = events::parse(&text)
            .map(|event| event.event.name())
            .collect();
        assert_eq!(names, ["started", "ready", "rebooted", "ready", "rebooted"]);
    }
}
