//! Devices that come and go while a machine runs.

use std::time::Duration;

use tokio::time::Instant;

use super::Error;
use super::helper_set::HelperSet;
use crate::hypervisor::control::Control;
use crate::hypervisor::{Helper, Plug};

/// Time limit for a guest to give a device up. On arm64 the kernel alone takes five seconds.
const UNPLUG_TIME: Duration = Duration::from_secs(60);

/// A device, and the helper that serves it.
#[derive(Debug)]
pub struct Addition {
    pub device: Plug,
    pub helper: Option<Helper>,
}

/// The devices that the guest is asked to give up.
#[derive(Default)]
pub struct Removals {
    waiting: Vec<Removal>,
    /// Helpers whose devices have gone.
    gone: Vec<String>,
}

struct Removal {
    device: String,
    /// The helper that ends with it.
    helper: Option<String>,
    /// The order that waits for an answer.
    order: Option<u64>,
    overdue: Instant,
}

/// Gives the machine a device.
///
/// # Errors
/// Its helper can't start, or the hypervisor refuses the device.
pub async fn add(
    control: &Control,
    helpers: &mut HelperSet,
    addition: &Addition,
) -> Result<(), Error> {
    let Some(helper) = &addition.helper else {
        return Ok(control.plug(&addition.device).await?);
    };
    let failed = |error| Error::Helper(format!("can't start {}: {error}", helper.name));
    let mut running = helper.start().map_err(failed)?;
    match control.plug(&addition.device).await {
        Ok(()) => {
            helpers.add(running, &helper.socket);
            Ok(())
        }
        Err(error) => {
            match tokio::time::timeout(super::helper_set::NOTICE, running.ended()).await {
                // The helper's own message says more.
                Ok(end) if !end.success => Err(Error::Helper(end.message)),
                _ => Err(error.into()),
            }
        }
    }
}

impl Removals {
    /// Asks the guest to give a device up, and answers this order when it has.
    ///
    /// # Errors
    /// The machine has no such device.
    pub async fn begin(
        &mut self,
        control: &Control,
        device: String,
        helper: Option<String>,
        order: u64,
    ) -> Result<(), Error> {
        let asked = self.waiting.iter().position(|old| old.device == device);
        match (control.unplug(&device).await, asked) {
            (Ok(()), _) | (Err(_), Some(_)) => {}
            (Err(error), None) => return Err(error.into()),
        }
        if let Some(asked) = asked {
            self.waiting.remove(asked);
        }
        self.waiting.push(Removal {
            device,
            helper,
            order: Some(order),
            overdue: Instant::now() + UNPLUG_TIME,
        });
        Ok(())
    }

    /// Closes what a device used that has gone. Returns the order that waits for it.
    pub async fn on_unplugged(&mut self, control: &Control, device: &str) -> Option<u64> {
        control.release(device).await;
        let position = self.waiting.iter().position(|old| old.device == device)?;
        let removal = self.waiting.swap_remove(position);
        self.gone.extend(removal.helper);
        removal.order
    }

    /// Returns whether a helper ended because its device goes or has gone.
    pub fn explains(&mut self, helper: &str) -> bool {
        if let Some(position) = self.gone.iter().position(|gone| gone == helper) {
            self.gone.swap_remove(position);
            return true;
        }
        let going = self
            .waiting
            .iter_mut()
            .find(|removal| removal.helper.as_deref() == Some(helper));
        going.map(|removal| removal.helper = None).is_some()
    }

    /// Returns the time at which the next answer is overdue.
    pub fn overdue(&self) -> Option<Instant> {
        let waiting = self
            .waiting
            .iter()
            .filter(|removal| removal.order.is_some());
        waiting.map(|removal| removal.overdue).min()
    }

    /// Returns the orders that have waited for too long. Their devices may still go.
    pub fn give_up(&mut self) -> Vec<u64> {
        let now = Instant::now();
        let late = |removal: &mut Removal| match removal.overdue <= now {
            true => removal.order.take(),
            false => None,
        };
        self.waiting.iter_mut().filter_map(late).collect()
    }
}
