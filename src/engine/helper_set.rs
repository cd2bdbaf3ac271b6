//! The helper processes of one machine.

use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;

use crate::hypervisor::Helper;
use crate::hypervisor::helpers::{End, Socket};

/// QEMU can notice the end of a helper this much earlier than the engine.
const NOTICE: Duration = Duration::from_millis(300);

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
        let (ends, lasting) = (FuturesUnordered::new(), FuturesUnordered::new());
        for helper in helpers {
            let mut running = helper
                .start()
                .map_err(|error| format!("can't start {}: {error}", helper.name))?;
            let end = async move { running.ended().await }.boxed();
            match helper.socket {
                Socket::Inherited(_) => ends.push(end),
                Socket::Created(_) => lasting.push(end),
            }
        }
        Ok(Self { ends, lasting })
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

    /// Waits for the next helper that ends and returns a message. Without helpers it waits forever.
    /// Cancel safe.
    pub async fn next_end(&mut self) -> String {
        match self.next().await {
            Some(end) => end.message,
            None => std::future::pending().await,
        }
    }
}
