//! `podman-bootc completion`

use anyhow::Result;
use clap_complete::Shell;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc completion bash > /etc/bash_completion.d/podman-bootc")]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Args {
    pub(super) fn run(self) -> Result<()> {
        clap_complete::generate(self.shell, &mut super::command(), "podman-bootc", &mut std::io::stdout());
        Ok(())
    }
}
