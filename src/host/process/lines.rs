//! Programs with children of their own, whose output is read by lines.

use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::interrupt;
use super::program::describe;
use super::run::Error;
use crate::host::os;

/// Time between two looks for an interrupt.
const LOOK: Duration = Duration::from_millis(100);
/// Time limit for a program whose children were ended.
const END_TIME: Duration = Duration::from_secs(5);

/// Runs a program in a session of its own, without input; `receive` gets each line of its standard
/// output and standard error, in the order of arrival. Returns its status.
///
/// An interrupt first ends its children: podman then removes the container of the step that fails,
/// which it leaves behind after a signal of its own.
///
/// # Errors
/// The program can't start, or the tool is interrupted.
pub fn lines(command: &mut Command, mut receive: impl FnMut(&str)) -> Result<ExitStatus, Error> {
    let program = describe(command);
    let start = |source| Error::Start {
        program: program.clone(),
        source,
    };
    interrupt::check()?;
    let (reader, writer) = io::pipe().map_err(start)?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().map_err(start)?)
        .stderr(writer);
    os::die_with_parent(command);
    os::new_session(command);
    let mut child = command.spawn().map_err(start)?;
    os::end_with_parent(&child).map_err(start)?;
    // The writing ends in this process, which would hold the pipe open.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (sender, received) = channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = vec![];
        while let Ok(1..) = reader.read_until(b'\n', &mut line) {
            let text = String::from_utf8_lossy(&line).into_owned();
            line.clear();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    let status = loop {
        match received.recv_timeout(LOOK) {
            Ok(line) => receive(line.trim_end_matches(['\n', '\r'])),
            // A child of the program that outlives it may hold the pipe open.
            Err(RecvTimeoutError::Timeout) => {
                if let Some(status) = child.try_wait().map_err(start)? {
                    break status;
                }
            }
            Err(RecvTimeoutError::Disconnected) => break child.wait().map_err(start)?,
        }
        if interrupt::check().is_err() {
            end(&mut child);
            break child.wait().map_err(start)?;
        }
    };
    interrupt::check()?;
    Ok(status)
}

fn end(child: &mut Child) {
    let end = Instant::now() + END_TIME;
    let lives = |child: &mut Child| matches!(child.try_wait(), Ok(None));
    let mut has_children = true;
    while lives(child) && Instant::now() < end {
        let children = os::descendants(child.id());
        if children.is_empty() && !has_children {
            os::terminate(child.id());
        }
        has_children = !children.is_empty();
        children.into_iter().for_each(os::kill);
        // No event tells of the end of another process's children.
        std::thread::sleep(LOOK);
    }
    // An error means that it has ended.
    let _ = child.kill();
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn both_streams_arrive_by_lines_and_a_grandchild_does_not_hold_up_the_end() {
        let mut seen = vec![];
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo a; echo b >&2; sleep 20 & printf c; exit 3"]);
        let start = Instant::now();
        let status = lines(&mut shell, |line| seen.push(line.to_owned())).unwrap();
        assert_eq!(status.code(), Some(3));
        // The grandchild keeps the last line open.
        assert_eq!(seen, ["a", "b"]);
        assert!(start.elapsed() < Duration::from_secs(15));
        assert!(lines(&mut Command::new("/does/not/exist"), |_| ()).is_err());
    }
}
