//! The checks of the system: its units, its kernel's messages, SELinux, and bootc's own lint.

mod judge;
mod lint;
mod parse;

use std::time::{Duration, Instant};

use tokio::io::empty;
use tokio::time::timeout;

pub use judge::{Limits, Skip, judge, labels};
pub use lint::lint;
pub use parse::{FailedUnit, System};

use super::checks::{Output, Stream};
use crate::guest::shell::{quote, script_as_root};
use crate::guest::ssh::session::{Error, Session};

/// Time limit for the look, which reads the whole journal of an emulated guest.
const LOOK_TIME: Duration = Duration::from_secs(5 * 60);
/// The kernel's messages about its own faults, for grep and for us.
const PATTERN: &str = "WARNING: (CPU: |possible |suspicious |bad unlock|[^ ]+\\.[ch]:[0-9]+ )|BUG: \
     |kernel BUG at|Oops[:#]|Oops: |general protection fault|Unable to handle kernel|Internal error: \
     |soft lockup|hard LOCKUP|blocked for more than [0-9]+ seconds|self-detected stall\
     |detected stalls|UBSAN: |KASAN: |KFENCE: |Kernel panic";

/// Waits until the system has started everything, or the time is over. Returns whether it has.
///
/// # Errors
/// The session breaks, or the tool is interrupted.
pub async fn settle(session: &Session, limit: Duration) -> Result<bool, Error> {
    // It fails for a degraded system, and ends at once for one in emergency mode.
    let wait = session.capture_script("systemctl is-system-running --wait");
    let start = Instant::now();
    match timeout(limit, wait).await {
        Ok(Ok((_, word))) => {
            let word = word.trim();
            let starts = matches!(word, "initializing" | "starting");
            tracing::debug!(word, elapsed = ?start.elapsed(), "the system has settled");
            Ok(!starts)
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(false),
    }
}

/// Looks at the system.
///
/// # Errors
/// The session breaks, or the tool is interrupted. None if the guest doesn't answer in time.
pub async fn look(session: &Session) -> Result<Option<System>, Error> {
    let script = format!("pattern={}\n{}", quote(PATTERN), include_str!("script.sh"));
    let output = Output::default();
    let mut stdout = output.writer(Stream::Stdout);
    let mut stderr = tokio::io::sink();
    let script = script_as_root(&script);
    let work = session.script(&script, empty(), &mut stdout, &mut stderr);
    match timeout(LOOK_TIME, work).await {
        Ok(code) => code.map(|_| Some(System::parse(&output.stdout()))),
        Err(_) => Ok(None),
    }
}
