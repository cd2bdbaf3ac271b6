//! Child processes whose lives are tied to ours, and background ones that outlive us.

pub mod interrupt;

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output, Stdio};

use super::os;
use interrupt::{Foreground, Interrupted};

/// A program can't be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It can't be started.
    #[error("can't run {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// It ended with an error.
    #[error("{program} failed ({status}){}", crate::text::colon(.message))]
    Failed {
        /// The program and its subcommand.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote to standard error.
        message: String,
    },
    /// The tool was interrupted meanwhile.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Runs a program to its end and returns what it printed; its standard error goes into the error.
///
/// # Errors
/// It can't be started, fails, or the tool is interrupted (the program is ended then).
pub fn output(command: &mut Command) -> Result<Vec<u8>, Error> {
    let program = describe(command);
    let start = |source| Error::Start { program: program.clone(), source };
    interrupt::check()?;
    die_with_parent(command);
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(start)?;
    os::tie(&child).map_err(start)?;
    let _guard = Foreground::new(child.id());
    let Output { status, stdout, stderr } = child.wait_with_output().map_err(start)?;
    interrupt::check()?;
    if status.success() {
        return Ok(stdout);
    }
    let message = String::from_utf8_lossy(&stderr).trim().to_owned();
    Err(Error::Failed { program, status, message })
}

/// [`output`], for a program whose standard output is to be seen while it runs.
///
/// # Errors
/// As [`output`].
pub fn watched(command: &mut Command, mut see: impl FnMut(&[u8])) -> Result<(), Error> {
    let program = describe(command);
    let start = |source| Error::Start { program: program.clone(), source };
    interrupt::check()?;
    die_with_parent(command);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(start)?;
    os::tie(&child).map_err(start)?;
    let _guard = Foreground::new(child.id());
    // Its other output in a thread, so that neither pipe fills up.
    let messages = child.stderr.take().map(|mut pipe| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            // Half a message is better than none.
            let _ = pipe.read_to_end(&mut text);
            text
        })
    });
    if let Some(mut pipe) = child.stdout.take() {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => see(&buffer[..count]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(start(e)),
            }
        }
    }
    let status = child.wait().map_err(start)?;
    let messages = messages.and_then(|thread| thread.join().ok()).unwrap_or_default();
    interrupt::check()?;
    if status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&messages).trim().to_owned();
    Err(Error::Failed { program, status, message })
}

/// Runs a program on the terminal (its standard streams are ours) to its end.
///
/// # Errors
/// It can't be started, or the tool is interrupted.
pub fn interactive(command: &mut Command) -> Result<ExitStatus, Error> {
    let program = describe(command);
    let start = |source| Error::Start { program: program.clone(), source };
    interrupt::check()?;
    let mut child = command.spawn().map_err(start)?;
    let _guard = Foreground::new(child.id());
    let status = child.wait().map_err(start)?;
    interrupt::check()?;
    Ok(status)
}

/// Runs a program that has our standard streams to its end, which has to be a good one.
///
/// # Errors
/// It can't be started, fails, or the tool is interrupted (the program is ended then).
pub fn to_end(command: &mut Command) -> Result<(), Error> {
    die_with_parent(command);
    match interactive(command)? {
        status if status.success() => Ok(()),
        status => Err(Error::Failed { program: describe(command), status, message: String::new() }),
    }
}

/// Runs a program that must not be broken off to its end, which has to be a good one; an interrupt waits for it.
///
/// # Errors
/// It can't be started, or fails.
pub fn run_uninterruptible(mut command: Command) -> Result<(), Error> {
    let program = describe(&command);
    // Ctrl-C on the terminal is not for it.
    detach(&mut command);
    let Output { status, stderr, .. } = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Start { program: program.clone(), source })?;
    if status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&stderr).trim().to_owned();
    Err(Error::Failed { program, status, message })
}

/// Makes the kernel send us SIGTERM when our parent dies, in place of what it asked for when it started us.
///
/// # Errors
/// As of the operating system.
pub fn end_in_order_with_parent() -> io::Result<()> {
    os::end_in_order_with_parent()
}

/// Makes the kernel end the child when this process dies, however it dies (Linux).
pub fn die_with_parent(command: &mut Command) {
    os::die_with_parent(command);
}

/// A background program whose life is tied to ours and which has no part in our terminal. Dropped, it is ended.
#[derive(Debug)]
pub struct Helper {
    child: tokio::process::Child,
    tie: Option<os::Tie>,
}

/// Starts a background program.
///
/// # Errors
/// As of the operating system.
pub fn spawn_helper(mut command: Command) -> io::Result<Helper> {
    die_with_parent(&mut command);
    // Its own session: a Ctrl-C on the terminal is ours to handle.
    detach(&mut command);
    let child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    let tie = Some(os::tie_helper(&child)?);
    Ok(Helper { child, tie })
}

impl Helper {
    /// Its standard input, if that is a pipe; once.
    pub fn stdin(&mut self) -> Option<tokio::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// Its standard output, if that is a pipe; once.
    pub fn stdout(&mut self) -> Option<tokio::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for its end. May be cancelled.
    ///
    /// # Errors
    /// As of the operating system.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        // Its number may be another process' from now on.
        self.tie = None;
        Ok(status)
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.start_kill();
    }
}

/// Waits for the end of who started this process, and ends `pid` when that one was killed.
///
/// # Errors
/// As of the operating system.
pub fn watch(pid: u32) -> io::Result<()> {
    os::watch(pid)
}

/// A program on PATH, or in one of the places where packages hide it.
pub fn find(name: &str, hidden: &[&str]) -> Option<PathBuf> {
    let hidden = || hidden.iter().map(PathBuf::from).find(|path| path.exists());
    which::which(name).ok().or_else(hidden)
}

/// Finds a program on PATH, or in the folder below `%ProgramFiles%` where its installer for Windows puts it
/// without changing PATH.
pub fn find_installed(name: &str, folder: &str) -> Option<PathBuf> {
    let installed = || {
        let programs = PathBuf::from(std::env::var_os("ProgramFiles")?);
        let program = programs.join(folder).join(format!("{name}.exe"));
        program.exists().then_some(program)
    };
    which::which(name).ok().or_else(installed)
}

/// The exit code of a process, as a shell would tell it: 128 + N when signal N ended it.
pub fn exit_code(status: ExitStatus) -> i32 {
    os::exit_code(status)
}

/// True when someone ended the process by force, or asked it to end.
pub fn was_killed(status: ExitStatus) -> bool {
    os::was_killed(status)
}

/// Detaches the command from our terminal and process group.
pub fn detach(command: &mut Command) {
    os::new_session(command);
}

/// The program that runs right now, also after its file was replaced.
///
/// # Errors
/// As of the operating system.
pub fn current_program() -> io::Result<PathBuf> {
    os::current_program()
}

/// A program's path as a word for the shell of this system.
pub fn quote_program(path: &std::path::Path) -> String {
    os::quote_program(&path.to_string_lossy())
}

/// Ends a process at once.
pub fn kill(pid: u32) {
    os::kill(pid);
}

/// The program and its first argument: enough to know what failed.
fn describe(command: &Command) -> String {
    let name = |s: &OsStr| s.to_string_lossy().into_owned();
    let program = std::path::Path::new(command.get_program());
    let mut text = name(program.file_name().unwrap_or(command.get_program()));
    for argument in command.get_args().take_while(|a| !a.as_encoded_bytes().starts_with(b"-")).take(2) {
        text.push(' ');
        text.push_str(&name(argument));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_said_nothing_failed_without_a_colon() {
        let status = ExitStatus::default();
        let failed = |message: &str| {
            Error::Failed { program: "x".into(), status, message: message.into() }.to_string()
        };
        assert_eq!(failed(""), format!("x failed ({status})"));
        assert_eq!(failed("why"), format!("x failed ({status}): why"));
    }
}
