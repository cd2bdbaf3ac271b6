//! `podman-bootc logs`

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use super::Context;
use super::args::time::parse_since;
use super::args::vm::VmArg;
use crate::engine::log::{ReadFrom, Reader, pieces};
use crate::guest::shell::shell_line;
use crate::host;
use crate::text::{Progress, plain};
use crate::ui::StderrProgress;
use crate::vm::live::Live;
use crate::vm::supervisor::client::Client;
use crate::vm::{Error, State, Vm};

/// Show the output of a VM's serial console, or its journal
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc logs -f web                  the console's output, also what is still to come
  podman-bootc logs --since 5m web
  podman-bootc logs --journal --boot web    the VM must run, unless `run --journal` created it")]
pub struct Args {
    /// Keep printing new output until the VM ends
    #[arg(short, long)]
    follow: bool,
    /// Show only output since the VM's last start
    #[arg(short, long)]
    boot: bool,
    /// Show only output since this time: an age, in seconds or as in 90s, 5m, 2h, or a date such as
    /// 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_since, conflicts_with = "boot")]
    since: Option<Timestamp>,
    /// Show the journal instead of the console
    #[arg(short, long)]
    journal: bool,
    #[command(flatten)]
    vm: VmArg,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<u8> {
        let vm = self.vm.find(context)?;
        if self.journal && !vm.spec.settings.journal {
            return self.journal_from_guest(context, &vm);
        }
        let path = if self.journal {
            vm.journal_log()
        } else {
            vm.console_log()
        };
        let from = match (self.since, self.boot) {
            (Some(time), _) => ReadFrom::Time(time),
            (None, true) => ReadFrom::LastBoot,
            (None, false) => ReadFrom::Start,
        };
        let mut newest = None;
        for (path, place) in pieces(&path, from) {
            newest = Reader::open(&path, place)
                .with_context(|| format!("can't read {}", path.display()))?;
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

    /// Runs journalctl in the guest, which must be running.
    fn journal_from_guest(&self, context: &Context, vm: &Vm) -> Result<u8> {
        if vm.state() != State::Running {
            bail!(
                "VM {name} is not running, so it can't show its journal: start it with `podman-bootc start {name}`. \
                 `run --journal` also stores the journal on this host",
                name = vm.spec.name
            );
        }
        let stage = StderrProgress::new(false).stage("boot");
        let (mut client, ready) = context.session(vm, &vm.spec.user, None, stage)?;
        let mut words = vec![
            "journalctl".to_owned(),
            "--no-pager".into(),
            "--output=short-precise".into(),
        ];
        words.extend(self.follow.then(|| "--follow".into()));
        words.extend((self.boot || self.follow).then(|| "--lines=all".into()));
        words.extend(self.boot.then(|| "--boot".into()));
        // journalctl compares with the guest's clock, which wrote the journal.
        words.extend(
            self.since
                .map(|since| format!("--since=@{}", since.as_second())),
        );
        let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
        let mut live = Live {
            vm,
            store: &context.store,
            user: &vm.spec.user,
            client: &mut client,
            boot: ready.boot,
        };
        let line = shell_line(&words)?;
        let work = live.work(ready.session.run(&line, false), |result| {
            result.as_ref().is_err_and(|error| error.is_loss())
        });
        let code = context.block_on(work)??;
        Ok(u8::try_from(code).unwrap_or(255))
    }
}

/// Copies new output until the VM ends. Each message of the supervisor can mean new output.
async fn follow(log: &mut Reader, vm: &Vm, context: &Context) -> Result<()> {
    let Ok(mut client) = Client::attach(vm, &context.dirs, false).await else {
        return Ok(());
    };
    loop {
        let ended = tokio::select! {
            message = client.next() => match message {
                Err(Error::Interrupted(signal)) => return Err(signal.into()),
                other => other.is_err(),
            },
            // A prompt is not a whole line, and the supervisor sends no message for it.
            () = tokio::time::sleep(Duration::from_millis(200)) => false,
        };
        if copy(log)?.is_break() || ended {
            return Ok(());
        }
    }
}

/// Copies new output to stdout. Returns a break if nothing reads it, so that `logs | head`
/// succeeds.
fn copy(log: &mut Reader) -> Result<ControlFlow<()>> {
    let mut bytes = log.read_new().context("can't read the log")?;
    if bytes.is_empty() && host::stdout_has_no_reader() {
        return Ok(ControlFlow::Break(()));
    }
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        // A guest must not control the user's terminal.
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
        Err(e) => Err(e).context("can't write to stdout"),
    }
}
