//! The files that a test leaves: logs, a picture of a screen that hangs, and the report.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, empty, sink};
use tokio::time::timeout;

use super::formats::{junit, markdown, text};
use super::report::Report;
use crate::engine::Change;
use crate::guest::shell::script_as_root;
use crate::guest::ssh::session::Session;
use crate::vm::{Store, Vm, lifecycle};

const CONSOLE: &str = "console.log";
const FIRMWARE: &str = "firmware.log";
const JOURNAL: &str = "journal.log";
const SCREEN: &str = "screenshot.png";
const NO_SCREEN: &str = "no screenshot.png: an --ephemeral VM has a screen only with --gui; \
                         console.log has its console";
const REPORTS: [&str; 4] = ["report.txt", "report.json", "report.xml", "report.md"];
const TIMELINE: [&str; 2] = ["timeline.txt", "timeline.svg"];
/// Time limit for the journal of a guest.
const JOURNAL_TIME: Duration = Duration::from_secs(120);
/// Time limit for a picture of a machine that may hang.
const SCREEN_TIME: Duration = Duration::from_secs(30);

/// A folder for the files of one target.
#[derive(Debug)]
pub struct Artifacts {
    folder: PathBuf,
    /// The logs of a VM that may be removed when it ends.
    open: Vec<(PathBuf, File)>,
}

#[derive(Debug, thiserror::Error)]
#[error("can't write {path}")]
pub struct Error {
    path: PathBuf,
    source: io::Error,
}

trait Writing<T> {
    fn writing(self, path: &Path) -> Result<T, Error>;
}

impl<T> Writing<T> for io::Result<T> {
    fn writing(self, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error {
            path: path.to_owned(),
            source,
        })
    }
}

impl Artifacts {
    /// Creates the folder, without the files of an earlier test.
    ///
    /// # Errors
    /// The folder can't be created.
    pub fn create(folder: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder).writing(folder)?;
        let names = [CONSOLE, FIRMWARE, JOURNAL, SCREEN];
        for name in names.into_iter().chain(REPORTS).chain(TIMELINE) {
            let path = folder.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).writing(&path);
                }
                _ => {}
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            open: vec![],
        })
    }

    /// Opens the VM's logs, because a VM with `--rm` loses its folder when it ends.
    pub fn hold(&mut self, vm: &Vm) {
        let logs = [
            vm.console_log(),
            vm.journal_log(),
            vm.qemu_log(),
            vm.supervisor_log(),
        ];
        let open = |log: PathBuf| Some((log.clone(), File::open(log).ok()?));
        self.open = logs.into_iter().filter_map(open).collect();
    }

    /// Copies the VM's logs as far as they have got: the console from the machine's start, its
    /// firmware's part apart, the journal, and the hypervisor's and the supervisor's messages.
    ///
    /// # Errors
    /// A log can't be read or written.
    pub fn logs(&self, vm: &Vm) -> Result<(), Error> {
        self.copy(&vm.console_log(), CONSOLE)?;
        let console = self.folder.join(CONSOLE);
        if let Ok(bytes) = fs::read(&console)
            && let firmware @ [_, ..] = before_kernel(&bytes)
        {
            let path = self.folder.join(FIRMWARE);
            fs::write(&path, firmware).writing(&path)?;
        }
        if self.has_journal(vm) {
            self.copy(&vm.journal_log(), JOURNAL)?;
        }
        for log in [vm.qemu_log(), vm.supervisor_log()] {
            if let Some(name) = log.file_name().and_then(|name| name.to_str()) {
                self.copy(&log, name)?;
            }
        }
        Ok(())
    }

    /// Returns whether the guest has sent its journal. SELinux may forbid it.
    pub fn has_journal(&self, vm: &Vm) -> bool {
        let log = vm.journal_log();
        let held = self.open.iter().find(|(held, _)| *held == log);
        let metadata = match held {
            Some((_, file)) => file.metadata(),
            None => fs::metadata(&log),
        };
        vm.spec.settings.journal && metadata.is_ok_and(|metadata| metadata.len() > 0)
    }

    /// Copies a log with its older part.
    fn copy(&self, log: &Path, name: &str) -> Result<(), Error> {
        let path = self.folder.join(name);
        let mut file = File::create(&path).writing(&path)?;
        let held = self.open.iter().find(|(held, _)| held == log);
        for part in [log.with_extension("log.1"), log.to_owned()] {
            let mut part = match (File::open(&part), held) {
                (Ok(part), _) => part,
                // Reading doesn't need the file's name.
                (Err(_), Some((_, held))) if part == log => held.try_clone().writing(&part)?,
                (Err(error), _) if error.kind() == io::ErrorKind::NotFound => continue,
                (Err(error), _) => return Err(error).writing(&part),
            };
            io::copy(&mut part, &mut file).writing(&path)?;
        }
        file.flush().writing(&path)
    }

    /// Adds the journal of this boot, for a VM whose journal the host doesn't keep. A session that
    /// breaks leaves what came before.
    ///
    /// # Errors
    /// The file can't be written.
    pub async fn guest_journal(&self, session: &Session) -> Result<(), Error> {
        let path = self.folder.join(JOURNAL);
        let mut options = tokio::fs::OpenOptions::new();
        let file = options.create(true).append(true).open(&path);
        let mut file = file.await.writing(&path)?;
        let script = script_as_root("journalctl --boot --no-pager --output=short-precise");
        let mut errors = sink();
        let read = session.script(&script, empty(), &mut file, &mut errors);
        let _ = timeout(JOURNAL_TIME, read).await;
        file.flush().await.writing(&path)
    }

    /// Saves a picture of the screen. Returns a line for the report if the machine has none.
    pub async fn screenshot(&self, vm: &Vm, store: &Store) -> Option<&'static str> {
        if vm.spec.is_ephemeral() && !vm.spec.settings.gui {
            return Some(NO_SCREEN);
        }
        let folder = self.folder.canonicalize().ok()?;
        let change = Change::Screenshot(folder.join(SCREEN));
        // A machine that has ended has no screen.
        let _ = timeout(SCREEN_TIME, lifecycle::change(vm, store, change)).await;
        None
    }

    /// Writes the report as text, JSON, JUnit's XML and Markdown, and the timeline.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn report(&self, report: &Report) -> Result<(), Error> {
        let reports = std::slice::from_ref(report);
        let json = serde_json::to_string_pretty(reports).unwrap_or_default() + "\n";
        let xml = junit(reports).unwrap_or_default();
        let files = REPORTS
            .into_iter()
            .zip([text(report), json, xml, markdown(reports)]);
        let timeline = [report.timeline.text(), report.timeline.svg()];
        for (name, content) in files.chain(TIMELINE.into_iter().zip(timeline)) {
            let path = self.folder.join(name);
            fs::write(&path, content).writing(&path)?;
        }
        Ok(())
    }
}

/// Returns the console's output before the first message of a kernel.
fn before_kernel(console: &[u8]) -> &[u8] {
    const STARTS: [&[u8]; 3] = [b"] Linux version ", b"[    0.000000]", b"Linux version "];
    let find = |start: &&[u8]| {
        console
            .windows(start.len())
            .position(|window| window == *start)
    };
    let at = STARTS.iter().filter_map(find).min();
    &console[..at.unwrap_or(console.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_firmware_writes_before_the_kernel() {
        for (console, firmware) in [
            ("SeaBIOS\n[    0.000000] Linux version 6\n", "SeaBIOS\n"),
            ("BdsDxe: loading\n", "BdsDxe: loading\n"),
            ("[    0.000000] Command line: x\n", ""),
            ("", ""),
        ] {
            assert_eq!(before_kernel(console.as_bytes()), firmware.as_bytes());
        }
    }

    #[test]
    fn a_folder_keeps_no_files_of_an_earlier_test() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        let artifacts = Artifacts::create(&folder).unwrap();
        artifacts.report(&Report::sample()).unwrap();
        fs::write(folder.join(SCREEN), "x").unwrap();
        fs::write(folder.join("mine"), "x").unwrap();
        for name in ["report.xml", "report.md", "timeline.txt", "timeline.svg"] {
            assert!(folder.join(name).exists(), "{name}");
        }
        Artifacts::create(&folder).unwrap();
        let left: Vec<_> = fs::read_dir(&folder).unwrap().flatten().collect();
        assert_eq!(left.len(), 1);
        assert!(Artifacts::create(&folder.join("mine")).is_err());
    }
}
