//! The work in a running VM: an upgrade or a rollback from its beginning to its end.

use std::time::{Duration, Instant};

use tokio::io::{empty, stderr};
use tokio::time::timeout;

use super::decision::{Action, Target};
use super::drop_in;
use super::error::Error;
use super::guest;
use super::job::{After, ImageWish, Job, NextBoot, Wish};
use super::report::{Report, Times};
use super::status::{Deployment, Status};
use super::versions::{Version, installed};
use crate::disk::InstalledLayer;
use crate::guest::ssh::session::Session;
use crate::host::fs::file::IoContext as _;
use crate::host::fs::lock::Lock;
use crate::host::process::interrupt;
use crate::text::seconds;
use crate::vm::boot::{Boot, Seen, Wanted};
use crate::vm::snapshots::{self, Content};
use crate::vm::{Name, lifecycle};

/// Held while a process changes the version of a VM.
const LOCK: &str = "upgrade.lock";
/// Time limit for the user's check, if the user sets none.
const CHECK_TIME: Duration = Duration::from_secs(20 * 60);
/// The snapshot from before the reboot. A user's own has another name.
const SAVED: &str = "podman-bootc-before-upgrade";

/// The way to the next boot.
struct Way {
    /// A session of this boot.
    session: Session,
    boot: Boot,
    /// The kernel isn't restarted.
    soft: bool,
}

impl Job<'_> {
    /// Does the work.
    ///
    /// # Errors
    /// The guest can't do it, or a step fails. The old version runs, unless the error says that the
    /// new one does.
    pub async fn run(&mut self, wish: &Wish<'_>) -> Result<Report, Error> {
        let name = self.name();
        if self.vm.spec.is_ephemeral() {
            return Err(Error::Ephemeral(name));
        }
        let lock = self.vm.folder.join(LOCK);
        let Some(_lock) = Lock::try_acquire(&lock).writing(&lock)? else {
            return Err(Error::Busy(name));
        };
        if self.vm.spec.remove && self.rolls_back() {
            return Err(Error::Removed(name));
        }
        let mut times = Times::start();
        let (session, boot, look) = self.look(&mut times).await?;
        let mut report = Report::new(name, &look.status.booted.digest);
        let wanted = match wish {
            Wish::Rollback => {
                let back = look.status.rollback.clone();
                let back = back.ok_or_else(|| Error::NoRollback(self.name()))?;
                self.stage_rollback(&session, &look.status, &mut times)
                    .await?;
                Version::Deployment(back)
            }
            Wish::Image(wish) => {
                self.stage_image(wish, &session, &look, &mut report, &mut times)
                    .await?
            }
        };
        if report.action == Action::None {
            session.close().await;
            // A killed upgrade may have left it.
            self.forget(&SAVED.parse()?, self.vm.features().snapshots)
                .await;
            self.tell_next_boot(&look.status);
            self.remember_version(wanted, wish, &look.status, report.action, false)?;
        } else if let After::Reboot(reboot) = self.after {
            let before = &look.status.booted;
            report.soft_reboot = reboot.soft && self.is_soft(&session).await?;
            let way = Way {
                session,
                boot,
                soft: report.soft_reboot,
            };
            let booted = self
                .boot_or_go_back(&wanted, before, way, reboot, &mut times)
                .await;
            // A version whose check has failed runs, too.
            if matches!(booted, Ok(_) | Err(Error::Check { .. })) {
                self.remember_version(wanted, wish, &look.status, report.action, true)?;
            }
            report.to = booted?;
        } else {
            session.close().await;
            wanted.digest().clone_into(&mut report.to);
            report.booted = false;
        }
        report.seconds = times.stages();
        Ok(report)
    }

    /// Logs in, and asks the guest for its deployments.
    async fn look(&self, times: &mut Times) -> Result<(Session, Boot, guest::Look), Error> {
        let stage = self.progress.stage("look");
        // The first login takes any boot: the script tells which one it is.
        let mut wanted = Wanted::Any;
        let (session, seen, output) = loop {
            let session = self.session(&*stage, &wanted).await?;
            let (_, output) = session.capture_script(&guest::look()).await?;
            let seen = Seen::read(&output);
            wanted = Wanted::Lasting;
            if wanted.accepts(&seen) {
                break (session, seen, output);
            }
            session.close().await;
        };
        let look = guest::read_look(&output).map_err(|source| self.unfit(source))?;
        times.end("look");
        stage.done(&format!("runs {}", look.status.booted.digest));
        Ok((session, seen.boot, look))
    }

    /// Makes the image the one that the guest boots next, unless it runs already.
    async fn stage_image(
        &self,
        wish: &ImageWish<'_>,
        session: &Session,
        look: &guest::Look,
        report: &mut Report,
        times: &mut Times,
    ) -> Result<Version, Error> {
        let ImageWish {
            podman,
            image,
            reference,
        } = *wish;
        let endpoint = self.save(podman, image, &look.status, times).await?;
        let installed = installed(endpoint.folder());
        let target = Target {
            digests: [&installed.manifest, &installed.config, &image.digest],
            reference,
        };
        report.image = Some(image.reference.clone());
        report.action = target.action(&look.status);
        match report.action {
            Action::Reboot if self.prepares_soft_reboot(&look.status) => {
                self.unlock(session, times).await?;
            }
            Action::None | Action::Reboot => {}
            Action::Unlock => self.unlock(session, times).await?,
            Action::Rollback => self.stage_rollback(session, &look.status, times).await?,
            Action::Upgrade | Action::Switch => {
                self.check_space(&endpoint, look)?;
                let follows = look.status.follows.as_ref();
                let reference = reference
                    .or(follows.map(|follows| follows.image.as_str()))
                    .unwrap_or(&image.reference);
                let tagged = drop_in::without_digest(reference)
                    .filter(|_| !reference.ends_with(&installed.manifest));
                if let Some(tagged) = &tagged {
                    // bootc would refuse the image, whose manifest in podman's storage is another one.
                    self.progress.note(&format!(
                        "VM {} follows {tagged}: it can't verify the digest of an image from podman's storage",
                        self.name()
                    ));
                    report.action = Action::Switch;
                }
                let reference = tagged.as_deref().unwrap_or(reference);
                self.pull(session, &report.action, reference, &endpoint, &target)
                    .await?;
                times.end("pull");
                let counts = endpoint.counts();
                (report.sent, report.received) = (counts.sent, counts.received);
                report.layers = installed.layers.len();
                let is_fetched =
                    |layer: &&InstalledLayer| counts.requests.contains_key(&layer.digest);
                report.fetched = installed.layers.iter().filter(is_fetched).count();
            }
        }
        Ok(Version::Image(installed))
    }

    /// Reboots into the new version; returns its digest. A version that fails makes room for the
    /// old one, if the user wishes so.
    async fn boot_or_go_back(
        &self,
        wanted: &Version,
        before: &Deployment,
        way: Way,
        reboot: NextBoot<'_>,
        times: &mut Times,
    ) -> Result<String, Error> {
        let saved: Name = SAVED.parse()?;
        let is_saved = self.save_disks(&saved, reboot.auto_rollback).await?;
        times.end("snapshot");
        let error = match self.boot(wanted, before, way, reboot.check, times).await {
            Ok(booted) => {
                self.forget(&saved, is_saved).await;
                return Ok(booted.digest);
            }
            Err(error) => error,
        };
        let is_up = matches!(error, Error::OldVersion { .. } | Error::Check { .. });
        // The user has ended the wait, and not the new version.
        if interrupt::check().is_err() {
            if is_saved {
                self.progress.note(&format!(
                    "VM {} goes on to boot the new version; its disks from before are the snapshot \
                     {saved}",
                    self.name()
                ));
            }
            return Err(error);
        }
        if reboot.auto_rollback {
            return Err(self.go_back(error, before, &saved).await);
        }
        if is_up {
            self.forget(&saved, is_saved).await;
        }
        Err(match is_saved && !is_up {
            true => Error::NotUp {
                name: self.name(),
                snapshot: saved.to_string(),
                source: error.into(),
            },
            false => error,
        })
    }

    /// Saves the disks as they are, with which a VM comes back that the new version doesn't let in.
    /// Returns false if that isn't possible and needn't be.
    async fn save_disks(&self, saved: &Name, must: bool) -> Result<bool, Error> {
        if !must && (self.vm.spec.remove || !self.vm.features().snapshots) {
            return Ok(false);
        }
        match snapshots::create_live(self.vm, self.store, saved).await {
            Ok(()) => Ok(true),
            Err(error) if must => Err(error.into()),
            Err(error) => {
                self.progress.note(&format!(
                    "no snapshot before the reboot: {}",
                    crate::text::error_chain(&error)
                ));
                Ok(false)
            }
        }
    }

    /// Removes the snapshot, which only takes space.
    async fn forget(&self, saved: &Name, is_saved: bool) {
        if is_saved && let Err(error) = snapshots::remove_live(self.vm, self.store, saved).await {
            let why = crate::text::error_chain(&error);
            self.progress
                .note(&format!("can't remove the snapshot {saved}: {why}"));
        }
    }

    /// Keeps the version that runs now.
    fn remember_version(
        &mut self,
        version: Version,
        wish: &Wish<'_>,
        status: &Status,
        action: Action,
        booted: bool,
    ) -> Result<(), Error> {
        match (version, wish) {
            (Version::Image(installed), Wish::Image(wish)) => {
                let image = match wish.follows_other(status, action) {
                    None => Some(wish.image.clone()),
                    Some(follows) => {
                        self.progress.note(&format!(
                            "VM {} follows {follows} as before: it has this content already, and \
                             bootc pulls none to switch",
                            self.name()
                        ));
                        self.known_image(&installed)
                    }
                };
                self.remember(image, installed, booted)
            }
            (version, _) => self.remember_digest(version.digest(), booted),
        }
    }

    /// Says that the next reboot boots another version than the one that runs, if it does.
    fn tell_next_boot(&self, status: &Status) {
        if status.staged.is_some() {
            self.progress
                .note("another version is staged in the VM: its next reboot boots that");
        } else if status.rollback_queued {
            self.progress
                .note("a rollback is queued in the VM: its next reboot boots the version before");
        }
    }

    /// Reboots into the new version, verifies that it runs, and checks it.
    async fn boot(
        &self,
        wanted: &Version,
        before: &Deployment,
        way: Way,
        check: Option<&str>,
        times: &mut Times,
    ) -> Result<Deployment, Error> {
        let start = Instant::now();
        let stage = self.progress.stage("reboot");
        let session = self
            .reboot(&*stage, way.soft, (way.session, way.boot))
            .await?;
        times.end("reboot");
        stage.done(&format!("rebooted in {}", seconds(start.elapsed())));
        let status = self.deployments(&session).await?;
        times.end("verify");
        if status.booted.checksum == before.checksum || !wanted.is(&status.booted) {
            let (_, lines) = session.capture_script(&guest::finalization()).await?;
            return Err(Error::OldVersion {
                name: self.name(),
                lines: guest::last_lines(&lines),
            });
        }
        if let Some(command) = check {
            let (mut stdout, mut errors) = (stderr(), stderr());
            let limit = self.timeout.unwrap_or(CHECK_TIME);
            let checked = session.exec(command, empty(), &mut stdout, &mut errors);
            let why = match timeout(limit, checked).await {
                Ok(code) => Some(code?)
                    .filter(|code| *code != 0)
                    .map(|code| format!("exit code {code}")),
                Err(_) => Some(format!("it was not done after {}", seconds(limit))),
            };
            times.end("check");
            if let Some(why) = why {
                return Err(Error::Check {
                    name: self.name(),
                    command: command.to_owned(),
                    why,
                });
            }
        }
        session.close().await;
        Ok(status.booted)
    }

    fn rolls_back(&self) -> bool {
        matches!(self.after, After::Reboot(reboot) if reboot.auto_rollback)
    }

    /// Brings the old version back after an error of the new one; returns the error for the user.
    async fn go_back(&self, first: Error, old: &Deployment, saved: &Name) -> Error {
        let unreachable = matches!(first, Error::Vm(_) | Error::Session(_));
        let first = crate::text::error_chain(&first);
        // The error at the end quotes the console.
        let short = first.lines().next().unwrap_or_default();
        self.progress.note(&format!("{short}; rolling back"));
        let name = self.name();
        let by_bootc = match unreachable {
            true => false,
            // A guest that can't roll back by itself gets its old disks.
            false => match self.roll_back_to(old).await {
                Ok(()) => {
                    self.forget(saved, true).await;
                    true
                }
                Err(error) => {
                    self.progress.note(&crate::text::error_chain(&error));
                    false
                }
            },
        };
        let back = match by_bootc {
            true => Ok(()),
            false => self.restore(old, saved).await,
        };
        match back {
            Ok(()) => Error::RolledBack { name, why: first },
            Err(why) => Error::Stuck {
                name,
                why: crate::text::error_chain(&why),
                first,
            },
        }
    }

    /// Gives the VM the disks that it had before the reboot, and boots it.
    async fn restore(&self, old: &Deployment, saved: &Name) -> Result<(), Error> {
        let stage = self.progress.stage("restore");
        stage.update("restoring the disks");
        lifecycle::stop(self.vm, self.store, 0).await?;
        let taken = lifecycle::take(self.vm)?;
        snapshots::restore(self.vm, saved, Content::All)?;
        snapshots::remove(self.vm, saved)?;
        drop(taken);
        lifecycle::start(self.vm, self.store, false).await?;
        let session = self.session(&*stage, &Wanted::Lasting).await?;
        let booted = self.deployments(&session).await?.booted;
        if booted.checksum != old.checksum {
            return Err(Error::OldVersion {
                name: self.name(),
                lines: vec![],
            });
        }
        stage.done("the old version runs");
        Ok(())
    }

    async fn roll_back_to(&self, old: &Deployment) -> Result<(), Error> {
        let mut times = Times::start();
        let (session, boot, look) = self.look(&mut times).await?;
        let status = look.status;
        if status.booted.checksum == old.checksum {
            return Ok(());
        }
        self.stage_rollback(&session, &status, &mut times).await?;
        let wanted = Version::Deployment(old.clone());
        let way = Way {
            session,
            boot,
            soft: false,
        };
        self.boot(&wanted, &status.booted, way, None, &mut times)
            .await?;
        Ok(())
    }
}
