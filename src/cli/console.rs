//! `podman-bootc console`

use std::io::{self, Read, Write};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::Context;
use super::args::vm::VmArg;
use crate::host::net::socket;
use crate::host::process::interrupt;
use crate::host::terminal;
use crate::ui::tell;
use crate::vm::supervisor::console;
use crate::vm::{Vm, lifecycle};

/// ctrl-], as in virsh.
const DETACH_KEY: u8 = 0x1d;
const LOST: &str = "lost the connection to the console";

/// Attach to a running VM's serial console; ctrl-] detaches
///
/// `logs` still has the console's output. Several clients can attach at the same time.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    vm: VmArg,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let vm = self.vm.find(context)?;
        let name = &vm.spec.name;
        let ended = context.block_on(attach(&vm, context))?;
        tell(if ended {
            format!("\nVM {name} has ended")
        } else {
            format!("\nDetached from VM {name}")
        });
        Ok(())
    }
}

/// Passes bytes both ways. Returns true if the VM has ended, false if the user detached.
async fn attach(vm: &Vm, context: &Context) -> Result<bool> {
    // Fails if the VM is not running.
    lifecycle::attach(vm, &context.store).await?;
    let path = context.dirs.runtime_of(&vm.spec.id).join(console::SOCKET);
    let stream = socket::connect(&path)
        .await
        .context("can't attach to the console")?;
    let (mut read, mut write) = socket::split(stream);
    let takes_input = vm.features().console_input;
    let read_only = match takes_input {
        true => String::new(),
        false => format!(
            " (read-only: {} takes no input)",
            vm.spec.hypervisor.title()
        ),
    };
    tell(format!(
        "Attached to the console of VM {}{read_only}; ctrl-] detaches",
        vm.spec.name
    ));
    let _raw = terminal::RawMode::enter().context("can't switch the terminal to raw mode")?;
    let mut keys = keyboard();
    let mut typing = true;
    let mut buffer = vec![0; 16 << 10];
    loop {
        tokio::select! {
            count = read.read(&mut buffer) => match count {
                Ok(0) => return Ok(true),
                // Unfiltered, because the terminal belongs to the guest while the user is attached.
                Ok(count) => show(&buffer[..count])?,
                Err(error) => return Err(error).context(LOST),
            },
            bytes = keys.recv(), if typing => match bytes {
                Some(bytes) => {
                    let end = bytes.iter().position(|key| *key == DETACH_KEY);
                    if takes_input {
                        let bytes = &bytes[..end.unwrap_or(bytes.len())];
                        write.write_all(bytes).await.context(LOST)?;
                    }
                    if end.is_some() {
                        return Ok(false);
                    }
                }
                // The input has ended. The output is still shown.
                None => typing = false,
            },
            signal = interrupt::wait() => return Err(signal.into()),
        }
    }
}

/// Reads the keyboard on a thread that ends with the process.
fn keyboard() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        let mut input = io::stdin().lock();
        while let Ok(count @ 1..) = input.read(&mut buffer) {
            if sender.blocking_send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

fn show(bytes: &[u8]) -> Result<()> {
    let mut output = io::stdout().lock();
    output
        .write_all(bytes)
        .and_then(|()| output.flush())
        .context("can't write the console's output")
}
