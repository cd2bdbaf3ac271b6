//! `podman-bootc ssh-config`, and `proxy`, which OpenSSH runs.

use std::io::{self, Write};
use std::net::Shutdown;

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;

use super::Context;
use crate::guest::ssh::config;
use crate::ui::{say, tell};
use crate::vm::live::Live;
use crate::vm::{self, lifecycle, ready};

/// Print OpenSSH's settings for a VM, or add all VMs to OpenSSH's configuration
///
/// With these settings, ssh, scp, rsync, Ansible and editors reach a VM as NAME.bootc.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc ssh-config --install        once, for all VMs
  ssh web.bootc
  scp file web.bootc:/tmp/")]
pub struct Args {
    /// Add one line to ~/.ssh/config that applies to all present and future VMs
    #[arg(long)]
    install: bool,
    /// The VM: its name, its ID or a unique prefix of its ID
    #[arg(required_unless_present = "install")]
    vm: Option<String>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        if self.install {
            let home = directories::UserDirs::new()
                .context("can't find this user's home folder: set HOME")?;
            let config = home.home_dir().join(".ssh/config");
            for entry in context.store.list() {
                if let Some(vm) = entry.vm() {
                    lifecycle::write_ssh_config(&vm, vm.door())?;
                }
            }
            let new = config::include(&config, &context.dirs.vms())
                .with_context(|| format!("can't change {}", config.display()))?;
            let what = if new {
                "now includes"
            } else {
                "already includes"
            };
            tell(format!(
                "{} {what} all VMs: use them as NAME.bootc",
                config.display()
            ));
        }
        if let Some(name) = &self.vm {
            let vm = context.store.find(name)?;
            say(lifecycle::host_block(&vm, vm.door())?.text());
        }
        Ok(())
    }
}

/// Connect standard input and output to a VM's sshd as soon as it answers
#[derive(Debug, clap::Args)]
pub struct ProxyArgs {
    /// The VM
    vm: String,
}

impl ProxyArgs {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let vm = context.store.find(&self.vm)?;
        let (mut client, connection) = context.block_on(async {
            let mut client = lifecycle::attach(&vm, &context.store).await?;
            let connection = ready::wait_answering(&mut client, &vm).await?;
            Ok::<_, vm::Error>((client, connection))
        })?;
        let mut from_guest = connection.stream;
        let mut to_guest = from_guest.try_clone()?;
        // The threads end with the process.
        std::thread::spawn(move || {
            // An error means that one side is closed.
            let _ = io::copy(&mut io::stdin().lock(), &mut to_guest);
            let _ = to_guest.shutdown(Shutdown::Write);
        });
        let (sender, over) = oneshot::channel();
        std::thread::spawn(move || {
            let mut output = Unbuffered(io::stdout().lock());
            // Without a receiver, the process ends.
            let _ = sender.send(io::copy(&mut from_guest, &mut output));
        });
        let mut live = Live {
            vm: &vm,
            store: &context.store,
            user: &vm.spec.user,
            client: &mut client,
            boot: None,
        };
        match context.block_on(live.work(over, |_| false))?? {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Standard output without its line buffer, which would keep bytes that ssh waits for.
struct Unbuffered<'a>(io::StdoutLock<'a>);

impl Write for Unbuffered<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes)?;
        self.0.flush()?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
