//! `podman-bootc completion`, and the hidden command that its scripts ask.

mod line;
mod sources;
mod values;

use std::borrow::Cow;
use std::ffi::OsString;

use anyhow::Result;
use clap_complete::Shell;
use clap_complete::engine::CompletionCandidate;

use crate::ui::say;

use super::PROGRAM;
use line::Word;

/// Print a completion script for a shell
///
/// In bash, zsh and fish the script asks the program, so that it also completes the names of VMs,
/// images and snapshots. In the other shells it completes commands, options and their fixed values.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc completion bash > /etc/bash_completion.d/podman-bootc
  podman-bootc completion zsh > /usr/local/share/zsh/site-functions/_podman-bootc
  podman-bootc completion fish > ~/.config/fish/completions/podman-bootc.fish")]
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
    let asking = match shell {
        Shell::Bash => include_str!("scripts/podman-bootc.bash"),
        Shell::Zsh => include_str!("scripts/podman-bootc.zsh"),
        Shell::Fish => include_str!("scripts/podman-bootc.fish"),
        _ => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut super::command(), PROGRAM, &mut script);
            return script;
        }
    };
    asking.into()
}

/// Print what completes a command line
///
/// The scripts of other versions call it: its arguments and its output must stay as they are.
#[derive(Debug, clap::Args)]
pub struct CompleteArgs {
    /// The shell that asks
    #[arg(value_enum)]
    shell: Asking,
    /// bash: COMP_WORDBREAKS and the line up to the cursor. Others: the words without quotes, but
    /// the last one as it was typed
    #[arg(last = true)]
    words: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Asking {
    Bash,
    Zsh,
    Fish,
}

impl CompleteArgs {
    /// Prints one candidate in each line. No failure is reported: the user is typing.
    pub(super) fn run(self) {
        let given = self.words.iter().map(|word| word.to_string_lossy());
        let given: Vec<String> = given.map(Cow::into_owned).collect();
        let (typed, current) = match (self.shell, &given[..]) {
            (Asking::Bash, [breaks, line]) => {
                let mut words = line::words(line, breaks);
                let current = words.pop().unwrap_or_default();
                (words.into_iter().map(|word| word.text).collect(), current)
            }
            (Asking::Bash, _) | (_, []) => return,
            (_, [typed @ .., current]) => (typed.to_vec(), line::word(current)),
        };
        let candidates = candidates(typed, &current.text);
        let lines = candidates
            .iter()
            .filter_map(|candidate| self.shell.line(candidate, &current));
        say(lines.map(|line| line + "\n").collect::<String>());
    }
}

/// Returns what can stand in place of `current` after these words. The first word is the program.
fn candidates(typed: Vec<String>, current: &str) -> Vec<CompletionCandidate> {
    let typed: Vec<OsString> = typed.into_iter().map(OsString::from).collect();
    let Some(mut command) = values::command_after(&typed) else {
        return vec![];
    };
    let index = typed.len();
    let words = typed.into_iter().chain([current.into()]).collect();
    let folder = std::env::current_dir().ok();
    let found = clap_complete::engine::complete(&mut command, words, index, folder.as_deref());
    let mut found = found.unwrap_or_default();
    let is_option = |candidate: &CompletionCandidate| {
        candidate.get_value().as_encoded_bytes().starts_with(b"-")
    };
    // Options would hide the names that the word stands for.
    if !current.starts_with('-') && !found.iter().all(is_option) {
        found.retain(|candidate| !is_option(candidate));
    }
    found
}

impl Asking {
    /// Returns a candidate as the shell's script expects it.
    fn line(self, candidate: &CompletionCandidate, current: &Word) -> Option<String> {
        let value = candidate.get_value().to_str()?;
        if value.contains(char::is_control) {
            return None;
        }
        let is_whole = !value.ends_with(['/', ':', '=', '@']);
        let help = candidate.get_help().map(ToString::to_string);
        let help = help.as_deref().and_then(|help| help.lines().next());
        Some(match self {
            Self::Bash => {
                let blank = if is_whole && !current.is_quoted() {
                    " "
                } else {
                    ""
                };
                current.part_for_bash(value)? + blank
            }
            Self::Zsh => {
                // The first character says whether a blank follows, a colon ends the value.
                let mark = if is_whole { '+' } else { '-' };
                let value = value.replace('\\', r"\\").replace(':', r"\:");
                let help = help.map(|help| format!(":{help}"));
                format!("{mark}{value}{}", help.unwrap_or_default())
            }
            Self::Fish => {
                let help = help.map(|help| format!("\t{help}"));
                format!("{value}{}", help.unwrap_or_default())
            }
        })
    }
}
