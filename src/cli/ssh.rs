//! `podman-bootc ssh`, and the sessions of `run`.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::Context;
use super::args::session::SessionArgs;
use super::args::vm::VmArg;
use crate::guest::shell::shell_line;
use crate::guest::ssh::config::HostBlock;
use crate::guest::ssh::endpoint::Endpoint;
use crate::guest::ssh::session::Session;
use crate::host::process;
use crate::text::Progress;
use crate::vm::{Vm, lifecycle};

/// Open a shell in a running VM, or run a command in it
///
/// Waits until the VM is ready.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    session: SessionArgs,
    #[command(flatten)]
    vm: VmArg,
    /// A command: one word is a shell command line, several words are passed on unchanged
    #[arg(trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<u8> {
        let vm = self.vm.find(context)?;
        let user = self.session.user(&vm);
        let stage = self.session.progress().stage("boot");
        let ready = context.session(&vm, &user, self.session.timeout, stage)?;
        let target = Target {
            vm: &vm,
            user: &user,
            endpoint: ready.endpoint,
        };
        run(context, &target, ready.session, &self.command)
    }
}

/// The VM and user of a session.
pub(super) struct Target<'a> {
    pub vm: &'a Vm,
    pub user: &'a str,
    pub endpoint: Endpoint,
}

/// Runs a command in the session, or a shell through the system's `ssh`. Returns the exit code.
pub(super) fn run(
    context: &Context,
    target: &Target,
    session: Session,
    command: &[OsString],
) -> Result<u8> {
    if command.is_empty() {
        context.block_on(session.close());
        return interactive(target);
    }
    let code = context.block_on(session.run(&shell_line(command)?))?;
    Ok(u8::try_from(code).unwrap_or(255))
}

fn interactive(target: &Target) -> Result<u8> {
    let program =
        which::which("ssh").context("can't find `ssh` on PATH: install the OpenSSH client")?;
    let block = HostBlock {
        user: target.user.to_owned(),
        ..lifecycle::host_block(target.vm)?
    };
    let mut ssh = Command::new(program);
    // The user's own configuration isn't meant for the guest. Our login has pinned the guest's host
    // key.
    ssh.arg("-F")
        .arg("none")
        .arg("-o")
        .arg("StrictHostKeyChecking=yes");
    let mut options = block.options();
    match target.endpoint {
        Endpoint::Tcp(port) => options.push(("Port", port.to_string())),
        Endpoint::Vsock(_) => options.push(block.proxy()),
    }
    for (name, value) in options {
        ssh.arg("-o").arg(format!("{name}={value}"));
    }
    ssh.arg(Ipv4Addr::LOCALHOST.to_string());
    let code = process::exit_code(process::interactive(&mut ssh)?);
    Ok(u8::try_from(code).unwrap_or(255))
}
