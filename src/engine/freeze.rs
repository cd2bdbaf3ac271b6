//! A machine that is frozen to a template, or that resumes from one.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::Event;
use super::outcome::{Fate, NotWarm};
use super::run_state::Action;
use super::running::{Attempt, Running};
use super::way::{Warm, Way};
use crate::hypervisor::Plug;
use crate::hypervisor::control::Control;
use crate::hypervisor::process::Ready;
use crate::hypervisor::report::Report;
use crate::warm::{Lasts, Template};

/// Time limit for saving or loading the state of a machine's devices.
const MOVE_TIME: Duration = Duration::from_secs(20);
/// A guest that writes longer lines is not ours. Bytes.
const LINE_MAX: usize = 4 << 10;

impl Attempt<'_> {
    /// Chooses the way in which the machine begins, and tells why it is cold.
    pub async fn first_way(&self) -> Way {
        if self.engine.wake.is_some() {
            return Way::Wake;
        }
        let Some(warm) = &self.engine.warm else {
            return Way::Cold;
        };
        match warm.choose(self.engine.hypervisor, self.accelerator) {
            Ok(way) => way,
            Err(reason) => {
                self.tell(Event::Cold { reason }).await;
                Way::Cold
            }
        }
    }

    /// Loads a template's state and lets the machine run. The guest then reads its identity.
    ///
    /// # Errors
    /// The reason why it can't.
    pub async fn load(
        &self,
        ready: &mut Ready<Control>,
        warm: &Warm,
        template: &Template,
    ) -> Result<(), NotWarm> {
        let loaded = load_state(ready, template).await;
        loaded.map_err(|reason| NotWarm {
            reason: format!("its template doesn't load: {reason}"),
            template: Fate::Dropped,
        })?;
        let disks = self.engine.machine.devices.disks.iter().cloned();
        let shares = warm.shares.iter().cloned();
        for device in disks.map(Plug::Disk).chain(shares.map(Plug::Share)) {
            let plugged = ready.control.plug(&device).await;
            plugged.map_err(|error| NotWarm {
                reason: format!("it can't be resumed with {}: {error}", device.id()),
                template: Fate::Kept,
            })?;
        }
        let kept = |reason| NotWarm {
            reason,
            template: Fate::Kept,
        };
        // The last step before the guest runs, because it has the time.
        let script = warm.identity.script(true);
        let script = script.map_err(|error| kept(error.to_string()))?;
        ready.process.write_channel(warm.channel, script);
        let resumed = ready.control.resume().await;
        resumed.map_err(|error| NotWarm {
            reason: error.to_string(),
            template: Fate::Dropped,
        })
    }
}

/// Loads a template's state.
async fn load_state(ready: &mut Ready<Control>, template: &Template) -> Result<(), String> {
    let loaded = ready.control.load(&template.state()).await;
    loaded.map_err(|error| error.to_string())?;
    moved(ready, MOVE_TIME).await
}

/// Waits until a state is saved or loaded.
pub async fn moved(ready: &mut Ready<Control>, time: Duration) -> Result<(), String> {
    let reports = &mut ready.reports;
    let result = async {
        loop {
            match reports.recv().await {
                Some(Report::Moved) => return Ok(()),
                Some(Report::MoveFailed) => return Err("QEMU refuses its state"),
                None => return Err("QEMU ended while it read or wrote its state"),
                Some(_) => {}
            }
        }
    };
    match timeout(time, result).await {
        Ok(result) => result.map_err(str::to_owned),
        Err(_) => Err("QEMU reads or writes its state for too long".into()),
    }
}

impl Running<'_> {
    /// Reads what the guest says on the channel of its identity.
    pub async fn on_freeze_channel(&mut self, bytes: &[u8]) {
        self.freeze_lines.extend_from_slice(bytes);
        while let Some(end) = self.freeze_lines.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.freeze_lines.drain(..=end).collect();
            self.on_freeze_line(String::from_utf8_lossy(&line).trim())
                .await;
        }
        if self.freeze_lines.len() > LINE_MAX {
            self.freeze_lines.clear();
        }
    }

    async fn on_freeze_line(&mut self, line: &str) {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("freeze", _) => match &self.way {
                Way::Make(_) => self.freeze().await,
                // The guest has rebooted.
                _ => self.identify().await,
            },
            (word @ ("unfit" | "late"), reason) => {
                let reason = crate::text::plain(reason);
                if let Way::Make(making) = &self.way {
                    let lasts = match word {
                        "unfit" => Lasts::Always,
                        _ => Lasts::ADay,
                    };
                    making.refuse(&reason, lasts);
                    self.go_on_cold(reason).await;
                } else {
                    self.identify().await;
                }
            }
            ("stale", _) => {
                let reason = "the guest's kernel made no new random numbers".to_owned();
                self.not_warm(reason, Fate::Refused).await;
            }
            ("resumed", _) => {
                self.freeze_limit = None;
                self.attempt.tell(Event::HasIdentity).await;
            }
            _ => {}
        }
    }

    /// The guest's firmware starts again. Host keys of its first boot, which are on a disk, would seem
    /// to be the image's own.
    pub(super) async fn on_reset_while_made(&mut self) {
        if let Way::Make(making) = &self.way {
            let reason = "its guest reboots while its template is made";
            making.refuse(reason, Lasts::Always);
            self.not_warm(reason.to_owned(), Fate::Refused).await;
        }
    }

    /// Saves the machine and ends it. If that fails, the machine runs on.
    async fn freeze(&mut self) {
        let Way::Make(making) = &self.way else {
            return;
        };
        let state = making.state();
        crate::host::fault::point("template-frozen");
        let saved = match self.hypervisor.control.save(&state).await {
            Ok(()) => moved(&mut self.hypervisor, MOVE_TIME).await,
            Err(error) => Err(error.to_string()),
        };
        match saved {
            Ok(()) => {
                self.freeze_limit = None;
                let action = self.state.on_saved();
                self.act(action).await;
            }
            Err(reason) => {
                if let Err(error) = self.hypervisor.control.give_up_saving().await {
                    tracing::debug!(%error, "can't resume the machine");
                }
                self.go_on_cold(reason).await;
            }
        }
    }

    /// Makes sure that the machine may be saved now.
    ///
    /// # Errors
    /// It has a template's devices, which its next start would lack, or has no identity yet.
    pub(super) fn check_saving(&self) -> Result<(), &'static str> {
        match &self.way {
            Way::Abandoned => Err(
                "it couldn't become a template, and its machine can't be saved; create it with --cold",
            ),
            way => way
                .obstacle(self.freeze_limit.is_some())
                .map_or(Ok(()), Err),
        }
    }

    /// Gives up the template, and lets the machine run on as if there had been none. A machine with
    /// disks of its own or shares starts again, because the template has another disk, or lacks them. So
    /// does one for whose memory the disk has no room.
    async fn go_on_cold(&mut self, reason: String) {
        let engine = self.attempt.engine;
        let warm = engine.warm.as_ref();
        let differs =
            warm.is_some_and(|warm| warm.kept_disks().next().is_some() || !warm.shares.is_empty());
        let lacks_room = matches!(&self.way, Way::Make(making) if making.keep_memory().is_err());
        if differs || lacks_room || !engine.machine.devices.disks.is_empty() {
            return self.not_warm(reason, Fate::Dropped).await;
        }
        self.way = Way::Abandoned;
        self.attempt.tell(Event::Cold { reason }).await;
        self.identify().await;
    }

    /// Sends the guest its identity.
    async fn identify(&mut self) {
        self.freeze_limit = None;
        let Some(warm) = &self.attempt.engine.warm else {
            return;
        };
        match warm.identity.script(false) {
            Ok(script) => {
                self.hypervisor.process.write_channel(warm.channel, script);
            }
            Err(error) => self.attempt.tell(Event::Problem(error.to_string())).await,
        }
    }

    /// The guest doesn't say that it is frozen, or that it has resumed.
    pub async fn on_freeze_limit(&mut self) {
        self.freeze_limit = None;
        let (reason, template) = match &self.way {
            Way::Make(making) => {
                let reason = "its boot doesn't reach the place where a template is taken";
                making.refuse(reason, Lasts::ADay);
                (reason, Fate::Refused)
            }
            _ => ("the resumed guest doesn't answer", Fate::Dropped),
        };
        self.not_warm(reason.to_owned(), template).await;
    }

    /// Ends a machine that must start again, cold.
    async fn not_warm(&mut self, reason: String, template: Fate) {
        self.state.not_warm = Some(NotWarm { reason, template });
        self.act(Action::Kill).await;
    }

    /// Sets the time limit for the guest's next message.
    pub fn watch_way(&mut self) {
        let limit = self.way.limit(self.attempt.accelerator);
        self.freeze_limit = limit.map(|limit| Instant::now() + limit);
    }

    /// Returns whether these bytes are for this file, not for the engine's caller.
    pub fn is_freeze_channel(&self, index: usize) -> bool {
        let warm = self.attempt.engine.warm.as_ref();
        warm.is_some_and(|warm| warm.channel == index)
    }
}
