//! Reboots the system of a running VM.

use std::time::{Duration, Instant};

use super::boot::{Boot, Wanted};
use super::ready::{self, Condition, Ready};
use super::{Error, Store, Vm, lifecycle};
use crate::guest::shell;
use crate::guest::ssh::session::Session;
use crate::text::Stage;

/// The exit code of a command that a signal ended is larger: the system ends it, too.
const SIGNAL_CODES: i32 = 128;

/// The extent of a reboot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Firmware, kernel and userspace.
    Whole,
    /// The userspace alone: `systemctl soft-reboot`.
    Userspace,
}

/// A reboot that somebody asks for.
pub struct Reboot<'a> {
    pub vm: &'a Vm,
    pub store: &'a Store,
    /// The user to log in as.
    pub user: &'a str,
    pub extent: Extent,
    /// The time limit for the whole reboot; without it, the accelerator decides.
    pub timeout: Option<Duration>,
}

impl Reboot<'_> {
    /// Asks the guest to reboot. With a condition, waits until its next boot meets that and returns
    /// a session with it.
    ///
    /// # Errors
    /// The VM is not running, the guest refuses, the VM ends, or it is not ready in time.
    pub async fn run(
        &self,
        stage: &dyn Stage,
        condition: Option<&Condition>,
    ) -> Result<Option<Ready>, Error> {
        let start = Instant::now();
        let before = self
            .ready(stage, start, &Wanted::Lasting, &Condition::Ssh)
            .await?;
        let Some(boot) = before.boot else {
            return Ok(None);
        };
        self.run_in(before.session, boot, stage, condition).await
    }

    /// The same over a session of the guest's present boot.
    ///
    /// # Errors
    /// As for [`Self::run`].
    pub async fn run_in(
        &self,
        session: Session,
        boot: Boot,
        stage: &dyn Stage,
        condition: Option<&Condition>,
    ) -> Result<Option<Ready>, Error> {
        let start = Instant::now();
        stage.update("asking the guest to reboot");
        self.ask(&session).await?;
        session.close().await;
        let Some(condition) = condition else {
            return Ok(None);
        };
        self.ready(stage, start, &Wanted::After(boot), condition)
            .await
            .map(Some)
    }

    async fn ready(
        &self,
        stage: &dyn Stage,
        start: Instant,
        wanted: &Wanted,
        condition: &Condition,
    ) -> Result<Ready, Error> {
        let time = self
            .timeout
            .map(|time| time.saturating_sub(start.elapsed()));
        let mut client = lifecycle::attach(self.vm, self.store).await?;
        let stage = Some(stage);
        ready::wait_until(
            &mut client,
            self.vm,
            self.user,
            time,
            stage,
            wanted,
            condition,
        )
        .await
    }

    async fn ask(&self, session: &Session) -> Result<(), Error> {
        // A next root that is prepared makes `systemctl reboot` a soft reboot, which may lead to a
        // deployment that is gone.
        let (program, command) = match self.extent {
            Extent::Whole => ("env SYSTEMCTL_SKIP_AUTO_SOFT_REBOOT=1 ", "systemctl reboot"),
            Extent::Userspace => ("", "systemctl soft-reboot"),
        };
        let line = shell::as_root(&format!("{program}{command}"));
        match session.capture(&line).await {
            Ok((0 | SIGNAL_CODES.., _)) => Ok(()),
            Ok((_, why)) => Err(Error::Change {
                name: self.vm.spec.name.to_string(),
                why: format!("`{command}` failed{}", crate::text::colon(&one_line(&why))),
            }),
            // The system was faster than its answer.
            Err(error) if error.is_loss() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn one_line(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(crate::text::plain).collect();
    lines.join("; ").trim().to_owned()
}
