//! The helper processes of one machine.

use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;

use crate::hypervisor::Helper;
use crate::hypervisor::helpers::{End, Running, Socket};

/// QEMU can notice the end of a helper this much earlier than the engine.
pub const NOTICE: Duration = Duration::from_millis(300);

/// Time limit for the helpers' own work after the hypervisor's exit: one unmounts an image.
const END_TIME: Duration = Duration::from_secs(10);

/// The running helpers of one machine. Dropping the set ends them.
pub struct HelperSet {
    /// Helpers that exit after the hypervisor.
    ends: FuturesUnordered<BoxFuture<'static, End>>,
    /// Helpers that don't notice the hypervisor's exit.
    lasting: FuturesUnordered<BoxFuture<'static, End>>,
}

impl HelperSet {
    /// Starts the helpers.
    ///
    /// # Errors
    /// The message about a helper that can't start.
    pub fn start(helpers: &[&Helper]) -> Result<Self, String> {
        let mut set = Self {
            ends: FuturesUnordered::new(),
            lasting: FuturesUnordered::new(),
        };
        for helper in helpers {
            let running = helper
                .start()
                .map_err(|error| format!("can't start {}: {error}", helper.name))?;
            set.add(running, &helper.socket);
        }
        Ok(set)
    }

    /// Adds a helper that runs.
    pub fn add(&mut self, mut running: Running, socket: &Socket) {
        let end = async move { running.ended().await }.boxed();
        match socket {
            Socket::Inherited(_) => self.ends.push(end),
            Socket::Created(_) => self.lasting.push(end),
        }
    }

    /// Waits for `start` while all helpers run.
    ///
    /// # Errors
    /// The message about a helper that failed before the start was complete, or made it fail.
    pub async fn unless_ended<T, E>(
        &mut self,
        start: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, E>, String> {
        tokio::pin!(start);
        let result = loop {
            tokio::select! {
                result = &mut start => break result,
                // A helper exits in order after the hypervisor, whose own error says more.
                Some(end) = self.next() => if !end.success { return Err(end.message) },
            }
        };
        while result.is_err()
            && let Ok(Some(end)) = tokio::time::timeout(NOTICE, self.next()).await
        {
            if !end.success {
                return Err(end.message);
            }
        }
        Ok(result)
    }

    async fn next(&mut self) -> Option<End> {
        futures::stream::select(&mut self.ends, &mut self.lasting)
            .next()
            .await
    }

    /// Waits for the helpers that exit after the hypervisor, then ends all that still run.
    pub async fn finish(mut self) {
        let all = async { while self.ends.next().await.is_some() {} };
        if tokio::time::timeout(END_TIME, all).await.is_err() {
            tracing::warn!("a helper didn't exit in time and is killed");
        }
    }

    /// Waits for the next helper that ends. Without helpers it waits forever. Cancel safe.
    pub async fn next_end(&mut self) -> End {
        match self.next().await {
            Some(end) => end,
            None => std::future::pending().await,
        }
    }
}
