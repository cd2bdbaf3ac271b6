//! The steps of the work in the guest.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

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
use crate::guest::ssh::session::Session;
use crate::image::{Image, Podman};
use crate::registry::{Endpoint, OciFolder};
use crate::text::{Stage, format_size};
use crate::vm::lifecycle;
use crate::vm::ready::{self, Condition, GuestPort, Wanted};
use crate::vm::reboot::{Extent, Reboot};
use crate::vm::spec::Deployed;

/// Time limit for bootc, which may pull a whole image into an emulated guest.
const BOOTC_TIME: Duration = Duration::from_secs(60 * 60);
/// Time limit for a reboot. bootc's unit that makes a staged deployment the default may take five
/// minutes of the shutdown.
const REBOOT_TIME: Duration = Duration::from_secs(25 * 60);
const PROGRESS_TIME: Duration = Duration::from_millis(250);

impl Job<'_> {
    pub(super) async fn session(&self, stage: &dyn Stage) -> Result<Session, Error> {
        let mut client = lifecycle::attach(self.vm, self.store).await?;
        let (wanted, condition) = (Wanted::Lasting, Condition::Ssh);
        let ready = ready::wait_until(
            &mut client,
            self.vm,
            self.user,
            self.timeout,
            Some(stage),
            &wanted,
            &condition,
        )
        .await?;
        Ok(ready.session)
    }

    pub(super) async fn reboot(&self, stage: &dyn Stage, soft: bool) -> Result<Session, Error> {
        let reboot = Reboot {
            vm: self.vm,
            store: self.store,
            user: self.user,
            extent: match soft {
                true => Extent::Userspace,
                false => Extent::Whole,
            },
            timeout: Some(self.timeout.unwrap_or(REBOOT_TIME)),
        };
        match reboot.run(stage, Some(&Condition::Ssh)).await? {
            Some(ready) => Ok(ready.session),
            // A guest that doesn't tell its boot.
            None => self.session(stage).await,
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
        if status.staged.is_some() {
            stage.note("the rollback drops the version that is staged in the VM");
        }
        let script = guest::change(&Action::Rollback, &[], None);
        self.change(session, "rollback", &script).await?;
        times.end("rollback");
        stage.done("the version before is the next to boot");
        Ok(())
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
        let tag = Repository::of(self.tagged(&image, status))
            .tag
            .map(str::to_owned);
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
        Ok(Endpoint::new(folder, tag.as_deref()))
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
        let GuestPort {
            port,
            streams,
            second: _session,
        } = ready::forward_from_guest(&client, self.vm, self.user, session).await?;
        let drop_in = drop_in::content(Repository::of(reference).name, port, endpoint.repository());
        let soft = matches!(self.after, After::Reboot { soft: true, .. });
        let mut words = Vec::new();
        words.extend(soft.then_some("--soft-reboot=auto"));
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
            () = endpoint.serve_all(streams) => unreachable!("the session holds the sender"),
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
        let code = code?;
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
        let staged = self.deployments(session).await?.staged;
        let soft = staged.is_some_and(|staged| staged.soft_reboot);
        if !soft {
            self.progress
                .note("this version can't be reached by a soft reboot: the whole system reboots");
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
