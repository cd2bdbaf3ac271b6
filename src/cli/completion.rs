//! `podman-bootc completion`

use anyhow::Result;
use clap_complete::Shell;

use crate::ui::say;

use super::PROGRAM;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc completion bash > /etc/bash_completion.d/podman-bootc")]
pub struct Args {
    /// The shell that the script is for
    #[arg(value_enum)]
    shell: Shell,
}

impl Args {
    pub(super) fn run(self) -> Result<()> {
        say(String::from_utf8_lossy(&script(self.shell)));
        Ok(())
    }
}

/// Returns the completion script for a shell.
pub fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command(), PROGRAM, &mut script);
    if shell != Shell::Bash {
        return script;
    }
    // The script uses two spellings of a program's name with a dash, so it completes no options of
    // commands.
    // <https://github.com/clap-rs/clap/issues/6421>
    let name = PROGRAM.replace('-', "__");
    let wrong = PROGRAM.replace('-', "__subcmd__");
    String::from_utf8_lossy(&script)
        .replace(&wrong, &name)
        .into_bytes()
}
