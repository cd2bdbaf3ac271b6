//! Work over a session that the end of the machine ends, with the machine's own reason.

use std::time::Duration;

use tokio::time::timeout;

use crate::guest::ssh::session;
use crate::text::error_chain;
use crate::vm;
use crate::vm::supervisor::client::Client;
use crate::vm::supervisor::protocol::Message;

/// Time limit for the supervisor's report of the end of a machine whose session broke.
const REPORT_TIME: Duration = Duration::from_secs(15);

/// The result of some work.
pub enum Watched<T> {
    Done(T),
    /// The machine or its boot ended meanwhile, for this reason.
    Lost(String),
}

/// Waits for some work, or for the end of the machine or of its boot. `client` must be attached
/// since before the session began.
///
/// # Errors
/// The tool is interrupted, or the guest can't do the work.
pub async fn watched<T>(
    client: &mut Client,
    work: impl Future<Output = Result<T, session::Error>>,
) -> Result<Watched<T>, session::Error> {
    let result = tokio::select! {
        biased;
        result = work => result,
        why = lost(client) => return Ok(Watched::Lost(why?)),
    };
    match result {
        // The machine's end is the reason, and may be known a little later.
        Err(error) if error.is_loss() => match timeout(REPORT_TIME, lost(client)).await {
            Ok(why) => Ok(Watched::Lost(why?)),
            Err(_) => Ok(Watched::Lost(error_chain(&error))),
        },
        result => result.map(Watched::Done),
    }
}

/// Waits until the machine ends or its system starts again. Returns the reason.
async fn lost(client: &mut Client) -> Result<String, session::Error> {
    loop {
        match client.next().await {
            Ok(Message::Rebooted { .. }) => return Ok("the guest rebooted".to_owned()),
            Ok(_) => {}
            Err(vm::Error::Interrupted(signal)) => return Err(signal.into()),
            Err(vm::Error::Ended { end, .. }) => return Ok(end.reason),
            Err(error) => return Ok(error_chain(&error)),
        }
    }
}
