//! The work in a running VM: an upgrade or a rollback from its beginning to its end.

use std::time::Instant;

use tokio::io::{empty, stderr};

use super::decision::{Action, Target};
use super::error::Error;
use super::guest;
use super::job::{After, Job, Wish};
use super::report::{Report, Times};
use super::status::Deployment;
use super::versions::{Version, installed};
use crate::disk::InstalledLayer;
use crate::host::fs::file::IoContext as _;
use crate::host::fs::lock::Lock;
use crate::text::seconds;
use crate::vm::{Name, lifecycle, snapshots};

/// Held while a process changes the version of a VM.
const LOCK: &str = "upgrade.lock";
/// The snapshot that `--auto-rollback` takes.
const SAVED: &str = "before-upgrade";

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
        let stage = self.progress.stage("look");
        let session = self.session(&*stage).await?;
        let (_, output) = session.capture_script(&guest::look()).await?;
        let look = guest::read_look(&output).map_err(|source| self.unfit(source))?;
        times.end("look");
        stage.done(&format!("runs {}", look.status.booted.digest));
        let mut report = Report {
            vm: name,
            image: None,
            action: Action::Rollback,
            from: look.status.booted.digest.clone(),
            to: String::new(),
            booted: true,
            soft_reboot: false,
            sent: 0,
            received: 0,
            layers: 0,
            fetched: 0,
            seconds: vec![],
        };
        let wanted = match wish {
            Wish::Rollback => {
                let back = look.status.rollback.clone();
                let back = back.ok_or_else(|| Error::NoRollback(self.name()))?;
                self.stage_rollback(&session, &look.status, &mut times)
                    .await?;
                Version::Deployment(back)
            }
            Wish::Image {
                podman,
                image,
                reference,
            } => {
                let endpoint = self.save(podman, image, &look.status, &mut times).await?;
                let installed = installed(endpoint.folder());
                let target = Target {
                    digests: [&installed.manifest, &installed.config],
                    reference: *reference,
                };
                report.image = Some(image.reference.clone());
                report.action = target.action(&look.status);
                match report.action {
                    Action::None => {
                        self.remember(Some((*image).clone()), installed)?;
                        report.to = look.status.booted.digest;
                        report.seconds = times.stages();
                        return Ok(report);
                    }
                    Action::Reboot => {}
                    Action::Rollback => {
                        self.stage_rollback(&session, &look.status, &mut times)
                            .await?;
                    }
                    Action::Upgrade | Action::Switch => {
                        self.check_space(&endpoint, &look)?;
                        let follows = look.status.follows.as_ref();
                        let reference = reference
                            .or(follows.map(|follows| follows.image.as_str()))
                            .unwrap_or(&image.reference)
                            .to_owned();
                        self.pull(&session, &report.action, &reference, &endpoint, &target)
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
                Version::Image(installed)
            }
        };
        let After::Reboot {
            soft,
            check,
            auto_rollback,
        } = self.after
        else {
            session.close().await;
            report.to = wanted.digest().to_owned();
            report.booted = false;
            report.seconds = times.stages();
            return Ok(report);
        };
        let before = look.status.booted;
        let soft = soft && self.is_soft(&session).await?;
        session.close().await;
        let saved: Name = SAVED.parse()?;
        if auto_rollback {
            snapshots::create_live(self.vm, self.store, &saved).await?;
            times.end("snapshot");
        }
        report.soft_reboot = soft;
        let booted = self.boot(&wanted, &before, soft, check, &mut times).await;
        let booted = match booted {
            Err(error) if auto_rollback => {
                return Err(self.go_back(error, &before, &saved).await);
            }
            booted => booted?,
        };
        if auto_rollback {
            snapshots::remove_live(self.vm, self.store, &saved).await?;
        }
        report.to = booted.digest;
        match (wanted, wish) {
            (Version::Image(installed), Wish::Image { image, .. }) => {
                self.remember(Some((*image).clone()), installed)?;
            }
            _ => self.remember_digest(&report.to)?,
        }
        report.seconds = times.stages();
        Ok(report)
    }

    /// Reboots into the new version, verifies that it runs, and checks it.
    async fn boot(
        &self,
        wanted: &Version,
        before: &Deployment,
        soft: bool,
        check: Option<&str>,
        times: &mut Times,
    ) -> Result<Deployment, Error> {
        let start = Instant::now();
        let stage = self.progress.stage("reboot");
        let session = self.reboot(&*stage, soft).await?;
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
            let code = session
                .exec(command, empty(), &mut stdout, &mut errors)
                .await?;
            times.end("check");
            if code != 0 {
                return Err(Error::Check {
                    name: self.name(),
                    command: command.to_owned(),
                    code,
                });
            }
        }
        session.close().await;
        Ok(status.booted)
    }

    fn rolls_back(&self) -> bool {
        matches!(
            self.after,
            After::Reboot {
                auto_rollback: true,
                ..
            }
        )
    }

    /// Brings the old version back after an error of the new one; returns the error for the user.
    async fn go_back(&self, first: Error, old: &Deployment, saved: &Name) -> Error {
        let unreachable = matches!(first, Error::Vm(_) | Error::Session(_));
        let first = crate::text::error_chain(&first);
        self.progress.note(&format!("{first}; rolling back"));
        let name = self.name();
        let by_bootc = match unreachable {
            true => false,
            // A guest that can't roll back by itself gets its old disks.
            false => match self.roll_back_to(old).await {
                Ok(()) => snapshots::remove_live(self.vm, self.store, saved)
                    .await
                    .is_ok(),
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
        snapshots::restore(self.vm, saved)?;
        snapshots::remove(self.vm, saved)?;
        drop(taken);
        lifecycle::start(self.vm, self.store, false).await?;
        let session = self.session(&*stage).await?;
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
        let stage = self.progress.stage("look");
        let session = self.session(&*stage).await?;
        let status = self.deployments(&session).await?;
        if status.booted.checksum == old.checksum {
            return Ok(());
        }
        let mut times = Times::start();
        self.stage_rollback(&session, &status, &mut times).await?;
        session.close().await;
        let wanted = Version::Deployment(old.clone());
        self.boot(&wanted, &status.booted, false, None, &mut times)
            .await?;
        Ok(())
    }
}
