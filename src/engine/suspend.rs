//! A machine that is saved with its memory, and one that wakes from that.

use std::path::Path;
use std::time::Duration;

use super::freeze::moved;
use super::running::{Attempt, Running};
use super::{Event, Wake};
use crate::host::fault;
use crate::host::fs::file;
use crate::hypervisor::control::Control;
use crate::hypervisor::process::Ready;

/// Time limit for saving or loading a whole machine. A slow disk takes a minute for some gigabytes.
const TIME: Duration = Duration::from_secs(900);

impl Running<'_> {
    /// Saves the machine to a file. It is paused then, or runs on after a failure.
    pub(super) async fn save(&mut self, number: u64, state: &Path) {
        let saved = self.try_save(state).await;
        if saved.is_err() {
            if let Err(error) = self.hypervisor.control.resume().await {
                tracing::warn!(%error, "can't resume the machine");
            }
            let _ = std::fs::remove_file(state);
        }
        self.attempt.tell(Event::Saved(number, saved)).await;
    }

    async fn try_save(&mut self, state: &Path) -> Result<(), String> {
        file::create_private(state).map_err(|error| error.to_string())?;
        let control = &self.hypervisor.control;
        let text = |error: &dyn std::error::Error| crate::text::error_chain(error);
        control
            .save_all(state)
            .await
            .map_err(|error| text(&error))?;
        match moved(&mut self.hypervisor, TIME).await {
            Ok(()) => Ok(()),
            Err(reason) => Err(self
                .hypervisor
                .control
                .why_not_moved()
                .await
                .unwrap_or(reason)),
        }
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
