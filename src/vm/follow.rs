//! Follows the record of events, and finds VMs whose supervisor can't write to it any more.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use notify::Watcher as _;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use super::events::{Event, Kind, Record, parse};
use super::store::Entry;
use super::supervisor::protocol::SOCKET;
use super::{State, Store, Vm};
use crate::host::fs::dirs::Dirs;
use crate::host::net::socket;
use crate::host::process::interrupt::{self, Interrupted};

/// The locks of a killed process may outlive its sockets for a moment.
const LOCK_TIME: Duration = Duration::from_secs(2);

/// The events can't be followed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't read the record of events {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("can't watch the folder {path}")]
    Watch {
        path: PathBuf,
        source: notify::Error,
    },
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Shows the events since a time, and with `stream` all that come, until the tool is interrupted.
///
/// # Errors
/// The record can't be read or watched, or the tool is interrupted.
pub async fn follow(
    store: &Store,
    since: Option<Timestamp>,
    stream: bool,
    mut show: impl FnMut(Event),
) -> Result<(), Error> {
    let record = Record::of(store.dirs());
    let failed = |source| Error::Read {
        path: record.path().to_owned(),
        source,
    };
    // The watch begins before the first look, so that nothing happens in between.
    let (changes, mut changed) = mpsc::channel(1);
    let folder = store.dirs().data.clone();
    let watch = |source| Error::Watch {
        path: folder.clone(),
        source,
    };
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Our own look at the record is an event, too.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            // A full channel has a change that the reader has not seen yet.
            let _ = changes.try_send(());
        }
    })
    .map_err(watch)?;
    if stream {
        watcher
            .watch(&folder, notify::RecursiveMode::NonRecursive)
            .map_err(watch)?;
    }
    let vms: Vec<Vm> = store.list().into_iter().filter_map(Entry::vm).collect();
    vms.iter().for_each(|vm| find_crash(&record, vm));
    let (past, mut reader) = record.read(since).map_err(failed)?;
    past.into_iter().for_each(&mut show);
    if !stream {
        return Ok(());
    }
    let (ends, mut ended) = mpsc::unbounded_channel();
    let listen = |id: String| {
        tokio::spawn(end_of(store.dirs().clone(), id, ends.clone()));
    };
    vms.iter()
        .filter(|vm| vm.state() == State::Running)
        .for_each(|vm| listen(vm.spec.id.clone()));
    let mut unread = Vec::new();
    loop {
        unread.extend(reader.read_new().map_err(failed)?);
        let whole = unread.iter().rposition(|byte| *byte == b'\n');
        let lines: Vec<u8> = unread.drain(..whole.map_or(0, |end| end + 1)).collect();
        for event in parse(&lines) {
            if matches!(event.event, Kind::Started | Kind::Resumed) {
                listen(event.id.clone());
            }
            show(event);
        }
        tokio::select! {
            // The watcher lives as long as this function.
            Some(()) = changed.recv() => {}
            Some(id) = ended.recv() => {
                if let Ok(vm) = store.find(&id) {
                    until_free(&vm).await;
                    find_crash(&record, &vm);
                }
            }
            signal = interrupt::wait() => return Err(signal.into()),
        }
    }
}

/// Waits for the end of a VM's supervisor, and tells the VM's ID. A connection that asks for nothing
/// is no client: it neither keeps the supervisor waiting nor gets messages.
async fn end_of(dirs: Dirs, id: String, ends: mpsc::UnboundedSender<String>) {
    if let Ok(stream) = socket::connect(&dirs.runtime_of(&id).join(SOCKET)).await {
        let (mut read, _write) = socket::split(stream);
        // An error is an end, too.
        while let Ok(1..) = read.read(&mut [0; 64]).await {}
    }
    // The command may have ended.
    let _ = ends.send(id);
}

async fn until_free(vm: &Vm) {
    let waiting = async {
        while vm.state() == State::Running {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // A VM that runs has started again, and its supervisor has written what happened before.
    let _ = tokio::time::timeout(LOCK_TIME, waiting).await;
}

fn find_crash(record: &Record, vm: &Vm) {
    if let State::Crashed(reason) = vm.state() {
        record.add_crash(vm, &reason);
    }
}
