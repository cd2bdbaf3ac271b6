//! The command line: one file per command, its arguments and its `run`.

mod args;
mod clone;
mod completion;
mod config;
mod console;
mod context;
mod cp;
mod disk;
mod doctor;
mod dry_run;
mod events;
mod generate;
mod help;
mod images;
mod inspect;
mod internal;
mod line;
mod list;
mod logs;
mod port;
mod prune;
mod reboot;
mod rename;
mod replace;
mod requirements;
mod rm;
mod run;
mod screenshot;
mod set;
mod snapshot;
mod ssh;
mod ssh_config;
mod start;
mod stop;
mod suspend;
mod system;
mod test;
mod trust;
mod upgrade;
mod wait;
mod watch;

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{CommandFactory, Parser, Subcommand};

use crate::host::process::interrupt;
use crate::host::process::interrupt::Interrupted;
use crate::{ui, vm};

pub use completion::script as completion_script;
pub use context::Context;

/// Exit code for a failure of the tool itself, as in podman.
const FAILURE: u8 = 125;
/// Exit code of `test` when a check failed.
const TEST_FAILED: u8 = 1;
/// Exit code for a VM that was not ready in time, as in timeout(1).
const TIMED_OUT: u8 = 124;

const PROGRAM: &str = "podman-bootc";
/// The version, with the commit and its date where the build knows them; see `build.rs`.
const VERSION: &str = env!("PODMAN_BOOTC_VERSION");
const EXIT_CODES: &str = "\
Exit codes:
  the command's own   from run and ssh with a command, and from a shell
  1                   from test: a check failed
  124                 the VM was not ready in time
  125                 the tool failed, or its arguments are wrong
  128 + N             signal N ended the tool: 130 after Ctrl-C, 143 after SIGTERM";

/// Boot a bootable container image in a VM, straight from podman's storage
#[derive(Debug, Parser)]
#[command(name = PROGRAM, version = VERSION, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    /// Log messages at and above this level, to stderr
    #[arg(long, global = true, value_name = "LEVEL", default_value = "warn", value_parser = parse_level)]
    log_level: tracing::level_filters::LevelFilter,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::Args>),
    Watch(Box<watch::Args>),
    #[command(visible_aliases = ["ls", "ps"])]
    List(list::Args),
    Ssh(ssh::Args),
    #[command(name = "ssh-config")]
    SshConfig(ssh_config::Args),
    Cp(cp::Args),
    Trust(trust::Args),
    Console(console::Args),
    Screenshot(screenshot::Args),
    Stop(stop::Args),
    Start(start::Args),
    Suspend(suspend::Args),
    #[command(visible_alias = "restart")]
    Reboot(reboot::Args),
    Upgrade(upgrade::Args),
    Rollback(upgrade::RollbackArgs),
    Replace(replace::Args),
    Test(Box<test::Args>),
    Wait(wait::Args),
    Set(set::Args),
    #[command(subcommand)]
    Snapshot(snapshot::Command),
    Clone(clone::Args),
    Rename(rename::Args),
    Rm(rm::Args),
    Images(images::Args),
    Disk(disk::Args),
    #[command(subcommand)]
    Generate(generate::Command),
    Prune(prune::Args),
    #[command(subcommand)]
    System(system::Command),
    Inspect(inspect::Args),
    Logs(logs::Args),
    Events(events::Args),
    Port(port::Args),
    Doctor(doctor::Args),
    #[command(subcommand)]
    Config(config::Command),
    Completion(completion::Args),
    #[command(hide = true)]
    Proxy(ssh_config::ProxyArgs),
    #[command(name = "internal-complete", hide = true)]
    Complete(completion::CompleteArgs),
    #[command(name = "internal-supervise", hide = true)]
    Supervise(internal::SuperviseArgs),
    #[command(name = "internal-export", hide = true)]
    Export(internal::ExportArgs),
    #[command(name = "internal-share-root", hide = true)]
    ShareRoot(internal::ShareRootArgs),
    #[command(name = "internal-watch", hide = true)]
    WatchParent(internal::WatchArgs),
}

/// Parses the command line, runs the command, and returns the exit code.
pub fn main() -> ExitCode {
    let cli = match line::parse(std::env::args_os().collect()) {
        Ok(cli) => cli,
        Err(line::Stop::Configuration(error)) => {
            ui::tell(format!("Error: {}", line::explain(&error)));
            return ExitCode::from(FAILURE);
        }
        Err(line::Stop::Usage(error)) => {
            // An error means that the terminal is closed.
            let _ = error.print();
            let help = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            return ExitCode::from(if help { 0 } else { FAILURE });
        }
    };
    tracing_subscriber::fmt()
        .with_max_level(cli.log_level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        // Don't panic if the log is on a full disk.
        .log_internal_errors(false)
        .init();
    match dispatch(cli.command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let code = exit_code(&error);
            ui::tell(format!("Error: {}", message(&error)));
            ExitCode::from(code)
        }
    }
}

/// Returns the command line for completions and man pages, without the hidden commands, which
/// completion scripts would offer.
pub fn command() -> clap::Command {
    let whole = help::fit(Cli::command());
    clap::Command::new(PROGRAM)
        .version(VERSION)
        .about(whole.get_about().cloned().unwrap_or_default())
        .after_help(EXIT_CODES)
        .args(whole.get_arguments())
        .subcommand_required(true)
        .subcommands(
            whole
                .get_subcommands()
                .filter(|command| !command.is_hide_set()),
        )
}

fn dispatch(command: Command) -> Result<u8> {
    let open = Context::open;
    match command {
        Command::Run(args) => return args.run(&open()?),
        Command::Watch(args) => args.run(&open()?)?,
        Command::List(args) => args.run(&open()?)?,
        Command::Ssh(args) => return args.run(&open()?),
        Command::SshConfig(args) => args.run(&open()?)?,
        Command::Cp(args) => args.run(&open()?)?,
        Command::Trust(args) => args.run(&open()?)?,
        Command::Proxy(args) => args.run(&open()?)?,
        Command::Console(args) => args.run(&open()?)?,
        Command::Screenshot(args) => args.run(&open()?)?,
        Command::Reboot(args) => args.run(&open()?)?,
        Command::Set(args) => args.run(&open()?)?,
        Command::Snapshot(command) => command.run(&open()?)?,
        Command::Upgrade(args) => args.run(&open()?)?,
        Command::Rollback(args) => args.run(&open()?)?,
        Command::Replace(args) => args.run(&open()?)?,
        Command::Test(args) => return args.run(&open()?),
        Command::Wait(args) => args.run(&open()?)?,
        Command::Stop(args) => args.run(&open()?)?,
        Command::Suspend(args) => args.run(&open()?)?,
        Command::Start(args) => args.run(&open()?)?,
        Command::Clone(args) => args.run(&open()?)?,
        Command::Rename(args) => args.run(&open()?)?,
        Command::Rm(args) => args.run(&open()?)?,
        Command::Disk(args) => args.run(&open()?)?,
        Command::Generate(command) => command.run(&open()?)?,
        Command::Prune(args) => args.run(&open()?)?,
        Command::System(command) => command.run(&open()?)?,
        Command::Images(args) => args.run(&open()?)?,
        Command::Inspect(args) => args.run(&open()?)?,
        Command::Logs(args) => return args.run(&open()?),
        Command::Events(args) => args.run(&open()?)?,
        Command::Port(args) => args.run(&open()?)?,
        Command::Doctor(args) => return args.run(&open()?),
        Command::Config(command) => command.run()?,
        Command::Completion(args) => args.run()?,
        Command::Complete(args) => args.run(),
        Command::Supervise(args) => args.run(&open()?)?,
        Command::Export(args) => args.run()?,
        Command::ShareRoot(args) => args.run()?,
        Command::WatchParent(args) => args.run()?,
    }
    Ok(0)
}

fn exit_code(error: &anyhow::Error) -> u8 {
    // A signal also ends the programs that we run, so their failures come from the signal.
    if let Err(Interrupted(signal)) = interrupt::check() {
        return u8::try_from(128 + signal).unwrap_or(FAILURE);
    }
    let timed_out = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(vm::Error::Timeout { .. }))
    };
    if error.chain().any(timed_out) {
        TIMED_OUT
    } else {
        FAILURE
    }
}

/// Returns the error and its causes, without the repetitions of transparent wrappers.
fn message(error: &anyhow::Error) -> String {
    crate::text::error_chain(error.as_ref())
}

/// Returns the first of these arguments that the command line gives to a command, by its ID.
fn given<'a>(command: &str, ids: &[&'a str]) -> Option<&'a str> {
    let matches = Cli::command().try_get_matches().ok()?;
    let matches = matches.subcommand_matches(command)?;
    let is_given = |id: &&str| matches.value_source(id) == Some(ValueSource::CommandLine);
    ids.iter().copied().find(is_given)
}

/// Runs an action for each name. After a failure it goes on with the next name.
fn each(names: &[String], mut action: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let mut failures: Vec<anyhow::Error> = Vec::new();
    for name in names {
        if let Err(error) = action(name) {
            failures.push(error);
        }
        interrupt::check()?;
    }
    match failures.len() {
        0 => Ok(()),
        1 => Err(failures.remove(0)),
        _ => Err(anyhow!(
            failures
                .iter()
                .map(message)
                .collect::<Vec<_>>()
                .join("\nError: ")
        )),
    }
}

/// Parses a log level. Also accepts the names of podman-bootc (Go).
fn parse_level(text: &str) -> Result<tracing::level_filters::LevelFilter, String> {
    match text.to_ascii_lowercase().as_str() {
        "warning" => Ok(tracing::level_filters::LevelFilter::WARN),
        "fatal" | "panic" => Ok(tracing::level_filters::LevelFilter::ERROR),
        level => level
            .parse()
            .map_err(|_| "expected off, error, warn, info, debug or trace".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
