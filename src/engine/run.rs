//! Tries one accelerator after the other, and starts the hypervisor.

use tokio::sync::mpsc;

use super::helper_set::HelperSet;
use super::outcome::{Ended, Outcome};
use super::running::{Attempt, Orders, Running};
use super::{Engine, Error, Event, Order};
use crate::hypervisor::Helper;
use crate::hypervisor::control::Control;
use crate::hypervisor::process::Ready;

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
        mut orders: mpsc::UnboundedReceiver<Order>,
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
            };
            let mut outcome = attempt.run(&mut orders).await;
            if matches!(outcome, Ok(Outcome::Stalled)) {
                attempt.tell(Event::Restarting).await;
                outcome = attempt.run(&mut orders).await;
            }
            let reason = match outcome {
                Ok(Outcome::Ended(ended)) => return Ok(ended),
                Ok(Outcome::Stalled) => {
                    return Ok(Ended::Failed("an emulated CPU stalled twice".into()));
                }
                Ok(Outcome::AcceleratorFailed(reason)) if is_last => {
                    return Ok(Ended::Failed(reason));
                }
                Ok(Outcome::AcceleratorFailed(reason)) => reason,
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
    async fn run(&self, orders: &mut mpsc::UnboundedReceiver<Order>) -> Result<Outcome, Error> {
        let mut orders = Orders {
            receiver: orders,
            postponed: Default::default(),
        };
        match self.start(&mut orders).await? {
            Some((ready, helpers)) => Ok(Running::new(self, orders, ready, helpers)
                .await?
                .finish()
                .await),
            None => Ok(Outcome::Ended(Ended::ByOrder)),
        }
    }

    /// Starts the helpers and the hypervisor. None means that an order to quit came first.
    async fn start(
        &self,
        orders: &mut Orders<'_>,
    ) -> Result<Option<(Ready<Control>, HelperSet)>, Error> {
        let Engine {
            hypervisor,
            machine,
            log,
            helpers,
            ..
        } = self.engine;
        let plan = hypervisor.plan(machine, self.accelerator)?;
        tracing::debug!(program = %plan.launch.program.display(), args = ?plan.launch.args, "starting");
        let helpers: Vec<&Helper> = helpers.iter().chain(&plan.helpers).collect();
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
