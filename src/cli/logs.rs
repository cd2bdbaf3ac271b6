//! `podman-bootc logs`

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use super::Context;
use super::args::vm::VmArg;
use crate::engine::log::{ReadFrom, Reader, pieces};
use crate::guest::shell::shell_line;
use crate::host;
use crate::text::Progress;
use crate::text::{parse_time, plain};
use crate::ui::StderrProgress;
use crate::vm::supervisor::client::Client;
use crate::vm::{Error, State, Vm};

/// Show what a VM's serial console wrote, or its journal
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc logs -f web                  the console, and what is still to come
  podman-bootc logs --since 5m web
  podman-bootc logs --journal --boot web    needs the VM to be up, unless it was made with `run --journal`")]
pub struct Args {
    /// Go on until the VM ends
    #[arg(short, long)]
    follow: bool,
    /// Only since the VM's last start
    #[arg(short, long)]
    boot: bool,
    /// Only since this time: a time ago, in seconds or as in 90s, 5m, 2h; or as in 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_since, conflicts_with = "boot")]
    since: Option<Timestamp>,
    /// The journal instead of the console
    #[arg(short, long)]
    journal: bool,
    #[command(flatten)]
    vm: VmArg,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<u8> {
        let vm = self.vm.find(context)?;
        if self.journal && !vm.spec.settings.journal {
            return self.ask_guest(context, &vm);
        }
        let path = if self.journal { vm.journal_log() } else { vm.console_log() };
        let from = match (self.since, self.boot) {
            (Some(time), _) => ReadFrom::Time(time),
            (None, true) => ReadFrom::LastBoot,
            (None, false) => ReadFrom::Start,
        };
        let mut newest = None;
        for (path, place) in pieces(&path, from) {
            newest = Reader::open(&path, place).with_context(|| format!("can't read {}", path.display()))?;
            if let Some(log) = &mut newest
                && copy(log)?.is_break()
            {
                return Ok(0);
            }
        }
        if let (true, Some(log)) = (self.follow, &mut newest) {
            context.block_on(follow(log, &vm, context))?;
        }
        Ok(0)
    }

    /// The guest has the journal: so it has to be up.
    fn ask_guest(&self, context: &Context, vm: &Vm) -> Result<u8> {
        if vm.state() != State::Running {
            bail!(
                "VM {} is not running, and its journal is in it; with `run --journal` it is kept on this host, too",
                vm.spec.name
            );
        }
        let stage = StderrProgress::new(false).stage("boot");
        let ready = context.session(vm, &vm.spec.user, None, stage)?;
        let mut words = vec!["journalctl".to_owned(), "--no-pager".into(), "--output=short-precise".into()];
        words.extend(self.follow.then(|| "--follow".into()));
        words.extend((self.boot || self.follow).then(|| "--lines=all".into()));
        words.extend(self.boot.then(|| "--boot".into()));
        // The guest's clock may be wrong, but it is the journal's.
        words.extend(self.since.map(|since| format!("--since=@{}", since.as_second())));
        let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
        let code = context.block_on(ready.session.run(&shell_line(&words)?))?;
        Ok(u8::try_from(code).unwrap_or(255))
    }
}

/// A time ago, or a time.
fn parse_since(text: &str) -> Result<Timestamp> {
    if let Ok(ago) = parse_time(text) {
        let time = SystemTime::now().checked_sub(ago).context("that is too long ago")?;
        return Ok(Timestamp::try_from(time)?);
    }
    text.parse().ok().with_context(|| {
        format!("`{text}` is no time; write seconds, or as in 90s, 5m, 2h, or as in 2026-01-31T12:00:00Z")
    })
}

/// Goes on copying: each message of the supervisor may mean more of the log.
async fn follow(log: &mut Reader, vm: &Vm, context: &Context) -> Result<()> {
    let Ok(mut client) = Client::attach(vm, &context.dirs, false).await else { return Ok(()) };
    loop {
        let over = tokio::select! {
            message = client.next() => match message {
                Err(Error::Interrupted(signal)) => return Err(signal.into()),
                other => other.is_err(),
            },
            // A prompt is no whole line, and so no message.
            () = tokio::time::sleep(Duration::from_millis(200)) => false,
        };
        if copy(log)?.is_break() || over {
            return Ok(());
        }
    }
}

/// Copies what is new, and says whether to go on: `logs | head` ends without a failure.
fn copy(log: &mut Reader) -> Result<ControlFlow<()>> {
    let mut bytes = log.read_new().context("can't read the log")?;
    if bytes.is_empty() && host::stdout_has_no_reader() {
        return Ok(ControlFlow::Break(()));
    }
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        // A guest is not trusted with the user's terminal.
        let text = String::from_utf8_lossy(&bytes);
        bytes = text
            .split_inclusive('\n')
            .map(|line| plain(line) + if line.ends_with('\n') { "\n" } else { "" })
            .collect::<String>()
            .into_bytes();
    }
    match out.write_all(&bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(e) => Err(e).context("can't write"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_ago_or_absolute() {
        let ago = parse_since("5m").unwrap();
        let seconds = Timestamp::now().as_second() - ago.as_second();
        assert!((299..=302).contains(&seconds), "{seconds}");
        assert_eq!(parse_since("1970-01-01T00:01:00Z").unwrap().as_second(), 60);
        assert!(parse_since("yesterday").unwrap_err().to_string().contains("5m"));
    }
}
