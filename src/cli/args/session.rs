//! The options of commands that log in to a VM.

use std::time::Duration;

use crate::host::terminal;
use crate::text::parse_time;
use crate::ui::StderrProgress;
use crate::vm::Vm;

#[derive(Debug, clap::Args)]
pub struct SessionArgs {
    /// The user to log in as [default: the VM's user]
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Don't show progress
    #[arg(short, long)]
    quiet: bool,
    /// Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation
    /// 20m]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub timeout: Option<Duration>,
}

impl SessionArgs {
    pub fn user(&self, vm: &Vm) -> String {
        self.user.clone().unwrap_or_else(|| vm.spec.user.clone())
    }

    pub fn progress(&self) -> StderrProgress {
        StderrProgress::new(self.quiet)
    }
}

/// The terminal of a command in a VM, as podman and ssh choose it.
#[derive(Debug, clap::Args)]
pub struct TerminalArgs {
    /// Give the command a terminal [default: if standard input and output are terminals]
    #[arg(short, long, overrides_with_all = ["tty", "no_tty"])]
    pub tty: bool,
    /// Give the command no terminal
    #[arg(short = 'T', long, overrides_with_all = ["tty", "no_tty"])]
    pub no_tty: bool,
    /// Has no effect, because standard input is always passed on; podman's `-it` works
    #[arg(short, long, overrides_with = "interactive")]
    interactive: bool,
}

impl TerminalArgs {
    pub fn is_wanted(&self) -> bool {
        self.tty || (!self.no_tty && terminal::is_used())
    }
}
