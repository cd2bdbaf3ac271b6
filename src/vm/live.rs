//! Work in a running guest, which a reboot of the guest ends.

use std::time::Duration;

use tokio::time::timeout;

use super::boot::{Boot, Wanted};
use super::ready::{self, Condition, Ready};
use super::supervisor::client::Client;
use super::supervisor::protocol::Message;
use super::{Error, Store, Vm, lifecycle};

/// Time limit for the end of a session after the end of its machine. Both report it.
const END_TIME: Duration = Duration::from_secs(5);
/// Time limit for the reboot of a guest whose sessions have ended: a service may hold it up for 90
/// seconds.
const SHUTDOWN_TIME: Duration = Duration::from_secs(150);

/// A running VM in which a user works.
pub struct Live<'a> {
    pub vm: &'a Vm,
    pub store: &'a Store,
    pub user: &'a str,
    /// It must be attached since before the session began.
    pub client: &'a mut Client,
    /// The boot that the session is in, if it is known.
    pub boot: Option<Boot>,
}

impl Live<'_> {
    /// Does some work over a session. `ended_early` says of its result that the guest may have
    /// ended it.
    ///
    /// # Errors
    /// The guest reboots meanwhile, or the work outlasts the machine.
    pub async fn work<T>(
        &mut self,
        work: impl Future<Output = T>,
        ended_early: impl FnOnce(&T) -> bool,
    ) -> Result<T, Error> {
        tokio::pin!(work);
        let result = loop {
            tokio::select! {
                biased;
                result = &mut work => break result,
                message = self.client.next() => match message {
                    Ok(Message::Rebooted { .. }) => return Err(self.rebooted()),
                    Ok(_) => {}
                    // The session notices it, too, and knows more.
                    Err(error) => return timeout(END_TIME, work).await.map_err(|_| error),
                },
            }
        };
        if ended_early(&result) && self.reboots().await {
            return Err(self.rebooted());
        }
        Ok(result)
    }

    fn rebooted(&self) -> Error {
        Error::Rebooted(self.vm.spec.name.to_string())
    }

    /// Returns whether the guest reboots, or has rebooted since the session began. Sessions of a
    /// system that shuts down end first. So it waits until the system starts again or the machine
    /// ends, unless a new session shows that the same boot lasts.
    async fn reboots(&mut self) -> bool {
        let (vm, user, boot) = (self.vm, self.user, self.boot.take());
        let store = self.store;
        let look = async {
            let mut client = lifecycle::attach(vm, store).await?;
            let time = Some(SHUTDOWN_TIME);
            let (wanted, condition) = (Wanted::Lasting, Condition::Ssh);
            ready::wait_until(&mut client, vm, user, time, None, &wanted, &condition).await
        };
        let hear = async {
            loop {
                match self.client.next().await {
                    Ok(Message::Rebooted { .. }) => return true,
                    Ok(_) => {}
                    Err(_) => return false,
                }
            }
        };
        tokio::select! {
            biased;
            rebooted = hear => rebooted,
            ready = look => match (ready, boot) {
                (Ok(Ready { boot: Some(now), .. }), Some(before)) => now != before,
                _ => false,
            },
        }
    }
}
