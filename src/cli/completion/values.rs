//! The table from arguments to the names that complete them.

use std::ffi::{OsStr, OsString};

use clap::{Arg, ArgMatches, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter};

use super::sources::{self, Which};

/// The arguments before the cursor.
#[derive(Debug, Clone, Default)]
struct Typed {
    /// The command's names, for example `snapshot restore`.
    command: String,
    vms: Vec<String>,
    vm: String,
    snapshots: Vec<String>,
    connection: Option<String>,
    /// The first path of `cp`.
    source: Option<String>,
}

/// Returns the command line, whose arguments complete with names of this host. Returns none after
/// the begin of a command for the guest, which nothing on this host can complete.
pub fn command_after(typed: &[OsString]) -> Option<Command> {
    let command = super::super::command();
    let parsed = command.clone().ignore_errors(true);
    let matches = parsed.try_get_matches_from(typed).unwrap_or_default();
    let mut names = Vec::new();
    let mut leaf = (&command, &matches);
    while let Some((name, inner)) = leaf.1.subcommand() {
        names.push(name.to_owned());
        leaf = (leaf.0.find_subcommand(name)?, inner);
    }
    let (arguments, matches) = leaf;
    let in_guest = |arg: &&Arg| arg.is_trailing_var_arg_set() && is_given(matches, arg);
    if arguments.get_arguments().any(|arg| in_guest(&arg)) {
        return None;
    }
    let typed = Typed::read(&names, matches);
    Some(with_values(command, &names, &typed))
}

fn is_given(matches: &ArgMatches, arg: &Arg) -> bool {
    let id = arg.get_id().as_str();
    matches!(matches.try_contains_id(id), Ok(true))
}

impl Typed {
    fn read(names: &[String], matches: &ArgMatches) -> Self {
        let all = |id: &str| -> Vec<String> {
            let raw = matches.try_get_raw(id).ok().flatten();
            let texts = raw.into_iter().flatten().map(OsStr::to_string_lossy);
            texts.map(std::borrow::Cow::into_owned).collect()
        };
        let one = |id: &str| all(id).pop();
        Self {
            command: names.join(" "),
            vms: all("vms"),
            vm: one("vm").unwrap_or_default(),
            snapshots: all("names"),
            connection: one("connection"),
            source: one("source"),
        }
    }
}

fn with_values(command: Command, names: &[String], typed: &Typed) -> Command {
    match names {
        [] => command.mut_args(|arg| match completer(arg.get_id().as_str(), typed) {
            Some(completer) => arg.add(completer),
            None => arg,
        }),
        [name, inner @ ..] => {
            command.mut_subcommand(name, |command| with_values(command, inner, typed))
        }
    }
}

/// Returns the completer of an argument. Paths and arguments with fixed values have clap's.
fn completer(argument: &str, typed: &Typed) -> Option<ArgValueCompleter> {
    let complete: fn(&Typed, &str) -> Vec<CompletionCandidate> = match argument {
        "vm" => |typed, begin| sources::vms(which(&typed.command), begin),
        "vms" => |typed, begin| without(sources::vms(which(&typed.command), begin), &typed.vms),
        "targets" => vms_and_images,
        "target" if typed.command.starts_with("generate") => vms_and_images,
        "image" | "upgrade_from" => {
            |typed, begin| sources::images(typed.connection.as_deref(), begin)
        }
        "connection" => |_, begin| sources::connections(begin),
        "name" if typed.command == "snapshot restore" => {
            |typed, begin| sources::snapshots(&typed.vm, begin)
        }
        "names" if typed.command == "snapshot rm" => {
            |typed, begin| without(sources::snapshots(&typed.vm, begin), &typed.snapshots)
        }
        "source" | "target" if typed.command == "cp" => paths_of_cp,
        "volumes" | "add_volume" => share,
        "add_disks" | "add_disk" => disk,
        "credentials" => credential,
        "remove_volume" => |typed, begin| sources::shares(&typed.vm, begin),
        "remove_disk" => |typed, begin| sources::disks(&typed.vm, begin),
        "wait" | "condition" => {
            |_, begin| sources::fixed(&["ssh", "running", "multi-user.target"], begin)
        }
        "log_level" => {
            |_, begin| sources::fixed(&["off", "error", "warn", "info", "debug", "trace"], begin)
        }
        _ => return None,
    };
    let typed = typed.clone();
    Some(ArgValueCompleter::new(move |begin: &OsStr| {
        // An option: clap asks for the argument that it could be as well.
        let begin = begin.to_str().filter(|begin| !begin.starts_with('-'));
        begin
            .map(|begin| complete(&typed, begin))
            .unwrap_or_default()
    }))
}

/// Returns the VMs that a command can work with.
fn which(command: &str) -> Which {
    match command {
        "start" | "rename" | "snapshot create" | "snapshot restore" | "snapshot rm" => {
            Which::Stopped
        }
        "ssh" | "cp" | "stop" | "suspend" | "reboot" | "upgrade" | "rollback" | "wait"
        | "console" | "screenshot" | "port" | "test" => Which::Running,
        _ => Which::All,
    }
}

/// Leaves out the names that the line has already.
fn without(mut found: Vec<CompletionCandidate>, typed: &[String]) -> Vec<CompletionCandidate> {
    found.retain(|candidate| !typed.iter().any(|name| candidate.get_value() == &**name));
    found
}

/// `IMAGE|VM`
fn vms_and_images(typed: &Typed, begin: &str) -> Vec<CompletionCandidate> {
    let mut found = sources::vms(which(&typed.command), begin);
    found.extend(sources::images(typed.connection.as_deref(), begin));
    found
}

/// `PATH` or `VM:PATH`. One of the two paths is in a VM.
fn paths_of_cp(typed: &Typed, begin: &str) -> Vec<CompletionCandidate> {
    let is_in_vm = typed.source.as_deref().map(super::super::cp::is_in_vm);
    let mut found = Vec::new();
    if is_in_vm != Some(true) {
        let vms = sources::vms(which(&typed.command), begin).into_iter();
        found.extend(vms.map(|vm| {
            let name = vm.get_value().to_string_lossy().into_owned();
            CompletionCandidate::new(name + ":").help(vm.get_help().cloned())
        }));
    }
    if is_in_vm != Some(false) {
        found.extend(sources::paths(PathCompleter::any(), "", begin));
    }
    found
}

/// `SRC:DST[:ro]`
fn share(_: &Typed, begin: &str) -> Vec<CompletionCandidate> {
    match begin.rsplit_once(':') {
        None => sources::paths(PathCompleter::dir(), "", begin),
        Some((rest, end)) if rest.contains(':') && "ro".starts_with(end) => {
            vec![CompletionCandidate::new(format!("{rest}:ro"))]
        }
        Some(_) => vec![],
    }
}

/// `FILE[:ro]|new:SIZE`
fn disk(_: &Typed, begin: &str) -> Vec<CompletionCandidate> {
    match begin.rsplit_once(':') {
        Some(("new", _)) => vec![],
        Some((file, end)) if "ro".starts_with(end) => {
            vec![CompletionCandidate::new(format!("{file}:ro"))]
        }
        _ => {
            let mut found = sources::fixed(&["new:"], begin);
            found.extend(sources::paths(PathCompleter::file(), "", begin));
            found
        }
    }
}

/// `NAME=VALUE|NAME=@FILE`
fn credential(_: &Typed, begin: &str) -> Vec<CompletionCandidate> {
    match begin.split_once("=@") {
        Some((name, file)) => sources::paths(PathCompleter::file(), &format!("{name}=@"), file),
        None => vec![],
    }
}
