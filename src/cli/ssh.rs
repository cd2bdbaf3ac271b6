//! `podman-bootc ssh`, and the sessions of `run`.

use std::ffi::{OsStr, OsString};
use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::Context;
use super::args::session::{SessionArgs, TerminalArgs};
use super::args::vm::VmArg;
use crate::guest::shell::shell_line;
use crate::guest::ssh::config::HostBlock;
use crate::guest::ssh::endpoint::Endpoint;
use crate::guest::ssh::session::Session;
use crate::host::process;
use crate::text::Progress;
use crate::vm::lifecycle;
use crate::vm::live::Live;
use crate::vm::store::instance::Door;

/// The exit codes of a command that SIGHUP, SIGKILL or SIGTERM ended, as a shutdown does.
const ENDED_BY_SIGNAL: [i32; 3] = [129, 137, 143];
/// The exit code of OpenSSH after a failure of its own.
const OPENSSH_FAILED: i32 = 255;

/// Open a shell in a running VM, or run a command in it
///
/// Waits until the VM is ready. After `--`, words from the first option on belong to OpenSSH's
/// `ssh`, which then runs the session.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc ssh web                              open a shell
  podman-bootc ssh web top                          run a command; it gets a terminal if you have one
  podman-bootc ssh web -- -L 8080:localhost:80      open a shell and forward a port
  podman-bootc ssh web -- -A git pull               forward your SSH agent to a command")]
pub struct Args {
    #[command(flatten)]
    session: SessionArgs,
    #[command(flatten)]
    terminal: TerminalArgs,
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
        let (mut client, ready) = context.session(&vm, &user, self.session.timeout, stage)?;
        let target = Target {
            live: Live {
                vm: &vm,
                store: &context.store,
                user: &user,
                client: &mut client,
                boot: ready.boot,
            },
            endpoint: ready.endpoint,
        };
        run(
            context,
            target,
            ready.session,
            &self.command,
            &self.terminal,
        )
    }
}

/// The VM and user of a session.
pub(super) struct Target<'a> {
    pub live: Live<'a>,
    pub endpoint: Endpoint,
}

/// Runs a command in the session, or a shell or OpenSSH's options through the system's `ssh`.
/// Returns the exit code.
pub(super) fn run(
    context: &Context,
    mut target: Target,
    session: Session,
    command: &[OsString],
    terminal: &TerminalArgs,
) -> Result<u8> {
    let code = if is_for_openssh(command) {
        context.block_on(session.close());
        let ssh = openssh(&target, command, terminal)?;
        let ended_early =
            |result: &Result<i32, process::Error>| matches!(result, Ok(OPENSSH_FAILED));
        let ssh = async { process::on_terminal(ssh).await.map(process::exit_code) };
        context.block_on(target.live.work(ssh, ended_early))??
    } else {
        let line = shell_line(command)?;
        let command = session.run(&line, terminal.is_wanted());
        let work = target.live.work(command, |result| match result {
            Ok(code) => ENDED_BY_SIGNAL.contains(code),
            Err(error) => error.is_loss(),
        });
        context.block_on(work)?.map_err(crate::vm::Error::from)?
    };
    Ok(u8::try_from(code).unwrap_or(255))
}

/// True for a shell, and for words that begin with an option: only after `--` can they do that.
fn is_for_openssh(command: &[OsString]) -> bool {
    let is_option = |word: &OsString| word.as_encoded_bytes().starts_with(b"-");
    command.first().is_none_or(is_option)
}

/// Returns the command line of the system's `ssh` with these words of the user.
fn openssh(target: &Target, words: &[OsString], terminal: &TerminalArgs) -> Result<Command> {
    let program =
        which::which("ssh").context("can't find `ssh` on PATH: install the OpenSSH client")?;
    let door = match target.endpoint {
        Endpoint::Tcp(_) | Endpoint::Vsock(_) => Door::Guest,
        Endpoint::Door(_) => Door::Direct,
    };
    let block = HostBlock {
        user: target.live.user.to_owned(),
        ..lifecycle::host_block(target.live.vm, door)?
    };
    let mut ssh = Command::new(program);
    ssh.args(openssh_words(&block, &target.endpoint, words, terminal));
    Ok(ssh)
}

/// OpenSSH takes the first value of an option, so that ours come first.
fn openssh_words(
    block: &HostBlock,
    endpoint: &Endpoint,
    words: &[OsString],
    terminal: &TerminalArgs,
) -> Vec<OsString> {
    // The user's own configuration isn't meant for the guest. Our login has pinned the guest's host
    // key.
    let mut all: Vec<OsString> = ["-F", "none", "-o", "StrictHostKeyChecking=yes"]
        .map(Into::into)
        .into();
    let mut options = block.options();
    match endpoint {
        Endpoint::Tcp(port) => options.push(("Port", port.to_string())),
        Endpoint::Vsock(_) | Endpoint::Door(_) => options.push(block.proxy()),
    }
    // Without an agent, `-A` has nothing to forward.
    options.retain(|(name, _)| words.is_empty() || *name != "IdentityAgent");
    for (name, value) in options {
        all.extend([OsStr::new("-o").into(), format!("{name}={value}").into()]);
    }
    all.extend(terminal.no_tty.then(|| "-T".into()));
    // Twice, OpenSSH asks for a terminal even if it has none.
    all.extend(terminal.tty.then(|| "-tt".into()));
    // OpenSSH takes options after the host, too, so that a command may follow them.
    all.push(Ipv4Addr::LOCALHOST.to_string().into());
    all.extend_from_slice(words);
    all
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &str) -> Result<Args, clap::Error> {
        let words = line.split_whitespace();
        Cli::try_parse_from(std::iter::once("ssh").chain(words)).map(|cli| cli.args)
    }

    #[test]
    fn words_after_two_dashes_belong_to_openssh_if_they_begin_with_an_option() {
        for (line, for_openssh, words) in [
            ("web", true, ""),
            ("web --", true, ""),
            ("web top", false, "top"),
            ("web ls -l", false, "ls -l"),
            ("web -- ls -l", false, "ls -l"),
            ("web -- -L 8080:localhost:80", true, "-L 8080:localhost:80"),
            ("web -- -A", true, "-A"),
            ("web -- -o X=Y cmd -x", true, "-o X=Y cmd -x"),
            ("web -- -t htop", true, "-t htop"),
            ("web -- -N", true, "-N"),
            ("web ls -- -x", false, "ls -- -x"),
            ("--user core web -- -D 1080", true, "-D 1080"),
        ] {
            let args = parse(line).unwrap();
            assert_eq!(is_for_openssh(&args.command), for_openssh, "{line}");
            assert_eq!(
                args.command,
                words.split_whitespace().collect::<Vec<_>>(),
                "{line}"
            );
        }
        assert!(parse("web -L 8080:localhost:80").is_err());
    }

    #[test]
    fn flags_of_the_terminal_stand_before_or_after_the_vm() {
        for (line, tty, no_tty, words) in [
            ("web top", false, false, "top"),
            ("-t web top", true, false, "top"),
            ("web -t top", true, false, "top"),
            ("web -tt top", true, false, "top"),
            ("web -it top", true, false, "top"),
            ("-i -t web top -t", true, false, "top -t"),
            ("--tty --interactive web top", true, false, "top"),
            ("-T web top", false, true, "top"),
            ("-t -T web top", false, true, "top"),
            ("-T web -t top", true, false, "top"),
        ] {
            let args = parse(line).unwrap();
            let terminal = &args.terminal;
            assert_eq!((terminal.tty, terminal.no_tty), (tty, no_tty), "{line}");
            assert_eq!(
                args.command,
                words.split_whitespace().collect::<Vec<_>>(),
                "{line}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn openssh_keeps_our_options_and_takes_the_users() {
        let block = HostBlock {
            name: "web".into(),
            user: "core".into(),
            keys: crate::guest::ssh::keys::Keys::in_folder(std::path::Path::new("/k")),
            program: "/p".into(),
        };
        let look = |line: &str| {
            let args = parse(line).unwrap();
            let words = openssh_words(&block, &Endpoint::Tcp(7), &args.command, &args.terminal);
            let output = Command::new("ssh").arg("-G").args(words).output().unwrap();
            assert!(output.status.success(), "{line}: {output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let ours = [
            "user core",
            "port 7",
            "hostkeyalias web",
            "stricthostkeychecking true",
        ];
        for (line, wanted) in [
            ("web", vec!["identityagent none", "requesttty auto"]),
            ("-T web", vec!["requesttty false"]),
            ("-t web", vec!["requesttty force"]),
            (
                "web -- -L 8080:localhost:80",
                vec!["localforward 8080 [localhost]:80"],
            ),
            ("web -- -A -p 9 -l x", vec!["forwardagent yes"]),
            ("web -- -D 1080 -N", vec!["dynamicforward 1080"]),
            (
                "web -- -o Port=9 -o Compression=yes cmd",
                vec!["compression yes"],
            ),
            ("web -- -t htop", vec!["requesttty true"]),
        ] {
            let text = look(line);
            for wanted in ours.iter().chain(&wanted) {
                assert!(
                    text.lines().any(|line| line == *wanted),
                    "{line}: {wanted}\n{text}"
                );
            }
        }
        assert!(!look("web -- -A").contains("identityagent none"));
    }
}
