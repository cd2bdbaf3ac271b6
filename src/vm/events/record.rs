//! The record of events on disk, which many processes write.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Event, Kind};
use crate::engine::log::Reader;
use crate::host::fs::dirs::Dirs;
use crate::host::fs::file;
use crate::host::fs::lock::Lock;
use crate::vm::Vm;

/// A larger record becomes the older one. Bytes; some thousand events.
const SIZE_MAX: u64 = 1 << 20;

/// The record of all VMs.
#[derive(Debug, Clone)]
pub struct Record {
    path: PathBuf,
}

impl Record {
    pub fn of(dirs: &Dirs) -> Self {
        Self {
            path: dirs.data.join("events.log"),
        }
    }

    /// The file that grows.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn older(&self) -> PathBuf {
        self.path.with_extension("log.1")
    }

    fn lock(&self) -> io::Result<Lock> {
        Lock::acquire(&self.path.with_extension("lock"))
    }

    /// Writes an event. A VM doesn't depend on that: an error is only a warning.
    pub fn add(&self, event: &Event) {
        let written = self.lock().and_then(|_lock| self.write(event));
        self.warn(written);
    }

    /// Writes that a VM has crashed, unless the record says already how the VM ended. The process
    /// that ran it can't say so any more.
    pub fn add_crash(&self, vm: &Vm, reason: &str) {
        let add = || {
            let _lock = self.lock()?;
            match self.last_of(&vm.spec.id).is_some_and(Kind::runs) {
                true => self.write(&Event::now(Kind::Crashed, &vm.spec, Some(reason))),
                false => Ok(()),
            }
        };
        self.warn(add());
    }

    fn warn(&self, written: io::Result<()>) {
        if let Err(error) = written {
            tracing::warn!(path = %self.path.display(), %error, "can't record an event");
        }
    }

    fn write(&self, event: &Event) -> io::Result<()> {
        if self
            .path
            .metadata()
            .is_ok_and(|metadata| metadata.len() > SIZE_MAX)
        {
            std::fs::rename(&self.path, self.older())?;
        }
        self.make()?;
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        OpenOptions::new()
            .append(true)
            .open(&self.path)?
            .write_all(&line)
    }

    fn make(&self) -> io::Result<()> {
        match self.path.exists() {
            true => Ok(()),
            false => file::create_private(&self.path).map(drop),
        }
    }

    /// Returns the kind of a VM's last event.
    fn last_of(&self, id: &str) -> Option<Kind> {
        let of_vm = |path: PathBuf| {
            let text = std::fs::read(path).unwrap_or_default();
            let mut events = parse(&text).rev();
            events.find(|event| event.id == id).map(|event| event.event)
        };
        of_vm(self.path.clone()).or_else(|| of_vm(self.older()))
    }

    /// Returns the events since a time, and a reader of the later ones.
    ///
    /// # Errors
    /// The record can't be read.
    pub fn read(&self, since: Option<Timestamp>) -> io::Result<(Vec<Event>, Reader)> {
        let (older, mut reader, newer) = {
            let _lock = self.lock()?;
            self.make()?;
            let gone = || io::Error::other("the record of events has vanished");
            let mut reader = Reader::open(&self.path, 0)?.ok_or_else(gone)?;
            let newer = reader.read_new()?;
            (
                std::fs::read(self.older()).unwrap_or_default(),
                reader,
                newer,
            )
        };
        let mut events: Vec<Event> = parse(&older).chain(parse(&newer)).collect();
        events.retain(|event| since.is_some_and(|since| event.at >= since));
        // Nothing more, but a file that has lost its name.
        events.extend(parse(&reader.read_new()?));
        Ok((events, reader))
    }
}

/// Returns the events in whole lines. A line of a newer version may have an unknown kind.
pub fn parse(bytes: &[u8]) -> impl DoubleEndedIterator<Item = Event> {
    bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::Spec;

    fn record(dir: &Path) -> Record {
        Record {
            path: dir.join("events.log"),
        }
    }

    fn kinds(events: &[Event]) -> Vec<Kind> {
        events.iter().map(|event| event.event).collect()
    }

    #[test]
    fn events_are_read_since_a_time_and_as_they_come() {
        let dir = tempfile::tempdir().unwrap();
        let record = record(dir.path());
        let event = |kind, at| Event {
            at: Timestamp::from_second(at).unwrap(),
            ..Event::now(kind, &Spec::sample(), None)
        };
        record.add(&event(Kind::Created, 10));
        record.add(&event(Kind::Started, 20));
        let since = |second| {
            record
                .read(Some(Timestamp::from_second(second).unwrap()))
                .unwrap()
        };
        assert_eq!(kinds(&since(20).0), [Kind::Started]);
        assert_eq!(kinds(&since(0).0), [Kind::Created, Kind::Started]);
        let (past, mut reader) = record.read(None).unwrap();
        assert!(past.is_empty());
        // A full record becomes the older one, also before a reader's eyes.
        let mut file = OpenOptions::new().append(true).open(record.path()).unwrap();
        record.add(&event(Kind::Ready, 30));
        file.write_all(&vec![b'\n'; SIZE_MAX as usize + 1]).unwrap();
        record.add(&event(Kind::Stopped, 40));
        let new: Vec<Event> = parse(&reader.read_new().unwrap()).collect();
        assert_eq!(kinds(&new), [Kind::Ready, Kind::Stopped]);
        assert_eq!(since(0).0.len(), 4, "with the older record");
        assert!(record.path().metadata().unwrap().len() < SIZE_MAX);
    }

    #[test]
    fn a_crash_is_recorded_once() {
        let dir = tempfile::tempdir().unwrap();
        let record = record(dir.path());
        let vm = Vm {
            spec: Spec::sample(),
            folder: dir.path().to_owned(),
        };
        let add = |kind| record.add(&Event::now(kind, &vm.spec, None));
        let all = || kinds(&record.read(Some(Timestamp::UNIX_EPOCH)).unwrap().0);
        record.add_crash(&vm, "nothing ran");
        add(Kind::Created);
        record.add_crash(&vm, "nothing ran");
        add(Kind::Started);
        for _ in 0..2 {
            record.add_crash(&vm, "its supervisor was killed");
        }
        add(Kind::Started);
        add(Kind::Stopped);
        record.add_crash(&vm, "it ended in order");
        let expected = [
            Kind::Created,
            Kind::Started,
            Kind::Crashed,
            Kind::Started,
            Kind::Stopped,
        ];
        assert_eq!(all(), expected);
    }
}
