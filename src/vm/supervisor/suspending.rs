//! Suspends the VM of this supervisor, and greets the guest of one that has resumed.

use super::protocol::Message;
use super::supervision::{Supervision, Suspending};
use crate::engine::Order;
use crate::text;
use crate::vm::suspend::{Suspended, obstacle, remove_state};

impl Supervision<'_> {
    /// Begins to save the machine, or answers why not.
    pub(super) fn suspend(&mut self, number: u64) {
        let busy = self.suspending.is_some() || self.shutdown.is_some() || self.routes.is_none();
        let reason = match busy {
            true => Some("it starts or ends just now".to_owned()),
            false => obstacle(&self.vm.spec, self.hypervisor, &self.record, self.plugged),
        };
        if let Some(reason) = reason {
            self.refuse(number, &format!("it can't be suspended: {reason}"));
            return;
        }
        self.suspending = Some(Suspending::Saving);
        self.order(Order::Save(number, self.vm.suspended_partial()));
    }

    /// The machine is saved and paused, or runs on.
    pub(super) fn on_saved(&mut self, number: u64, saved: Result<(), String>) {
        // Whoever has stopped it meanwhile wants no state.
        let committed = saved.and_then(|()| match self.suspending {
            Some(_) => self.commit(),
            None => Err("it was stopped meanwhile".into()),
        });
        match committed {
            Ok(()) => {
                self.suspending = Some(Suspending::Saved);
                self.order(Order::Quit);
            }
            Err(reason) => {
                self.suspending = None;
                if let Err(error) = remove_state(self.vm) {
                    tracing::warn!(%error, "can't remove a state that doesn't count");
                }
                self.order(Order::Resume);
                self.refuse(
                    number,
                    &format!("it can't be suspended, and runs on: {reason}"),
                );
            }
        }
    }

    fn commit(&self) -> Result<(), String> {
        let accelerator = self
            .record
            .accelerator
            .ok_or("its accelerator is unknown")?;
        let suspended = Suspended::of(self.vm, self.machine, self.hypervisor, accelerator)
            .map_err(|error| error.to_string())?;
        suspended
            .commit(self.vm)
            .map_err(|error| text::error_chain(&error))
    }

    fn refuse(&self, number: u64, reason: &str) {
        self.clients.publish(Message::Answer {
            number,
            error: Some(reason.to_owned()),
            ports: self.record.ports.clone(),
        });
    }

    /// The guest runs on from its state: its clock is late, and its agent has said hello long ago.
    pub(super) fn on_woken(&mut self) {
        self.agent.on_woken();
        if let Err(error) = remove_state(self.vm) {
            tracing::warn!(%error, "can't remove the state of a VM that has resumed");
        }
    }
}
