//! Changes of a running machine.

use std::io;
use std::path::PathBuf;

use super::plugs::{self, Addition};
use super::running::Running;
use super::{Change, Error, Event};
use crate::disk::{self, CopyError};
use crate::host::fault;
use crate::text;

impl Running<'_> {
    pub(super) async fn on_change(&mut self, number: u64, change: Change) {
        let result = self.apply(change).await;
        // A machine that starts once more, from its template or cold, has them, too.
        self.attempt.forwards.replace(self.ports.clone());
        self.answer(number, result).await;
    }

    async fn apply(&mut self, change: Change) -> Result<(), Error> {
        let control = &self.hypervisor.control;
        match change {
            Change::AddPort(forward) => self.ports.push(control.forward(&forward).await?),
            Change::RemovePort(forward) => {
                control.unforward(&forward).await?;
                self.ports.retain(|port| *port != forward);
            }
            Change::Screenshot(file) => control.screenshot(&file).await?,
            Change::SaveDisks(snapshot) => control.save_disks(&snapshot).await?,
            Change::ForgetDisks(snapshot) => control.forget_disks(&snapshot).await?,
            Change::CopyDisks(disks) => self.copy_disks(disks).await?,
            Change::SaveMachine {
                state,
                disks,
                others,
            } => self.save_machine(&state, &disks, &others).await?,
        }
        Ok(())
    }

    /// Copies files of disks that the paused machine doesn't write to.
    async fn copy_disks(&self, disks: Vec<(PathBuf, PathBuf)>) -> Result<(), Error> {
        let control = &self.hypervisor.control;
        control.pause().await?;
        let copy = move || -> Result<(), CopyError> {
            fault::point("disks-copying");
            disks
                .iter()
                .try_for_each(|(from, to)| disk::copy_disk(from, to))
        };
        let copied = tokio::task::spawn_blocking(copy).await;
        control.resume().await?;
        self.attempt.tell(Event::Unpaused).await;
        copied.unwrap_or_else(|error| {
            let source = io::Error::other(error);
            Err(CopyError::Io {
                path: PathBuf::new(),
                source,
            })
        })?;
        Ok(())
    }

    pub(super) async fn on_plug(&mut self, number: u64, addition: &Addition) {
        let result = match self.way.obstacle(self.freeze_limit.is_some()) {
            Some(reason) => Err(Error::Template(reason)),
            None => plugs::add(&self.hypervisor.control, &mut self.helpers, addition).await,
        };
        self.was_changed |= result.is_ok();
        self.answer(number, result).await;
    }

    pub(super) async fn on_unplug(&mut self, number: u64, device: String, helper: Option<String>) {
        self.was_changed = true;
        let control = &self.hypervisor.control;
        let begun = self.removals.begin(control, device, helper, number);
        match begun.await {
            Ok(()) => {}
            // The aim is reached.
            Err(Error::Control(error)) if error.is_not_plugged() => {
                self.answer(number, Ok(())).await;
            }
            Err(error) => self.answer(number, Err(error)).await,
        }
    }

    pub(super) async fn on_unplugged(&mut self, device: &str) {
        let control = &self.hypervisor.control;
        if let Some(number) = self.removals.on_unplugged(control, device).await {
            self.answer(number, Ok(())).await;
        }
    }

    pub(super) async fn on_unplug_limit(&mut self) {
        for number in self.removals.give_up() {
            self.answer(number, Err(Error::NotGivenUp)).await;
        }
    }

    async fn answer(&self, number: u64, result: Result<(), Error>) {
        let event = Event::Changed {
            number,
            error: result.err().map(|error| text::error_chain(&error)),
            ports: self.ports.clone(),
        };
        self.attempt.tell(event).await;
    }
}
