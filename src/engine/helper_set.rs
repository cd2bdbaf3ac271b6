//! The processes that back a machine's devices, from its start to its end.

use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;

use crate::hypervisor::Helper;
use crate::hypervisor::helpers::{End, Serves};

/// QEMU may notice a helper's end before we do.
const NOTICE: Duration = Duration::from_millis(300);

/// A helper has work of its own when the hypervisor is gone: one unmounts an image.
const END_TIME: Duration = Duration::from_secs(10);

/// Helpers that run. Dropped, they end.
pub struct Helpers {
    ends: FuturesUnordered<BoxFuture<'static, End>>,
    /// Of those that don't notice the hypervisor's end.
    lasting: FuturesUnordered<BoxFuture<'static, End>>,
}

impl Helpers {
    /// Starts them all.
    ///
    /// # Errors
    /// One can't be started; in words.
    pub fn start(helpers: &[&Helper]) -> Result<Self, String> {
        let (ends, lasting) = (FuturesUnordered::new(), FuturesUnordered::new());
        for helper in helpers {
            let mut running =
                helper.start().map_err(|error| format!("can't start {}: {error}", helper.name))?;
            let end = async move { running.ended().await }.boxed();
            match helper.serves {
                Serves::Given(_) => ends.push(end),
                Serves::Own(_) => lasting.push(end),
            }
        }
        Ok(Self { ends, lasting })
    }

    /// Waits for `start`, but not when a helper ends before that comes to its end or makes it fail.
    ///
    /// # Errors
    /// A helper ended; in words.
    pub async fn unless_ended<T, E>(
        &mut self,
        start: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, E>, String> {
        tokio::pin!(start);
        let result = loop {
            tokio::select! {
                result = &mut start => break result,
                // One that ends in order was left by a hypervisor that ended before.
                Some(end) = self.next() => if !end.in_order { return Err(end.words) },
            }
        };
        while result.is_err()
            && let Ok(Some(end)) = tokio::time::timeout(NOTICE, self.next()).await
        {
            if !end.in_order {
                return Err(end.words);
            }
        }
        Ok(result)
    }

    async fn next(&mut self) -> Option<End> {
        futures::stream::select(&mut self.ends, &mut self.lasting).next().await
    }

    /// Waits until all have ended that do so when the hypervisor is gone, and ends the others, and those that take
    /// longer.
    pub async fn finish(mut self) {
        let all = async { while self.ends.next().await.is_some() {} };
        if tokio::time::timeout(END_TIME, all).await.is_err() {
            tracing::warn!("a helper is ended by force");
        }
    }

    /// The next one that ends, in words; never comes when there is none. May be cancelled.
    pub async fn next_end(&mut self) -> Option<String> {
        match self.next().await {
            Some(end) => Some(end.words),
            None => std::future::pending().await,
        }
    }
}
