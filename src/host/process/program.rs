//! Programs: where they are, and their names.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::host::os;

/// Finds a program on PATH, or at one of the paths that packages install it at.
pub fn find(name: &str, hidden: &[&str]) -> Option<PathBuf> {
    let hidden = || hidden.iter().map(PathBuf::from).find(|path| path.exists());
    which::which(name).ok().or_else(hidden)
}

/// Finds a program on PATH, or in the folder in `%ProgramFiles%` that its installer for Windows
/// uses without changing PATH.
pub fn find_installed(name: &str, folder: &str) -> Option<PathBuf> {
    let installed = || {
        let programs = PathBuf::from(std::env::var_os("ProgramFiles")?);
        let program = programs.join(folder).join(format!("{name}.exe"));
        program.exists().then_some(program)
    };
    which::which(name).ok().or_else(installed)
}

/// Returns a program's path as a word for the shell of this system.
pub fn quote_program(path: &Path) -> String {
    os::quote_program(&path.to_string_lossy())
}

/// Returns the command that runs a line in this system's shell.
pub fn shell(line: &str) -> Command {
    let (program, option) = match cfg!(windows) {
        true => ("cmd", "/C"),
        false => ("/bin/sh", "-c"),
    };
    let mut command = Command::new(program);
    command.args([option, line]);
    command
}

/// Returns the program's name and up to two subcommands, for error messages.
pub(super) fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let subcommands = command
        .get_args()
        .take_while(|word| !word.as_encoded_bytes().starts_with(b"-"))
        .take(2);
    let words: Vec<_> = std::iter::once(name)
        .chain(subcommands)
        .map(|word| word.to_string_lossy())
        .collect();
    words.join(" ")
}
