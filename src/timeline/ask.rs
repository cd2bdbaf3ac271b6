//! Asks a guest for its part.

use std::time::Duration;

use super::{Guest, Recorder, START, guest};
use crate::guest::ssh::session::{Error, Session};
use crate::text::error_chain;

/// A guest that answers later has no part in the timeline.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks the guest of a machine that started in the phase [`START`].
pub async fn ask(recorder: &Recorder<'_>, session: &Session) -> Guest {
    let spans = recorder.spans();
    let Some(start) = spans.iter().find(|span| span.name == START) else {
        return Guest::Unknown("the VM was running before".to_owned());
    };
    let question = async {
        let before = recorder.now();
        let (_, clock) = session.capture_script(guest::CLOCK).await?;
        // The guest has read its clock somewhere between.
        let asked = (before + recorder.now()) / 2;
        let (_, answer) = session.capture_script(guest::SCRIPT).await?;
        Ok::<_, Error>(guest::read(&clock, &answer, start.start, asked))
    };
    match tokio::time::timeout(PATIENCE, question).await {
        Ok(Ok(guest)) => guest,
        Ok(Err(error)) => Guest::Unknown(error_chain(&error)),
        Err(_) => Guest::Unknown("it didn't answer in time".to_owned()),
    }
}
