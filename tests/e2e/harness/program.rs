//! Running programs: the test keeps their output, and each wait has a deadline.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process, kill_process_group};

use crate::common::target::used_arguments;

use super::processes::processor_time;
use super::wait_for;

/// The exit code of the tool when it refuses its arguments or fails itself.
const REFUSED: i32 = 125;

/// A running program in a process group of its own.
pub struct Running {
    child: Child,
    line: String,
    /// The arguments, if it is the tool.
    arguments: Option<Vec<String>>,
    start: Instant,
    stdout: Arc<Stream>,
    stderr: Arc<Stream>,
}

/// The output of a program, and its exit code.
pub struct Output {
    line: String,
    /// As in a shell: 128 plus the signal that killed it.
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
    pub elapsed: Duration,
}

/// An output stream of a running program.
#[derive(Default)]
struct Stream {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    ended: bool,
}

impl Running {
    /// Starts a program. `input` is its whole standard input; without it, that is a pipe which
    /// stays open until the program ends (see [`Running::type_line`]).
    pub fn start(mut command: Command, input: Option<Vec<u8>>) -> Self {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<String> = words
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let line = words.join(" ");
        // Another program may start it, as `setpriv` does.
        let tool = words
            .iter()
            .position(|word| word.ends_with("/podman-bootc"));
        let arguments = tool.map(|place| words[place + 1..].to_vec());
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        if let Some(input) = input {
            let mut stdin = child.stdin.take().unwrap();
            // The program may exit before it has read everything.
            std::thread::spawn(move || stdin.write_all(&input));
        }
        Self {
            child,
            line,
            arguments,
            start: Instant::now(),
            stdout: Stream::read(stdout),
            stderr: Stream::read(stderr),
        }
    }

    /// Says that the program starts the tool with these arguments.
    pub fn of_tool(mut self, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&word| word.to_owned());
        self.arguments = Some(arguments.collect());
        self
    }

    /// Types a line on its standard input.
    pub fn type_line(&mut self, line: &str) {
        self.type_keys(&format!("{line}\n"));
    }

    /// Types keys on its standard input.
    pub fn type_keys(&mut self, keys: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        // If the program has ended, a later assertion on its output fails.
        let _ = stdin
            .write_all(keys.as_bytes())
            .and_then(|()| stdin.flush());
    }

    /// Waits until it has written this to standard output.
    #[track_caller]
    pub fn wait_stdout(&self, text: &str, time: Duration) {
        assert!(
            self.writes(text, time),
            "no {text:?} in time\n{}",
            self.story()
        );
    }

    /// Waits until it has written this to standard error.
    #[track_caller]
    pub fn wait_stderr(&self, text: &str, time: Duration) {
        assert!(
            self.stderr.wait(time, |state| state.has(text)),
            "no {text:?} in time\n{}",
            self.story()
        );
    }

    /// Returns its standard output so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout.bytes()).into_owned()
    }

    /// Returns true if it writes this to standard output in time.
    pub fn writes(&self, text: &str, time: Duration) -> bool {
        self.stdout.wait(time, |state| state.has(text))
    }

    /// Returns true until it has ended.
    pub fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Returns the processor time that it has used.
    pub fn processor_time(&self) -> Duration {
        processor_time(self.child.id()).unwrap()
    }

    /// Sends a signal to the program alone.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Sends a signal to the program and its children, as a terminal does.
    pub fn signal_all(&self, signal: Signal) {
        kill_process_group(self.pid(), signal).unwrap();
    }

    /// Waits until it has ended, and until all processes have closed its output streams.
    #[track_caller]
    pub fn finish(mut self, time: Duration) -> Output {
        let deadline = Instant::now() + time;
        let left = || deadline.saturating_duration_since(Instant::now());
        let over = self.stdout.wait(left(), |state| state.ended)
            && self.stderr.wait(left(), |state| state.ended);
        assert!(
            over,
            "it didn't end within {} s\n{}",
            time.as_secs(),
            self.story()
        );
        let status = wait_for(&self.line, left().max(Duration::from_secs(1)), || {
            self.child.try_wait().unwrap()
        });
        let code = status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap());
        if let Some(arguments) = self.arguments.as_ref().filter(|_| code != REFUSED) {
            record(arguments);
        }
        Output {
            line: self.line.clone(),
            code,
            stdout: self.stdout.bytes(),
            stderr: String::from_utf8_lossy(&self.stderr.bytes()).into_owned(),
            elapsed: self.start.elapsed(),
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn story(&self) -> String {
        story(
            &self.line,
            &self.stdout.bytes(),
            &String::from_utf8_lossy(&self.stderr.bytes()),
        )
    }
}

impl Drop for Running {
    /// Kills a program that a failed test left running.
    fn drop(&mut self) {
        if self.lives() {
            // It may have ended in between.
            let _ = kill_process_group(self.pid(), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

impl Output {
    /// Returns standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Asserts its exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.story());
        self
    }

    /// Asserts that it wrote this to standard error.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "no {text:?} in\n{}",
            self.story()
        );
        self
    }

    /// Asserts that it did not write this to standard error.
    #[track_caller]
    pub fn silent_about(self, text: &str) -> Self {
        assert!(!self.stderr.contains(text), "{text:?} in\n{}", self.story());
        self
    }

    /// Returns the command line, the exit code, the time and the output.
    pub fn story(&self) -> String {
        let head = format!(
            "{} (code {}, {:.1} s)",
            self.line,
            self.code,
            self.elapsed.as_secs_f64()
        );
        story(&head, &self.stdout, &self.stderr)
    }
}

fn story(line: &str, stdout: &[u8], stderr: &str) -> String {
    const BYTES: usize = 4000;
    let stdout = String::from_utf8_lossy(&stdout[stdout.len().saturating_sub(BYTES)..]);
    format!("$ {line}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
}

/// Records that the tool took these arguments.
fn record(arguments: &[String]) {
    let folder = used_arguments();
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(std::process::id().to_string());
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .unwrap();
    file.write_all(format!("{}\n", serde_json::json!(arguments)).as_bytes())
        .unwrap();
}

impl Stream {
    fn read(mut from: impl Read + Send + 'static) -> Arc<Self> {
        let stream = Arc::new(Self::default());
        let shared = Arc::clone(&stream);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let count = from.read(&mut buffer).unwrap_or(0);
                let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.bytes.extend_from_slice(&buffer[..count]);
                state.ended |= count == 0;
                shared.changed.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        stream
    }

    /// Returns false if it does not become true in time, or the stream ends before.
    fn wait(&self, time: Duration, good: impl Fn(&State) -> bool) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = self
            .changed
            .wait_timeout_while(state, time, |state| !good(state) && !state.ended);
        good(&wait.unwrap_or_else(PoisonError::into_inner).0)
    }

    fn bytes(&self) -> Vec<u8> {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .bytes
            .clone()
    }
}

impl State {
    fn has(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.bytes).contains(text)
    }
}
