//! The work on one VM, from its beginning to its end.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::decision::{self, Facts, Reason, Side, Way};
use super::error::Error;
use super::guest::{self, Failure, Look};
use super::job::{Arrived, Job, Wish};
use super::layers::{Stack, running};
use super::report::Report;
use crate::guest::ssh::session::Session;
use crate::host::fault;
use crate::host::fs::file::{self, IoContext as _};
use crate::host::fs::lock::Lock;
use crate::hypervisor::Arch;
use crate::text::Stage;
use crate::vm::boot::{Boot, Wanted};
use crate::vm::ready::{self, Condition, Ready};
use crate::vm::spec::{Source, Spec};
use crate::vm::supervisor::client::Client;
use crate::vm::supervisor::protocol::{Message, Request};
use crate::vm::{State, Vm, create, lifecycle};

/// Held while a process replaces the image of a VM.
const LOCK: &str = "upgrade.lock";

impl Job<'_> {
    /// Does the work. Returns the way into a system that has started.
    ///
    /// # Errors
    /// The VM has a disk, or a step fails. The old system runs, unless the new one has started.
    pub async fn run(&mut self, wish: &Wish<'_>) -> Result<(Report, Option<Arrived>), Error> {
        let name = self.name();
        if !self.vm.spec.is_ephemeral() {
            return Err(Error::Disk(name));
        }
        if Arch::from_oci(&wish.image.architecture) != Some(self.vm.spec.arch) {
            return Err(Error::Architecture {
                name,
                vm: self.vm.spec.arch.name(),
                image: wish.image.reference.clone(),
                architecture: wish.image.architecture.clone(),
            });
        }
        let path = self.vm.folder.join(LOCK);
        let Some(_lock) = Lock::try_acquire(&path).writing(&path)? else {
            return Err(Error::Busy(name));
        };
        // Another process may have changed it before this one had the lock.
        *self.vm = Vm::open(&self.vm.folder)?;
        let mut new = self.vm.spec.clone();
        create::set_image(&mut new, wish.image, wish.boot)?;
        let files: Vec<PathBuf> = wish.boot.roots().map(|(_, file)| file.to_owned()).collect();
        let stack = Stack::of(&files, self.vm.spec.machine_roots());
        let mut report = Report {
            vm: name,
            image: wish.image.reference.clone(),
            id: wish.image.id.clone(),
            way: "",
            reason: None,
            layers: stack.new.len(),
            bytes: stack.new_bytes(),
            seconds: 0.0,
        };
        let start = Instant::now();
        let (way, arrived) = match self.vm.state() {
            State::Running => self.replace(wish, &new, stack).await?,
            State::Creating | State::Stopped | State::Suspended | State::Crashed(_) => {
                let _taken = lifecycle::take(self.vm)?;
                self.set_image(&new)?;
                (Way::NextStart, None)
            }
        };
        report.set_way(&way);
        report.seconds = start.elapsed().as_secs_f64();
        Ok((report, arrived))
    }

    async fn replace(
        &mut self,
        wish: &Wish<'_>,
        new: &Spec,
        stack: Stack,
    ) -> Result<(Way, Option<Arrived>), Error> {
        let stage = self.progress.stage("replace");
        let old = self.vm.spec.clone();
        let plugs = self.vm.features().plugs;
        let mut facts = facts(&old, new, plugs, wish.restart)?;
        // The rest is about the guest, which need not answer.
        if let way @ Way::Machine(_) = decision::decide(&facts) {
            return self.restart(&*stage, new, way).await;
        }
        let ready = self.ready(&*stage, &Wanted::Lasting).await?;
        let look = self.look(&ready.session).await?;
        facts.same_root = look.stack == stack.serials;
        let way = match decision::decide(&facts) {
            Way::None => {
                self.set_image(new)?;
                Way::None
            }
            Way::Userspace => match self.userspace(&*stage, new, &stack, &ready, &look).await? {
                None => Way::Userspace,
                Some(reason) => Way::Machine(reason),
            },
            way => way,
        };
        ready.session.close().await;
        match way {
            Way::Machine(_) => self.restart(&*stage, new, way).await,
            Way::Userspace => {
                let arrived = self.verify(&*stage, ready.boot, &stack).await?;
                Ok((way, Some(arrived)))
            }
            way => Ok((way, None)),
        }
    }

    /// Restarts the userspace. A reason means that the guest is as before, and the machine must
    /// start anew.
    async fn userspace(
        &mut self,
        stage: &dyn Stage,
        new: &Spec,
        stack: &Stack,
        ready: &Ready,
        look: &Look,
    ) -> Result<Option<Reason>, Error> {
        stage.update("plugging in the new layers");
        if let Some(reason) = self.plug_layers(stack, look).await? {
            return Ok(Some(reason));
        }
        stage.update("stacking the new root");
        let serials: Vec<&str> = stack.serials.iter().map(String::as_str).collect();
        let userxattr = side(new).cmdline.contains("podman-bootc.userxattr");
        let script = guest::stack(&serials, userxattr);
        let (code, output) = ready.session.capture_script(&script).await?;
        match guest::failure(code, &output) {
            None => {}
            Some(failure) => {
                let unused = stack.new.iter().map(|(serial, _)| serial.clone());
                self.unplug_layers(unused.collect()).await?;
                return match failure {
                    Failure::Unseen => Ok(Some(Reason::Unseen)),
                    Failure::Other(why) => Err(self.failed(why)),
                };
            }
        }
        let old = self.vm.spec.clone();
        self.set_image(new)?;
        fault::point("image-in-settings");
        stage.update("restarting the userspace");
        match ready.session.capture_script(&guest::switch()).await {
            Ok((code, output)) => {
                if let Some(Failure::Other(why)) = guest::failure(code, &output)
                    && code < 128
                {
                    self.set_image(&old)?;
                    return Err(self.failed(why));
                }
            }
            // The system was faster than its answer.
            Err(error) if error.is_loss() => {}
            Err(error) => return Err(error.into()),
        }
        fault::point("userspace-restarts");
        Ok(None)
    }

    /// Waits for the new userspace, and gives up the layers of the old one.
    async fn verify(
        &mut self,
        stage: &dyn Stage,
        before: Option<Boot>,
        stack: &Stack,
    ) -> Result<Arrived, Error> {
        let mut client = lifecycle::attach(self.vm, self.store).await?;
        // A supervisor that has exited ends the wait.
        let _ = client.send(&Request::UserspaceRestarts).await;
        let wanted = before.map_or(Wanted::Lasting, Wanted::After);
        let ready = self.wait(&mut client, stage, &wanted).await?;
        let look = self.look(&ready.session).await?;
        if look.stack != stack.serials {
            return Err(Error::OldRoot {
                name: self.name(),
                why: format!("its root has the disks {}", look.stack.join(", ")),
            });
        }
        let unused = self.unused(&look, &stack.serials);
        self.unplug_layers(unused).await?;
        Ok(Arrived {
            client,
            session: ready.session,
        })
    }

    /// Starts the machine anew, and waits for it.
    async fn restart(
        &mut self,
        stage: &dyn Stage,
        new: &Spec,
        way: Way,
    ) -> Result<(Way, Option<Arrived>), Error> {
        if let Way::Machine(reason) = &way {
            stage.note(&format!("the machine starts anew, because {reason}"));
        }
        self.set_image(new)?;
        fault::point("image-in-settings");
        let mut client = lifecycle::attach(self.vm, self.store).await?;
        // Only the user's own disks and folders outlive the machine.
        let settings = &self.vm.spec.settings;
        let keeps = !settings.disks.is_empty() || !settings.shares.is_empty();
        let seconds = match keeps {
            true => lifecycle::stop_time(self.vm),
            false => 0,
        };
        // A supervisor that has exited ends the wait.
        let _ = client.send(&Request::Restart { seconds }).await;
        stage.update("ending the old system");
        while client.next().await? != Message::REBOOTED {}
        let ready = self.wait(&mut client, stage, &Wanted::Lasting).await?;
        let session = ready.session;
        Ok((way, Some(Arrived { client, session })))
    }

    /// Writes the image to the VM's settings. A running machine keeps what it has.
    fn set_image(&mut self, new: &Spec) -> Result<(), Error> {
        let is_running = self.vm.state() == State::Running;
        self.vm.change_spec(|spec| {
            let running = is_running.then(|| running(spec));
            create::copy_image(spec, new);
            if let Some(running) = running {
                spec.set_replaced(running);
            }
            Ok::<_, Error>(())
        })
    }

    async fn ready(&self, stage: &dyn Stage, wanted: &Wanted) -> Result<Ready, Error> {
        let mut client = lifecycle::attach(self.vm, self.store).await?;
        self.wait(&mut client, stage, wanted).await
    }

    async fn wait(
        &self,
        client: &mut Client,
        stage: &dyn Stage,
        wanted: &Wanted,
    ) -> Result<Ready, Error> {
        let (time, condition) = (self.timeout, Condition::Ssh);
        let stage = Some(stage);
        let ready =
            ready::wait_until(client, self.vm, self.user, time, stage, wanted, &condition).await?;
        for fault in &ready.faults {
            self.progress.note(&fault.to_string());
        }
        Ok(ready)
    }

    async fn look(&self, session: &Session) -> Result<Look, Error> {
        let (_, output) = session.capture_script(&guest::look()).await?;
        Ok(guest::read_look(&output))
    }

    fn failed(&self, why: String) -> Error {
        Error::Guest {
            name: self.name(),
            why,
        }
    }
}

/// Returns what the two specs tell. The guest tells the rest.
fn facts<'a>(
    old: &'a Spec,
    new: &'a Spec,
    plugs: bool,
    restart: bool,
) -> Result<Facts<'a>, file::Error> {
    let same = |file: fn(&Spec) -> Option<&Path>| match (file(old), file(new)) {
        (Some(old), Some(new)) => file::have_same_content(old, new).reading(new),
        _ => Ok(false),
    };
    Ok(Facts {
        same_kernel: same(|spec| Some(direct(spec)?.0))?,
        same_initramfs: same(|spec| Some(direct(spec)?.1))?,
        old: side(old),
        new: side(new),
        same_root: false,
        plugs,
        restart,
    })
}

/// Returns the kernel, the initramfs and the command line.
fn direct(spec: &Spec) -> Option<(&Path, &Path, &str)> {
    match &spec.source {
        Source::Direct {
            kernel,
            initramfs,
            cmdline,
            ..
        } => Some((kernel, initramfs, cmdline)),
        Source::Disk { .. } | Source::Import { .. } => None,
    }
}

fn side(spec: &Spec) -> Side<'_> {
    Side {
        systemd: spec.systemd,
        blocks: spec.shared_root().is_none(),
        scratch: running(spec).scratch.is_some(),
        cmdline: direct(spec).map_or("", |(_, _, cmdline)| cmdline),
    }
}
