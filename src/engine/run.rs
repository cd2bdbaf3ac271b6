//! Tries one accelerator after the other, and starts the hypervisor.

use std::cell::{Cell, RefCell};

use tokio::sync::mpsc;

use super::helper_set::HelperSet;
use super::orders::Orders;
use super::outcome::{Ended, Fate, NotWarm, Outcome};
use super::running::{Attempt, Running};
use super::way::{Warm, Way};
use super::{Engine, Error, Event, Order};
use crate::disk;
use crate::hypervisor::Helper;
use crate::hypervisor::control::Control;
use crate::hypervisor::process::{Ready, StartError};
use crate::warm::{Lasts, Making};

impl Engine<'_> {
    /// Runs the machine until it ends. The next accelerator replaces one that fails before the
    /// guest is up.
    ///
    /// The orders are unbounded: a caller that polls this future and waited to send would wait for
    /// itself.
    ///
    /// # Errors
    /// The machine can't start with the last accelerator.
    pub async fn run(
        self,
        events: mpsc::Sender<Event>,
        orders: &mut mpsc::UnboundedReceiver<Order>,
    ) -> Result<Ended, Error> {
        let mut earlier_failure = None;
        if let Some(reason) = self.accelerators.exclusion.clone() {
            // A listener that has gone needs no events.
            let _ = events.send(Event::Fallback { reason }).await;
        }
        for (index, &accelerator) in self.accelerators.all.iter().enumerate() {
            let is_last = index + 1 == self.accelerators.all.len();
            let attempt = Attempt {
                engine: &self,
                accelerator,
                events: &events,
                earlier_failure,
                ssh_port: Cell::new(self.ssh_port),
                forwards: RefCell::new(self.forwards.clone()),
            };
            let reason = match attempt.run_to_end(orders).await {
                Ok(Outcome::Ended(ended)) => return Ok(ended),
                Ok(Outcome::AcceleratorFailed(reason)) if is_last => {
                    return Ok(Ended::Failed(reason));
                }
                Ok(Outcome::AcceleratorFailed(reason)) => reason,
                Ok(Outcome::EmulationFailed { reason, .. }) => {
                    return Ok(Ended::Failed(format!("{reason}, twice")));
                }
                Ok(Outcome::Saved | Outcome::NotWarm(_)) => {
                    return Ok(Ended::Failed("the VM couldn't be resumed".into()));
                }
                Err(Error::Start(error)) if !is_last && attempt.fails_to_start(&error) => {
                    error.to_string()
                }
                Err(error) => return Err(error),
            };
            attempt
                .tell(Event::Fallback {
                    reason: reason.clone(),
                })
                .await;
            earlier_failure = Some(reason);
        }
        Ok(Ended::Failed("no accelerator to try".into()))
    }
}

impl Attempt<'_> {
    /// Runs the machine, more than once if it must: after the emulation failed, after it was saved to
    /// a template, and cold when it can't be warm.
    async fn run_to_end(
        &self,
        orders: &mut mpsc::UnboundedReceiver<Order>,
    ) -> Result<Outcome, Error> {
        let mut way = self.first_way().await;
        let (mut restarted, mut died) = (false, false);
        loop {
            let (outcome, used) = self.run(orders, way).await?;
            way = match (outcome, used) {
                (
                    Outcome::EmulationFailed {
                        reason,
                        had_programs,
                    },
                    used,
                ) if had_programs || !restarted => {
                    restarted = true;
                    self.tell(Event::Restarting { reason }).await;
                    match used {
                        Way::Make(making) => {
                            drop(making);
                            self.first_way().await
                        }
                        _ if had_programs => Way::Reboot,
                        _ => Way::Cold,
                    }
                }
                (Outcome::Saved, Way::Make(making)) => match self.resume_from(making) {
                    Ok(way) => way,
                    Err(reason) => self.cold(reason).await?,
                },
                (
                    Outcome::NotWarm(NotWarm {
                        reason,
                        template: fate,
                    }),
                    used,
                ) => {
                    if let Way::Resume(template) = used {
                        match fate {
                            Fate::Kept => {}
                            Fate::Dropped => template.discard(),
                            Fate::Refused => template.refuse(&reason, Lasts::ADay),
                        }
                    }
                    self.cold(reason).await?
                }
                // The boot may have failed because of the template's file alone. But emulators die
                // for reasons of their own, too.
                (Outcome::Ended(Ended::Failed(_)), Way::Make(making)) if !died => {
                    died = true;
                    drop(making);
                    self.first_way().await
                }
                (Outcome::Ended(Ended::Failed(reason)), Way::Make(_)) => self.cold(reason).await?,
                (outcome, _) => return Ok(outcome),
            };
        }
    }

    /// Returns what happens to the template of a machine that can't start in this way for this reason.
    /// None if it can't start cold either.
    fn fate_after(&self, error: &Error, way: &Way) -> Option<Fate> {
        match way {
            Way::Cold | Way::Abandoned | Way::Reboot | Way::Wake => None,
            Way::Make(_) => {
                let blames = |error: &StartError| self.fails_to_start(error);
                let is_blamed = matches!(error, Error::Start(error) if blames(error));
                // Another accelerator may work.
                let falls_back = self.accelerator.is_hardware() && is_blamed;
                (!falls_back).then_some(Fate::Dropped)
            }
            Way::Resume(_) => Some(Fate::after(error)),
        }
    }

    /// Returns the way that resumes from a template whose machine is saved.
    fn resume_from(&self, making: Making) -> Result<Way, String> {
        let template = making.finish().map_err(|error| error.to_string())?;
        match &self.engine.warm {
            Some(warm) => warm.resume(template),
            None => Ok(Way::Resume(template)),
        }
    }

    /// Begins anew with a boot, after a start that was not one.
    async fn cold(&self, reason: String) -> Result<Way, Error> {
        self.tell(Event::Cold { reason }).await;
        for (disk, base) in self.engine.warm.iter().flat_map(Warm::kept_disks) {
            disk::renew_overlay(base, &disk.file)?;
        }
        Ok(Way::Cold)
    }

    async fn run(
        &self,
        orders: &mut mpsc::UnboundedReceiver<Order>,
        way: Way,
    ) -> Result<(Outcome, Way), Error> {
        let mut orders = Orders {
            receiver: orders,
            postponed: Default::default(),
        };
        let (mut ready, helpers) = match self.start(&mut orders, &way).await {
            Ok(Some(started)) => started,
            Ok(None) => return Ok((Outcome::Ended(Ended::ByOrder), way)),
            Err(error) => match self.fate_after(&error, &way) {
                Some(template) => {
                    let reason = error.to_string();
                    return Ok((Outcome::NotWarm(NotWarm { reason, template }), way));
                }
                None => return Err(error),
            },
        };
        // A machine that is saved stays so if another program has a port.
        self.forward_ports(&ready.control).await?;
        if let (Some(warm), Way::Resume(template)) = (&self.engine.warm, &way)
            && let Err(not_warm) = self.load(&mut ready, warm, template).await
        {
            ready.process.kill();
            let _ = ready.process.wait().await;
            helpers.finish().await;
            return Ok((Outcome::NotWarm(not_warm), way));
        }
        if let (Some(wake), Way::Wake) = (&self.engine.wake, &way)
            && let Err(reason) = self.wake(&mut ready, wake).await
        {
            ready.process.kill();
            let _ = ready.process.wait().await;
            helpers.finish().await;
            return Err(Error::Wake(reason));
        }
        let running = Running::new(self, orders, ready, helpers, way).await;
        Ok(running.finish().await)
    }

    /// Starts the helpers and the hypervisor. None means that an order to quit came first.
    async fn start(
        &self,
        orders: &mut Orders<'_>,
        way: &Way,
    ) -> Result<Option<(Ready<Control>, HelperSet)>, Error> {
        let Engine {
            hypervisor,
            log,
            helpers,
            ..
        } = self.engine;
        let machine = &*way.machine(self.engine);
        let plan = hypervisor.plan(machine, self.accelerator)?;
        for disk in &machine.disks {
            if let Some(base) = &disk.fresh_over {
                disk::renew_overlay(base, &disk.file)?;
            }
        }
        tracing::debug!(program = %plan.launch.program.display(), args = ?plan.launch.args, "starting");
        // A template has no shares, and no other helper's device.
        let own = match way {
            Way::Make(_) => &[][..],
            _ => helpers,
        };
        let helpers: Vec<&Helper> = own.iter().chain(&plan.helpers).collect();
        let mut running_helpers = HelperSet::start(&helpers).map_err(Error::Helper)?;
        let start = async {
            for helper in helpers {
                helper.wait_for_sockets().await;
            }
            hypervisor.start(&plan, machine, log).await
        };
        tokio::select! {
            biased;
            started = running_helpers.unless_ended(start) => {
                let ready = started.map_err(Error::Helper)??;
                Ok(Some((ready, running_helpers)))
            }
            () = orders.quit() => {
                hypervisor.give_up(machine).await;
                running_helpers.finish().await;
                Ok(None)
            }
        }
    }
}
