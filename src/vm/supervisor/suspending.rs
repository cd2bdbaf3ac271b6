//! Saves the VM of this supervisor with its memory, and greets the guest of one that has resumed.

use super::supervision::{Restart, Supervision, Suspending};
use crate::engine::{Change, Order};
use crate::text;
use crate::vm::suspend::{Suspended, obstacle, remove_state};
use crate::vm::{Name, Vm, snapshots};

const BUSY: &str = "it starts or ends just now";

impl Supervision<'_> {
    /// Begins to save the machine, or answers why not.
    pub(super) fn suspend(&mut self, number: u64) {
        if let Some(reason) = self.obstacle() {
            self.answer(number, Some(format!("it can't be suspended: {reason}")));
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
                let why = format!("it can't be suspended, and runs on: {reason}");
                self.answer(number, Some(why));
            }
        }
    }

    fn commit(&self) -> Result<(), String> {
        let described = self.describe()?;
        described
            .commit(self.vm)
            .map_err(|error| text::error_chain(&error))
    }

    /// Begins to save the machine as a snapshot, or answers why not.
    pub(super) fn snapshot(&mut self, number: u64, name: &Name) {
        let described = match self.obstacle() {
            Some(reason) => Err(reason),
            None => self.describe().and_then(|described| {
                snapshots::describe(self.vm, name, &described)
                    .map_err(|error| text::error_chain(&error))
            }),
        };
        match described {
            Ok(()) => {
                let change = Change::SaveMachine {
                    state: snapshots::state_in_the_making(self.vm, name),
                    disks: snapshots::all_disks(self.vm, name),
                    others: vec![self.vm.variables()],
                };
                self.order(Order::Change(number, change));
            }
            Err(reason) => self.answer(number, Some(reason)),
        }
    }

    /// Ends the machine, which then starts anew from a snapshot, or answers why not.
    pub(super) fn restore(&mut self, number: u64, name: Name) {
        if self.is_busy() {
            self.answer(number, Some(BUSY.to_owned()));
            return;
        }
        self.restart = Some(Restart::Restore { number, name });
        self.order(Order::Quit);
    }

    /// Returns the reason why the machine can't be saved with its memory.
    fn obstacle(&self) -> Option<String> {
        if self.is_busy() {
            return Some(BUSY.to_owned());
        }
        // `replace` has changed it since the start.
        match Vm::open(&self.vm.folder) {
            Ok(vm) => obstacle(&vm.spec, self.hypervisor, &self.record, self.plugged),
            Err(error) => Some(text::error_chain(&error)),
        }
    }

    fn is_busy(&self) -> bool {
        let ends = self.shutdown.is_some() || self.restart.is_some();
        self.suspending.is_some() || ends || self.routes.is_none()
    }

    fn describe(&self) -> Result<Suspended, String> {
        let accelerator = self
            .record
            .accelerator
            .ok_or("its accelerator is unknown")?;
        let mut described = Suspended::of(self.vm, self.machine, self.hypervisor, accelerator)
            .map_err(|error| error.to_string())?;
        described.warm = self.record.warm;
        Ok(described)
    }

    /// The guest runs on from its state: its clock is late, and its agent has said hello long ago.
    pub(super) fn on_woken(&mut self) {
        self.agent.on_woken();
        if let Err(error) = remove_state(self.vm) {
            tracing::warn!(%error, "can't remove the state of a VM that has resumed");
        }
    }
}
