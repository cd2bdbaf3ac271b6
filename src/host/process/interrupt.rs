//! Ctrl-C, SIGTERM and a closed terminal. One interrupt ends every wait of the process and its
//! foreground children.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::watch;

use crate::host::os;

/// The user or the system asked the tool to end. Carries the signal's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted(pub i32);

static RECEIVED: OnceLock<watch::Sender<Option<i32>>> = OnceLock::new();

fn received() -> &'static watch::Sender<Option<i32>> {
    RECEIVED.get_or_init(|| watch::Sender::new(None))
}

/// Further signals don't end this process.
static FINISHES: AtomicBool = AtomicBool::new(false);

/// Lets the process finish its work after a signal, whatever signals follow. A system that shuts down
/// sends two to each process of a user's session.
pub fn finish_in_any_case() {
    FINISHES.store(true, Ordering::Relaxed);
}

/// Installs handlers that record the first signal. A second signal ends the process at once.
pub fn listen() -> io::Result<()> {
    os::on_signals(|signal| {
        if received().borrow().is_some() {
            if FINISHES.load(Ordering::Relaxed) {
                return;
            }
            std::process::exit(128 + signal);
        }
        received().send_replace(Some(signal));
        end_children();
    })
}

/// Ends every wait as the first signal does, because the user asked for the end in another way.
pub fn request() {
    const SIGINT: i32 = 2;
    received().send_if_modified(|signal| {
        let is_first = signal.is_none();
        *signal = signal.or(Some(SIGINT));
        is_first
    });
    end_children();
}

/// Fails if a signal has arrived.
pub fn check() -> Result<(), Interrupted> {
    match *received().borrow() {
        Some(signal) => Err(Interrupted(signal)),
        None => Ok(()),
    }
}

/// Waits until a signal arrives or has arrived.
pub async fn wait() -> Interrupted {
    let mut receiver = received().subscribe();
    loop {
        if let Some(signal) = *receiver.borrow_and_update() {
            return Interrupted(signal);
        }
        if receiver.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The process IDs of the children that an interrupt ends.
static CHILDREN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn children() -> MutexGuard<'static, BTreeSet<u32>> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end_children() {
    for &pid in children().iter() {
        os::terminate(pid);
    }
}

/// Registers a child process, so that an interrupt ends it.
pub(super) struct Foreground(u32);

impl Foreground {
    pub fn new(pid: u32) -> Self {
        children().insert(pid);
        // The signal may have arrived between the caller's check and the registration.
        if check().is_err() {
            os::terminate(pid);
        }
        Self(pid)
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        children().remove(&self.0);
    }
}
