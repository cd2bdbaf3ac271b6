//! The tool's folders and the async runtime, which every command uses.

use std::mem::ManuallyDrop;
use std::time::Duration;

use super::wait::console_hint;
use anyhow::{Context as _, Result, anyhow};
use tokio::runtime::Runtime;

use crate::guest::ssh::session;
use crate::host::fs::dirs::Dirs;
use crate::host::process::interrupt;
use crate::provision::Provisioner;
use crate::text::{Progress, Stage, parse_size};
use crate::vm::boot::Wanted;
use crate::vm::ready::{self, Condition, Ready};
use crate::vm::supervisor::client::Client;
use crate::vm::{self, Store, Vm, lifecycle};

/// The environment variable with the size limit of all base disks together.
const CACHE_LIMIT: &str = "PODMAN_BOOTC_CACHE_LIMIT";

pub struct Context {
    pub dirs: Dirs,
    pub store: Store,
    /// Never dropped, because the drop would wait for a thread that reads standard input.
    runtime: ManuallyDrop<Runtime>,
}

impl Context {
    /// Opens the tool's folders and installs the signal handlers.
    ///
    /// # Errors
    /// A folder can't be created.
    pub fn open() -> Result<Self> {
        interrupt::listen().context("can't install signal handlers")?;
        Self::new(Dirs::open()?)
    }

    /// Returns a context for another thread, which has a runtime of its own.
    ///
    /// # Errors
    /// The runtime can't be created.
    pub fn for_thread(&self) -> Result<Self> {
        Self::new(self.dirs.clone())
    }

    fn new(dirs: Dirs) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = ManuallyDrop::new(runtime.context("can't create the async runtime")?);
        Ok(Self {
            store: Store::new(&dirs),
            dirs,
            runtime,
        })
    }

    /// Returns the recipe of `run`, with this command's progress.
    ///
    /// # Errors
    /// `PODMAN_BOOTC_CACHE_LIMIT` is not a size.
    pub fn provisioner<'a>(&'a self, progress: &'a dyn Progress) -> Result<Provisioner<'a>> {
        let cache_limit = match std::env::var(CACHE_LIMIT) {
            Ok(text) if !text.is_empty() => Some(
                parse_size(&text).with_context(|| format!("environment variable {CACHE_LIMIT}"))?,
            ),
            _ => None,
        };
        Ok(Provisioner {
            dirs: &self.dirs,
            store: &self.store,
            progress,
            cache_limit,
            replaced: None,
        })
    }

    /// Returns a session with a VM as soon as the VM is ready and its system isn't shutting down.
    /// Faults in the guest's setup are only reported. The client hears of the guest's next reboot.
    ///
    /// # Errors
    /// The VM is not running, is hopeless, or is not ready in time.
    pub fn session(
        &self,
        vm: &Vm,
        user: &str,
        timeout: Option<Duration>,
        stage: Box<dyn Stage>,
    ) -> Result<(Client, Ready)> {
        self.session_when(vm, user, timeout, &Condition::Ssh, stage)
    }

    /// The same, as soon as the VM also meets the condition.
    ///
    /// # Errors
    /// As for [`Self::session`], or the condition can't be met.
    pub fn session_when(
        &self,
        vm: &Vm,
        user: &str,
        timeout: Option<Duration>,
        condition: &Condition,
        stage: Box<dyn Stage>,
    ) -> Result<(Client, Ready)> {
        let (client, ready) = self
            .block_on(async {
                let mut client = lifecycle::attach(vm, &self.store).await?;
                let wanted = Wanted::Lasting;
                let shown: Option<&dyn Stage> = Some(&*stage);
                let ready =
                    ready::wait_until(&mut client, vm, user, timeout, shown, &wanted, condition)
                        .await?;
                Ok((client, ready))
            })
            .inspect_err(|error| {
                if matches!(error, vm::Error::Hopeless { .. }) {
                    stage.note(&console_hint(&vm.spec.name));
                }
            })
            .map_err(|error| only_for(vm, user, error))?;
        ready
            .faults
            .iter()
            .for_each(|fault| stage.note(&fault.to_string()));
        Ok((client, ready))
    }

    /// Waits for a future on this thread.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

/// Adds to a refused login of another user that the VM's key is for its own user.
fn only_for(vm: &Vm, user: &str, error: vm::Error) -> anyhow::Error {
    let refused = matches!(error, vm::Error::Session(session::Error::Refused { .. }));
    let (name, own) = (&vm.spec.name, &vm.spec.user);
    if refused && user != own {
        return anyhow!(
            "{error}: VM {name} has a key for its user {own} only. Add the key to {user}'s \
             authorized keys, or create the VM with `run --user {user}`"
        );
    }
    error.into()
}
