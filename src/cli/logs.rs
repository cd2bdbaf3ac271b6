//! `podman-bootc logs`

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Context;
use crate::host::interrupt;
use crate::ui::plain;
use crate::vm::Vm;
use crate::vm::client::Client;

/// Show what a VM's serial console wrote
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Go on until the VM ends
    #[arg(short, long)]
    follow: bool,
    /// The VM: its name, ID or the beginning of its ID
    vm: String,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let vm = context.store.find(&self.vm)?;
        let path = vm.console_log();
        let mut log = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(e).with_context(|| format!("can't read {}", path.display())),
        };
        copy(&mut log)?;
        if self.follow {
            context.block_on(follow(&mut log, &vm, context))?;
        }
        Ok(())
    }
}

/// Goes on copying: each message of the supervisor may mean more of the log.
async fn follow(log: &mut File, vm: &Vm, context: &Context) -> Result<()> {
    let Ok(mut client) = Client::attach(vm, &context.dirs, false).await else { return Ok(()) };
    loop {
        let over = tokio::select! {
            message = client.next() => message.is_none(),
            // A prompt is no whole line, and so no message.
            () = tokio::time::sleep(Duration::from_millis(200)) => false,
            signal = interrupt::wait() => return Err(signal.into()),
        };
        copy(log)?;
        if over {
            return Ok(());
        }
    }
}

fn copy(log: &mut File) -> Result<()> {
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes).context("can't read the console's log")?;
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        // A guest is not trusted with the user's terminal.
        let text = String::from_utf8_lossy(&bytes);
        bytes = text
            .split_inclusive('\n')
            .map(|line| plain(line) + if line.ends_with('\n') { "\n" } else { "" })
            .collect::<String>()
            .into_bytes();
    }
    match out.write_all(&bytes).and_then(|()| out.flush()) {
        // `logs | head` is no failure.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("can't write"),
    }
}
