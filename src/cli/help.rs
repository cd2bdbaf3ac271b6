//! What `--help` leaves out, so that it fits on a screen. `--help-all` prints everything.

use std::collections::BTreeSet;

use clap::{Arg, ArgAction, Command};

/// The commands whose whole help doesn't fit.
const LONG: [&str; 6] = ["run", "test", "watch", "disk", "upgrade", "kubevirt"];
/// The options of `run` that `--help` shows, also where other commands have them.
const COMMON: [&str; 17] = [
    "name",
    "detach",
    "rm",
    "user",
    "cpus",
    "memory",
    "tty",
    "ephemeral",
    "disk",
    "wait",
    "timeout",
    "quiet",
    "volumes",
    "publish",
    "format",
    "filesystem",
    "log_level",
];
/// The options of `watch` that `--help` doesn't show.
const RARE: [&str; 14] = [
    "build",
    "build_arg_file",
    "build_context",
    "build_volume",
    "build_option",
    "secret",
    "network",
    "ignorefile",
    "poll",
    "check_timeout",
    "bell",
    "notify",
    "target",
    "timeout",
];

/// Returns the command line with the short help of long commands.
pub fn fit(command: Command) -> Command {
    let run = command.find_subcommand("run");
    let of_run = run.into_iter().flat_map(Command::get_arguments);
    let hidden: BTreeSet<String> = of_run
        .map(|arg| arg.get_id().to_string())
        .filter(|id| !COMMON.contains(&id.as_str()))
        .collect();
    shorten_in(command, &hidden)
}

fn shorten_in(command: Command, hidden: &BTreeSet<String>) -> Command {
    command.mut_subcommands(|inner| {
        if LONG.contains(&inner.get_name()) {
            shorten(inner, hidden)
        } else if inner.has_subcommands() {
            shorten_in(inner, hidden)
        } else {
            inner
        }
    })
}

fn shorten(command: Command, hidden: &BTreeSet<String>) -> Command {
    let is_watch = command.get_name() == "watch";
    let help = Arg::new("help").short('h').long("help");
    let all = Arg::new("help_all").long("help-all");
    let help = help.help("Print the common options").help_heading(None);
    let all = all
        .help("Print all options, with their details")
        .help_heading(None);
    command
        .mut_args(|arg| {
            let is_hidden = !arg.is_positional() && hidden.contains(arg.get_id().as_str());
            let is_rare = is_watch && RARE.contains(&arg.get_id().as_str());
            arg.hide_short_help(is_hidden || is_rare)
        })
        .disable_help_flag(true)
        .arg(help.action(ArgAction::HelpShort))
        .arg(all.action(ArgAction::HelpLong))
}
