//! `podman-bootc ssh-config`, and the `proxy` that it names.

use std::io::{self, Write};
use std::net::Shutdown;

use anyhow::{Context as _, Result};

use super::Context;
use crate::guest::ssh::config;
use crate::ui::{say, tell};
use crate::vm::{lifecycle, ready};

/// Print a Host block for OpenSSH, or make OpenSSH know all VMs
///
/// With it, ssh, scp, rsync, Ansible and editors reach a VM as NAME.bootc.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc ssh-config --install        once; from then on for all VMs:
  ssh web.bootc
  scp file web.bootc:/tmp/")]
pub struct Args {
    /// Add one line to ~/.ssh/config that holds for all VMs, present and future
    #[arg(long)]
    install: bool,
    /// The VM: its name, ID or the beginning of its ID
    #[arg(required_unless_present = "install")]
    vm: Option<String>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        if self.install {
            let home =
                directories::UserDirs::new().context("no home folder is known for this user; set HOME")?;
            let config = home.home_dir().join(".ssh/config");
            for entry in context.store.list() {
                if let Some(vm) = entry.vm() {
                    lifecycle::write_ssh_config(&vm)?;
                }
            }
            let new = config::include(&config, &context.dirs.vms())
                .with_context(|| format!("can't change {}", config.display()))?;
            let what = if new { "now includes" } else { "already includes" };
            tell(format!("{} {what} all VMs: use them as NAME.bootc", config.display()));
        }
        if let Some(name) = &self.vm {
            let vm = context.store.find(name)?;
            say(lifecycle::host_block(&vm)?.text());
        }
        Ok(())
    }
}

/// Pass standard input and output on to a VM's sshd, once that answers
#[derive(Debug, clap::Args)]
pub struct ProxyArgs {
    /// The VM
    vm: String,
}

impl ProxyArgs {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let vm = context.store.find(&self.vm)?;
        let answer = context.block_on(async {
            let mut client = lifecycle::attach(&vm, &context.store).await?;
            ready::wait_answering(&mut client, &vm).await
        })?;
        let mut from_guest = answer.stream;
        let mut to_guest = from_guest.try_clone()?;
        // The thread ends with the process.
        std::thread::spawn(move || {
            // When either side is gone there is nothing left to pass on.
            let _ = io::copy(&mut io::stdin().lock(), &mut to_guest);
            let _ = to_guest.shutdown(Shutdown::Write);
        });
        let mut output = Unbuffered(io::stdout().lock());
        match io::copy(&mut from_guest, &mut output) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Standard output keeps what is after the last newline; ssh waits for it.
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
