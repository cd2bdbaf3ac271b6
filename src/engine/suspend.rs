//! A machine that is saved with its memory, and one that wakes from that.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;

use super::freeze::moved;
use super::running::{Attempt, Running};
use super::{Error, Event, Wake};
use crate::host::fault;
use crate::host::fs::file;
use crate::hypervisor::DiskSnapshot;
use crate::hypervisor::control::Control;
use crate::hypervisor::process::Ready;
use crate::hypervisor::report::Report;

/// Time limit for saving or loading a whole machine. A slow disk takes a minute for some gigabytes.
const TIME: Duration = Duration::from_secs(900);

impl Running<'_> {
    /// Saves the machine to a file. It is paused then, or runs on after a failure.
    pub(super) async fn save(&mut self, number: u64, state: &Path) {
        if let Err(reason) = self.check_saving() {
            let refused = Event::Saved(number, Err(reason.to_owned()));
            return self.attempt.tell(refused).await;
        }
        let saved = self.try_save(state).await;
        if saved.is_err() {
            if let Err(error) = self.hypervisor.control.give_up_saving().await {
                tracing::warn!(%error, "can't resume the machine");
            }
            let _ = std::fs::remove_file(state);
        }
        self.attempt.tell(Event::Saved(number, saved)).await;
    }

    async fn try_save(&mut self, state: &Path) -> Result<(), String> {
        file::create_private(state).map_err(|error| error.to_string())?;
        let control = &self.hypervisor.control;
        control
            .save_all(state)
            .await
            .map_err(|error| crate::text::error_chain(&error))?;
        match timeout(TIME, self.saved()).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(_) => return Err("QEMU writes its state for too long".into()),
        }
        let reason = self.hypervisor.control.why_not_moved().await;
        Err(reason.unwrap_or_else(|| "QEMU can't write its state".into()))
    }

    /// Waits until the machine is saved. Returns false if QEMU has failed or ended.
    async fn saved(&mut self) -> bool {
        loop {
            match self.hypervisor.reports.recv().await {
                Some(Report::Moved) => return true,
                Some(Report::MoveFailed) => return false,
                // From before the pause, or the machine's end.
                other => {
                    let ended = other.is_none();
                    self.on_report(other).await;
                    if ended {
                        return false;
                    }
                }
            }
        }
    }

    /// Saves the disks and the rest of the machine while it is paused, and lets it run on.
    pub(super) async fn save_machine(
        &mut self,
        state: &Path,
        disks: &DiskSnapshot,
        others: &[PathBuf],
    ) -> Result<(), Error> {
        self.check_saving().map_err(Error::Template)?;
        let control = &self.hypervisor.control;
        let written = control.written_files().await?;
        let is_missing = |file: &PathBuf| !disks.disks.contains(file) && !others.contains(file);
        if let Some(file) = written.into_iter().find(is_missing) {
            return Err(Error::NotInSnapshot(file));
        }
        control.pause().await?;
        fault::point("snapshot-paused");
        let saved = self.save_paused(state, disks).await;
        if saved.is_err() {
            // The guest may need the room. The file itself says that the snapshot isn't complete.
            let _ = File::create(state);
        }
        match saved {
            Ok(()) => self.hypervisor.control.resume().await?,
            Err(_) => self.hypervisor.control.give_up_saving().await?,
        }
        self.attempt.tell(Event::Unpaused).await;
        saved
    }

    async fn save_paused(&mut self, state: &Path, disks: &DiskSnapshot) -> Result<(), Error> {
        // A machine whose memory is saved has given its disks up.
        self.hypervisor.control.save_disks(disks).await?;
        fault::point("snapshot-disks");
        self.try_save(state).await.map_err(Error::NotSaved)
    }
}

impl Attempt<'_> {
    /// Loads the machine, and lets it run on.
    ///
    /// # Errors
    /// The reason why it can't.
    pub(super) async fn wake(&self, ready: &mut Ready<Control>, wake: &Wake) -> Result<(), String> {
        let text = |error: &dyn std::error::Error| crate::text::error_chain(error);
        let control = &ready.control;
        control
            .load_all(&wake.state)
            .await
            .map_err(|error| text(&error))?;
        if let Err(reason) = moved(ready, TIME).await {
            // QEMU has said more, and ended.
            let last = file::last_lines(&self.engine.log, 2).join("; ");
            return Err(format!("{reason}{}", crate::text::colon(&last)));
        }
        fault::point("suspend-loaded");
        let folder = wake.record.parent().unwrap_or(Path::new("."));
        std::fs::remove_file(&wake.record)
            .and_then(|()| file::sync_dir(folder))
            .map_err(|error| text(&error))?;
        ready.control.resume().await.map_err(|error| text(&error))
    }
}
