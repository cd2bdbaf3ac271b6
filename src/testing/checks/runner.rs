//! Runs checks in a guest over a session.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::duplex;
use tokio::time::timeout;

use super::case::{Case, End, cases};
use super::check::{Check, Work};
use super::output::{Output, Stream};
use crate::guest::shell::quote;
use crate::guest::ssh::copy;
use crate::guest::ssh::session::{self, Session};
use crate::testing::watched::{Watched, watched};
use crate::text::plain;
use crate::vm::supervisor::client::Client;

/// Time limit for the end of a check that was asked to end. An emulated guest may be slow.
const END_TIME: Duration = Duration::from_secs(15);

/// The variables by which a check knows its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// `PODMAN_BOOTC_PHASE`: `boot`, `reboot`, `upgrade` or `rollback`.
    pub phase: &'static str,
    /// `PODMAN_BOOTC_IMAGE`: the image that runs.
    pub image: String,
    /// `PODMAN_BOOTC_BOOT`: the number of the VM's boot, from 1.
    pub boot: u32,
}

/// The checks can't run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Session(#[from] session::Error),
    #[error(transparent)]
    Copy(#[from] copy::Error),
    #[error(
        "the guest has no folder for the checks in /tmp, /var/tmp or its user's home{}",
        crate::text::colon(.0)
    )]
    NoFolder(String),
}

/// A guest that has the checks' files.
pub struct Runner<'a> {
    session: &'a Session,
    environment: Environment,
    /// The time limit for each check.
    limit: Duration,
    /// The folder in the guest, if a check has a file.
    folder: Option<String>,
    /// The copied files and folders of the host, in the order of their numbers in the guest.
    copies: Vec<&'a Path>,
}

impl<'a> Runner<'a> {
    /// Copies the files of the checks into the guest.
    ///
    /// # Errors
    /// A file can't be copied, or the session breaks.
    pub async fn new(
        session: &'a Session,
        checks: &'a [Check],
        environment: Environment,
        limit: Duration,
    ) -> Result<Self, Error> {
        let mut copies: Vec<&Path> = checks
            .iter()
            .filter_map(|check| match &check.work {
                Work::File { copy, .. } => Some(copy.as_path()),
                Work::Command(_) => None,
            })
            .collect();
        copies.dedup();
        let mut runner = Self {
            session,
            environment,
            limit,
            folder: None,
            copies,
        };
        if !runner.copies.is_empty() {
            let (code, said) = session.capture_script(MAKE_FOLDER).await?;
            let folder = said.lines().next().unwrap_or_default();
            if code != 0 || !folder.starts_with('/') {
                return Err(Error::NoFolder(plain(folder)));
            }
            for (number, source) in runner.copies.iter().enumerate() {
                let target = format!("{folder}/{number}");
                session
                    .capture_script(&format!("mkdir {}", quote(&target)))
                    .await?;
                // Of a folder the content.
                let source = match source.is_dir() {
                    true => source.join("."),
                    false => source.to_path_buf(),
                };
                copy::to_guest(session, &source, &format!("{target}/"), |_| ()).await?;
            }
            runner.folder = Some(folder.to_owned());
        }
        Ok(runner)
    }

    /// Runs a check and ends it after the time limit. Dropping the future leaves it running in the
    /// guest until the session is closed. `output` gets what it writes, at once.
    ///
    /// # Errors
    /// The session breaks, or the tool is interrupted.
    pub async fn run(&self, check: &Check, output: &Output) -> Result<End, session::Error> {
        let script = self.script(check);
        // The script takes the end of its input as the order to end the check.
        let (open, stdin) = duplex(1);
        let mut stdout = output.writer(Stream::Stdout);
        let mut stderr = output.writer(Stream::Stderr);
        let work = self
            .session
            .script(&script, stdin, &mut stdout, &mut stderr);
        tokio::pin!(work);
        match timeout(self.limit, &mut work).await {
            Ok(code) => code.map(End::Exit),
            Err(_) => {
                drop(open);
                // A guest that hangs doesn't end it, and the time was over before.
                match timeout(END_TIME, work).await {
                    Ok(Err(error)) if !error.is_loss() => Err(error),
                    _ => Ok(End::TimedOut(self.limit)),
                }
            }
        }
    }

    /// Removes the checks' files from the guest. A failure doesn't matter.
    pub async fn clean(self) {
        if let Some(folder) = &self.folder {
            let remove = format!("rm -rf {}", quote(folder));
            let _ = self.session.capture_script(&remove).await;
        }
    }

    fn script(&self, check: &Check) -> String {
        match &check.work {
            Work::Command(line) => script(&self.environment, None, &command_line(line)),
            Work::File {
                copy,
                name,
                interpreter,
            } => {
                let number = self.copies.iter().position(|other| other == copy);
                let number = number.unwrap_or_default();
                let folder = format!("{}/{number}", self.folder.as_deref().unwrap_or("/tmp"));
                let words: String = interpreter.iter().map(|word| quote(word) + " ").collect();
                let line = format!("exec {words}{}", quote(&format!("./{name}")));
                script(&self.environment, Some(&folder), &line)
            }
        }
    }
}

/// Returns the script that runs a line in the user's shell, as `run IMAGE CMD` does.
fn command_line(line: &str) -> String {
    format!("exec \"${{SHELL:-/bin/sh}}\" -c {}", quote(line))
}

/// Returns the script around a check. It ends the check with its children at the end of its input,
/// and whatever the check leaves running, which would hold the output open.
fn script(environment: &Environment, folder: Option<&str>, line: &str) -> String {
    let Environment { phase, image, boot } = environment;
    let enter = folder.map_or_else(String::new, |folder| {
        format!(
            "cd {} || exit 126\nchmod u+x ./* 2>/dev/null\n",
            quote(folder)
        )
    });
    format!(
        "unset LC_ALL
export PODMAN_BOOTC_PHASE={phase} PODMAN_BOOTC_IMAGE={image} PODMAN_BOOTC_BOOT={boot}
{enter}exec 3<&0
group=$(command -v setsid)
$group sh -c {line} </dev/null 3<&- &
check=$!
end() {{ kill -$1 -$check $check 2>/dev/null; }}
(while read -r line <&3; do :; done; end TERM; sleep 2; end KILL) >/dev/null 2>&1 &
watch=$!
wait $check
code=$?
kill -9 $watch
[ -z \"$group\" ] || end KILL
exit $code",
        image = quote(image),
        line = quote(line),
    )
}

/// Prints a new folder in which the user may execute files, as hardened guests have only some.
const MAKE_FOLDER: &str = "for base in /tmp /var/tmp \"$HOME\"; do
    folder=$(mktemp -d \"$base/podman-bootc-checks.XXXXXX\") || continue
    probe=$folder/probe
    printf '#!/bin/sh\\n' >\"$probe\" && chmod 700 \"$probe\" && \"$probe\" && rm \"$probe\" &&
        echo \"$folder\" && exit 0
    rm -rf \"$folder\"
done
exit 1";

/// The results of some checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub cases: Vec<Case>,
    /// Why the guest can't be used any more, if it ended, rebooted or hangs.
    pub lost: Option<String>,
}

/// Runs all checks; `done` hears of each case as soon as it is known. A check during which the
/// machine ends or reboots is lost, and those after it are skipped. `client` must be attached since
/// before the session began.
///
/// # Errors
/// The checks can't be copied, or the tool is interrupted.
pub async fn run_all(
    client: &mut Client,
    session: &Session,
    checks: &[Check],
    environment: Environment,
    limit: Duration,
    mut done: impl FnMut(&Case),
) -> Result<Ran, Error> {
    let runner = Runner::new(session, checks, environment, limit).await?;
    let mut all = Vec::new();
    let mut lost: Option<String> = None;
    for check in checks {
        let (start, output) = (Instant::now(), Output::default());
        let end = match &lost {
            Some(why) => {
                all.push(Case::skipped(
                    &check.name,
                    &format!("it did not run: {why}"),
                ));
                continue;
            }
            None => match watched(client, runner.run(check, &output)).await? {
                Watched::Done(end) => end,
                Watched::Lost(why) => End::Lost(why),
            },
        };
        lost = match &end {
            End::Lost(why) => Some(why.clone()),
            // A guest that hangs would hold up each check.
            End::TimedOut(_) if !answers(client, session).await? => {
                Some("the guest doesn't answer any more".to_owned())
            }
            _ => None,
        };
        let cases = cases(&check.name, end, start.elapsed(), &output);
        cases.iter().for_each(&mut done);
        all.extend(cases);
    }
    if lost.is_none() {
        runner.clean().await;
    }
    Ok(Ran { cases: all, lost })
}

async fn answers(client: &mut Client, session: &Session) -> Result<bool, session::Error> {
    let question = watched(client, session.capture_script("true"));
    match timeout(END_TIME, question).await {
        Ok(answer) => Ok(matches!(answer?, Watched::Done(_))),
        Err(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use super::*;

    /// Runs the script of a check as a guest's shell does; closes its input after `wait`.
    #[cfg(unix)]
    fn run(work: &str, wait: Option<Duration>) -> (Option<i32>, String) {
        use std::io::Read as _;
        use std::process::{Command, Stdio};
        let environment = Environment {
            phase: "boot",
            image: "localhost/it's".to_owned(),
            boot: 2,
        };
        let script = script(&environment, None, &command_line(work));
        let mut shell = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = shell.stdin.take();
        if let Some(wait) = wait {
            std::thread::sleep(wait);
            drop(stdin);
        } else {
            std::mem::forget(stdin);
        }
        let mut text = String::new();
        shell
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        (shell.wait().unwrap().code(), text)
    }

    #[cfg(unix)]
    #[test]
    fn a_check_sees_its_place_and_ends_with_its_children() {
        let show = "echo $PODMAN_BOOTC_PHASE $PODMAN_BOOTC_IMAGE $PODMAN_BOOTC_BOOT; exit 3";
        let (code, text) = run(show, None);
        assert_eq!((code, &*text), (Some(3), "boot localhost/it's 2\n"));
        // A child that it leaves doesn't hold the output open.
        assert_eq!(run("sleep 1000 & true", None).0, Some(0));
        let start = Instant::now();
        let (code, text) = run(
            "echo a; sleep 1000; echo b",
            Some(Duration::from_millis(500)),
        );
        assert_eq!((code, &*text), (Some(143), "a\n"));
        assert!(start.elapsed() < Duration::from_secs(60));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_in_the_guest_is_one_in_which_files_may_run() {
        let output = std::process::Command::new("sh")
            .args(["-c", MAKE_FOLDER])
            .output()
            .unwrap();
        let folder = String::from_utf8(output.stdout).unwrap();
        let folder = Path::new(folder.trim_end());
        assert!(output.status.success() && folder.is_absolute());
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
        std::fs::remove_dir(folder).unwrap();
    }
}
