//! The steps of the work in the guest.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use tokio::io::{AsyncWrite, duplex};
use tokio::time::{interval, timeout};

use super::decision::{Action, Target};
use super::drop_in::{self, Repository};
use super::error::Error;
use super::guest::{self, Done};
use super::job::{After, Job};
use super::report::Times;
use super::status::Status;
use super::versions::is;
use crate::guest::ssh::session::{self, Session};
use crate::hypervisor::accelerator::Accelerator;
use crate::image::{Image, Podman};
use crate::registry::{self, Endpoint, OciFolder};
use crate::text::{Stage, format_size};
use crate::vm::boot::{Boot, Wanted};
use crate::vm::lifecycle;
use crate::vm::ready::{self, Condition, GuestPort};
use crate::vm::reboot::{self, Extent};
use crate::vm::spec::Deployed;
use crate::vm::spec::settings::Nic;

/// Time limit for bootc, which may pull a whole image into an emulated guest.
const BOOTC_TIME: Duration = Duration::from_secs(60 * 60);
/// The part of a reboot's time limit in which bootc's unit makes a staged deployment the default.
const FINALIZE_TIME: Duration = Duration::from_secs(5 * 60);
const PROGRESS_TIME: Duration = Duration::from_millis(250);

impl Job<'_> {
    pub(super) async fn session(
        &self,
        stage: &dyn Stage,
        wanted: &Wanted,
    ) -> Result<Session, Error> {
        let mut client = lifecycle::attach(self.vm, self.store).await?;
        let ready = ready::wait_until(
            &mut client,
            self.vm,
            self.user,
            self.timeout,
            Some(stage),
            wanted,
            &Condition::Ssh,
        )
        .await?;
        Ok(ready.session)
    }

    /// The time limit for a boot alone.
    fn boot_time(&self) -> Duration {
        match self.vm.record().accelerator {
            Some(Accelerator::Tcg) | None => ready::READY_TIME_EMULATED,
            Some(_) => ready::READY_TIME,
        }
    }

    /// Reboots the system of a session.
    pub(super) async fn reboot(
        &self,
        stage: &dyn Stage,
        soft: bool,
        (session, boot): (Session, Boot),
    ) -> Result<Session, Error> {
        let reboot = reboot::Reboot {
            vm: self.vm,
            store: self.store,
            user: self.user,
            extent: match soft {
                true => Extent::Userspace,
                false => Extent::Whole,
            },
            timeout: Some(self.timeout.unwrap_or(FINALIZE_TIME + self.boot_time())),
        };
        let ssh = Some(&Condition::Ssh);
        match reboot.run_in(session, boot, stage, ssh).await? {
            Some(ready) => Ok(ready.session),
            None => self.session(stage, &Wanted::Lasting).await,
        }
    }

    pub(super) async fn deployments(&self, session: &Session) -> Result<Status, Error> {
        let (_, output) = session.capture_script(&guest::deployments()).await?;
        guest::read_deployments(&output).map_err(|source| self.unfit(source))
    }

    pub(super) async fn stage_rollback(
        &self,
        session: &Session,
        status: &Status,
        times: &mut Times,
    ) -> Result<(), Error> {
        let stage = self.progress.stage("rollback");
        if status.rollback_queued {
            // bootc would take the queued rollback back.
            stage.done("the version before is the next to boot already");
            return Ok(());
        }
        if status.staged.is_some() {
            stage.note("the rollback drops the version that is staged in the VM");
        }
        let script = guest::change(&Action::Rollback, &[], None);
        let mut done = self.change(session, "rollback", &script).await?;
        // With ostree, a rollback that was queued before another version was staged is taken back.
        if status.staged.is_some() && done.takes_rollback_back() {
            done = self.change(session, "rollback", &script).await?;
            if done.takes_rollback_back() {
                return Err(Error::NotQueued {
                    name: self.name(),
                    lines: done.lines,
                });
            }
        }
        times.end("rollback");
        stage.done("the version before is the next to boot");
        Ok(())
    }

    /// Lets the next reboot boot what `bootc upgrade --download-only` has staged.
    pub(super) async fn unlock(&self, session: &Session, times: &mut Times) -> Result<(), Error> {
        let mut words = vec!["--from-downloaded"];
        words.extend(self.soft_word());
        let script = guest::change(&Action::Unlock, &words, None);
        self.change(session, "upgrade", &script).await?;
        times.end("unlock");
        Ok(())
    }

    /// Returns whether bootc can prepare a soft reboot to what is staged already, and must.
    pub(super) fn prepares_soft_reboot(&self, status: &Status) -> bool {
        let staged = status.staged.as_ref();
        self.soft_word().is_some()
            && staged.is_some_and(|staged| staged.soft_reboot && !staged.composefs)
    }

    /// Lets bootc prepare a reboot without the kernel, if the user wishes one.
    fn soft_word(&self) -> Option<&'static str> {
        matches!(self.after, After::Reboot(reboot) if reboot.soft).then_some(guest::SOFT_REBOOT)
    }

    pub(super) async fn save(
        &self,
        podman: &Podman,
        image: &Image,
        status: &Status,
        times: &mut Times,
    ) -> Result<Endpoint, Error> {
        let stage = self.progress.stage("image");
        stage.update("saving what the guest lacks");
        // Those of which the guest's disk has all layers.
        let on_disk = |version: &Deployed| status.digests().any(|one| is(&version.installed, one));
        let known: Vec<(String, u64)> = self
            .versions()
            .into_iter()
            .filter(on_disk)
            .flat_map(|version| version.installed.layers)
            .map(|layer| (layer.digest, layer.size))
            .collect();
        let (podman, image) = (podman.clone(), image.clone());
        let parent = self.store.dirs().registry();
        let reference = self.tagged(&image, status);
        let reference = drop_in::without_digest(reference).unwrap_or(reference.to_owned());
        let tag = Repository::of(&reference).tag.map(str::to_owned);
        let save = move || {
            let known = known.iter().map(|(digest, size)| (digest.as_str(), *size));
            OciFolder::save(&podman, &image, known, &parent)
        };
        let folder = tokio::task::spawn_blocking(save).await??;
        times.end("image");
        stage.done(&format!(
            "{} to fetch of {} layers",
            format_size(folder.unknown_bytes()),
            folder.layers().len()
        ));
        Ok(Endpoint::secret(folder, tag.as_deref())?)
    }

    /// Pulls the image in the guest, and stages it there.
    pub(super) async fn pull(
        &self,
        session: &Session,
        action: &Action,
        reference: &str,
        endpoint: &Endpoint,
        target: &Target<'_>,
    ) -> Result<(), Error> {
        let stage = self.progress.stage("pull");
        stage.update("pulling in the guest");
        let client = lifecycle::attach(self.vm, self.store).await?;
        let forwarded = ready::forward_from_guest(&client, self.vm, self.user, session).await;
        let network = match (&forwarded, self.vm.features().loopback) {
            (Err(session::Error::NoForwarding), Some(host))
                if self.vm.spec.settings.nic == Nic::User =>
            {
                stage.note("the guest's sshd forbids forwarding: it pulls over its network");
                Some((host, registry::listen().await.map_err(Error::Listen)?))
            }
            _ => None,
        };
        let (place, serve, _second) = match network {
            Some((host, (port, streams))) => {
                let serve = endpoint.serve_all(streams).boxed_local();
                (format!("{host}:{port}"), serve, None)
            }
            None => {
                let GuestPort {
                    port,
                    streams,
                    second,
                } = forwarded?;
                let serve = endpoint.serve_all(streams).boxed_local();
                (format!("127.0.0.1:{port}"), serve, second)
            }
        };
        let repository = Repository::of(reference).name;
        let drop_in = drop_in::content(repository, &place, endpoint.repository());
        let mut words: Vec<&str> = self.soft_word().into_iter().collect();
        let verb = match action {
            Action::Switch => {
                words.push(reference);
                "switch"
            }
            _ => "upgrade",
        };
        let script = guest::change(action, &words, Some(&drop_in));
        let mut ticks = interval(PROGRESS_TIME);
        let show = async {
            loop {
                ticks.tick().await;
                let sent = endpoint.counts().sent;
                stage.update(&format!("pulling in the guest, {}", format_size(sent)));
            }
        };
        let done = tokio::select! {
            done = self.change(session, verb, &script) => done,
            () = serve => unreachable!("its connections come as long as bootc runs"),
            () = show => unreachable!("it never ends"),
        };
        // The host's own failure explains the guest's.
        if let (Err(_), Some(failure)) = (&done, endpoint.failure()) {
            return Err(failure.into());
        }
        let Done { status, lines } = done?;
        let staged = status.and_then(|status| status.staged);
        match staged {
            Some(staged) if target.is(&staged) => {
                stage.done(&format!("{} moved", format_size(endpoint.counts().sent)));
                Ok(())
            }
            _ => Err(Error::NotStaged {
                name: self.name(),
                verb,
                lines,
            }),
        }
    }

    /// Runs a script in which bootc works.
    pub(super) async fn change(
        &self,
        session: &Session,
        verb: &'static str,
        script: &str,
    ) -> Result<Done, Error> {
        // The script takes the end of its input for the end of the session.
        let (_open, stdin) = duplex(1);
        let (mut output, mut errors) = (Tail::default(), Tail::default());
        let limit = self.timeout.unwrap_or(BOOTC_TIME);
        let work = session.script(script, stdin, &mut output, &mut errors);
        let code = timeout(limit, work).await;
        let text = output.text() + &errors.text();
        let Ok(code) = code else {
            return Err(Error::Slow {
                name: self.name(),
                verb,
                seconds: limit.as_secs(),
                lines: guest::last_lines(&text),
            });
        };
        let code = code.map_err(|source| match source.is_loss() {
            true => Error::Lost {
                name: self.name(),
                verb,
                lines: guest::last_lines(&text),
                source,
            },
            false => source.into(),
        })?;
        let done = guest::read_change(code, &text).map_err(|source| self.unfit(source))?;
        match code {
            0 => Ok(done),
            code => Err(Error::Bootc {
                name: self.name(),
                verb,
                code,
                lines: done.lines,
            }),
        }
    }

    /// Returns whether bootc has prepared a reboot without the kernel.
    pub(super) async fn is_soft(&self, session: &Session) -> Result<bool, Error> {
        let (_, output) = session.capture_script(&guest::next_root()).await?;
        let soft = guest::read_next_root(&output).map_err(|source| self.unfit(source))?;
        if !soft {
            self.progress.note(
                "bootc has prepared no soft reboot to this version: the whole system reboots",
            );
        }
        Ok(soft)
    }

    pub(super) fn check_space(&self, endpoint: &Endpoint, look: &guest::Look) -> Result<(), Error> {
        let folder = endpoint.folder();
        // bootc's composefs backend wants room for all layers, the other one for the new ones.
        let needed = match look.status.booted.composefs {
            true => folder.layers().iter().map(|layer| layer.size).sum(),
            false => folder.unknown_bytes(),
        };
        match look.free {
            Some(free) if free < needed => Err(Error::Space {
                name: self.name(),
                needed,
                free,
            }),
            _ => Ok(()),
        }
    }

    /// Returns the reference that the guest asks for.
    pub(super) fn tagged<'b>(&self, image: &'b Image, status: &'b Status) -> &'b str {
        let own = self.vm.spec.running_image().map(|own| &own.reference);
        match &status.follows {
            Some(follows) if own == Some(&image.reference) => &follows.image,
            _ => &image.reference,
        }
    }
}

/// The end of a program's output.
#[derive(Debug, Default)]
struct Tail(Vec<u8>);

impl Tail {
    /// More than `bootc status` prints. Bytes.
    const MOST: usize = 256 << 10;

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl AsyncWrite for Tail {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.extend_from_slice(bytes);
        let extra = self.0.len().saturating_sub(Self::MOST);
        self.0.drain(..extra);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
