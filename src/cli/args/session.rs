//! The options of commands that log in to a VM.

use std::time::Duration;

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
