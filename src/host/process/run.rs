//! Programs that run to their end. Most end with this process, and at an interrupt.

use std::io::{self, Read};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use super::interrupt::{self, Foreground, Interrupted};
use super::program::describe;
use crate::host::os;

/// Time limit for the end of a program that was asked to end.
const LAST_MOMENT: Duration = Duration::from_secs(2);

/// A program failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't run {program}: {source}")]
    Start { program: String, source: io::Error },
    /// `message` is what the program wrote to standard error, or empty.
    #[error("{program} failed ({status}){}", crate::text::colon(.message))]
    Failed {
        program: String,
        status: ExitStatus,
        message: String,
    },
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Runs a program and returns its standard output. The error quotes its standard error.
pub fn output(command: &mut Command) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    stream_output(command, |bytes| all.extend_from_slice(bytes))?;
    Ok(all)
}

/// Runs a program and passes its standard output on while it runs. The error quotes its standard
/// error.
pub fn stream_output(command: &mut Command, mut receive: impl FnMut(&[u8])) -> Result<(), Error> {
    let program = describe(command);
    let start = |source| Error::Start {
        program: program.clone(),
        source,
    };
    interrupt::check()?;
    os::die_with_parent(command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(start)?;
    os::end_with_parent(&child).map_err(start)?;
    let _foreground = Foreground::new(child.id());
    // A thread reads standard error, so that neither pipe fills up.
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
                Ok(count) => receive(&buffer[..count]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(start(e)),
            }
        }
    }
    let status = child.wait().map_err(start)?;
    let messages = messages
        .and_then(|thread| thread.join().ok())
        .unwrap_or_default();
    interrupt::check()?;
    check_status(program, status, &messages)
}

/// Runs a program on the terminal, with our standard streams.
fn interactive(command: &mut Command) -> Result<ExitStatus, Error> {
    let program = describe(command);
    let start = |source| Error::Start {
        program: program.clone(),
        source,
    };
    interrupt::check()?;
    let mut child = command.spawn().map_err(start)?;
    let _foreground = Foreground::new(child.id());
    let status = child.wait().map_err(start)?;
    interrupt::check()?;
    Ok(status)
}

/// Runs a program on the terminal, with our standard streams. Dropping the future ends the program,
/// which gets a moment to restore the terminal.
pub async fn on_terminal(command: Command) -> Result<ExitStatus, Error> {
    let program = describe(&command);
    let start = |source| Error::Start {
        program: program.clone(),
        source,
    };
    interrupt::check()?;
    let child = tokio::process::Command::from(command)
        .spawn()
        .map_err(start)?;
    let _foreground = child.id().map(Foreground::new);
    let mut child = OnTerminal(child);
    let status = child.0.wait().await.map_err(start)?;
    interrupt::check()?;
    Ok(status)
}

/// A program on the terminal, which ends with this value.
struct OnTerminal(tokio::process::Child);

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let Some(pid) = self.0.id() else {
            return;
        };
        os::terminate(pid);
        let end = Instant::now() + LAST_MOMENT;
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Runs a program with our standard streams.
pub fn run(command: &mut Command) -> Result<(), Error> {
    os::die_with_parent(command);
    let status = interactive(command)?;
    check_status(describe(command), status, &[])
}

/// Runs a program that must not be ended early: neither an interrupt nor the end of this process
/// ends it.
pub fn run_uninterruptible(mut command: Command) -> Result<(), Error> {
    let program = describe(&command);
    // Ctrl-C on the terminal signals only the terminal's session.
    os::new_session(&mut command);
    match command.stdin(Stdio::null()).output() {
        Ok(Output { status, stderr, .. }) => check_status(program, status, &stderr),
        Err(source) => Err(Error::Start { program, source }),
    }
}

fn check_status(program: String, status: ExitStatus, stderr: &[u8]) -> Result<(), Error> {
    let message = String::from_utf8_lossy(stderr).trim().to_owned();
    if status.success() {
        Ok(())
    } else {
        Err(Error::Failed {
            program,
            status,
            message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_program_without_messages_has_no_colon() {
        let status = ExitStatus::default();
        let failed = |message: &str| {
            Error::Failed {
                program: "x".into(),
                status,
                message: message.into(),
            }
            .to_string()
        };
        assert_eq!(failed(""), format!("x failed ({status})"));
        assert_eq!(failed("why"), format!("x failed ({status}): why"));
    }
}
