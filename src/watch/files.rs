//! Changes of the sources: a thread that watches folders, and reports changes that count once they
//! have stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use notify::event::{CreateKind, ModifyKind, RenameMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _, WatcherKind};
use tokio::sync::{mpsc, oneshot};

use super::cycle::Cause;
use super::outputs::Outputs;
use super::scan::{Snapshot, each_folder};
use super::sources::{Rules, Sources};
use crate::host::fs::{identity, is_on_network};

/// Time without a change after which changes are reported.
const QUIET: Duration = Duration::from_millis(200);
/// Longest time from the first change to its report.
const LONGEST: Duration = Duration::from_secs(2);
/// Time without an event after which all changes of the past have been seen.
const SETTLED: Duration = Duration::from_millis(30);
const LONGEST_SETTLING: Duration = Duration::from_millis(500);
/// Time between two looks whether a watched folder is still the same: nothing reports that a folder
/// above it was moved.
const LOOK: Duration = Duration::from_secs(1);
/// Time between two scans in polling, and how it grows with the time that a scan takes.
const POLL: Duration = Duration::from_secs(1);
const LONGEST_POLL: Duration = Duration::from_secs(30);
const POLL_FACTOR: u32 = 100;
/// Paths that one report names.
const PATHS: usize = 10_000;

/// What the thread reports.
#[derive(Debug)]
pub enum Report {
    Changed(Cause),
    /// A message for the user.
    Note(String),
}

/// The running thread, which ends with this value.
#[derive(Debug)]
pub struct Files {
    pub reports: mpsc::UnboundedReceiver<Report>,
    orders: Sender<Message>,
}

enum Message {
    Event(notify::Result<notify::Event>),
    /// Report what has changed until now, and answer.
    Settle(oneshot::Sender<()>),
}

impl Files {
    /// Begins to watch. What changes after the return is reported. With `poll`, no events are used.
    pub fn watch(sources: Sources, poll: bool) -> Self {
        let (orders, messages) = channel();
        let (reporter, reports) = mpsc::unbounded_channel();
        let rules = sources.rules();
        let mut thread = Thread {
            identities: identities(&sources, &rules),
            rules,
            sources,
            outputs: Outputs::of_this_process(),
            way: Way::Poll(Snapshot::default()),
            known: None,
            orders: orders.clone(),
            reporter,
            paths: Batch::default(),
        };
        thread.begin(poll);
        std::thread::spawn(move || thread.run(&messages));
        Self { reports, orders }
    }

    /// Waits until the thread has reported every change before this call.
    pub async fn settle(&self) {
        let (answer, answered) = oneshot::channel();
        if self.orders.send(Message::Settle(answer)).is_ok() {
            // An error means that the thread has ended.
            let _ = answered.await;
        }
    }
}

/// How changes are seen.
enum Way {
    Events(RecommendedWatcher),
    Poll(Snapshot),
}

/// Changes that are not reported yet.
#[derive(Default)]
struct Batch {
    cause: Option<Cause>,
    /// The times of the first and the last change.
    times: Option<(Instant, Instant)>,
}

struct Thread {
    sources: Sources,
    rules: Rules,
    outputs: Outputs,
    /// The watched roots, with what tells them from others in their place.
    identities: BTreeMap<PathBuf, Option<(u64, u64)>>,
    way: Way,
    /// All files at the time when events were last lost.
    known: Option<Snapshot>,
    orders: Sender<Message>,
    reporter: mpsc::UnboundedSender<Report>,
    paths: Batch,
}

impl Thread {
    fn begin(&mut self, poll: bool) {
        let network = self.rules.roots().into_iter().map(|root| root.folder);
        let network = network.into_iter().find(|folder| is_on_network(folder));
        if poll {
            self.poll();
        } else if let Some(folder) = network {
            self.note(format!(
                "{} may be on a network, which reports no changes: polling",
                folder.display()
            ));
            self.poll();
        } else {
            self.use_events();
        }
    }

    fn run(mut self, messages: &Receiver<Message>) {
        let mut look = Instant::now() + LOOK;
        let mut scan = Instant::now() + POLL;
        while !self.reporter.is_closed() {
            let now = Instant::now();
            let mut next = look;
            if let Way::Poll(_) = self.way {
                next = next.min(scan);
            }
            if let Some(due) = self.paths.due() {
                next = next.min(due);
            }
            match messages.recv_timeout(next.saturating_duration_since(now)) {
                Ok(Message::Event(event)) => self.event(event),
                Ok(Message::Settle(answer)) => self.settle(messages, answer),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            if now >= look {
                self.look();
                look = now + LOOK;
            }
            if now >= scan && matches!(self.way, Way::Poll(_)) {
                self.scan();
                let took = now.elapsed();
                scan = Instant::now() + (took * POLL_FACTOR).clamp(POLL, LONGEST_POLL);
            }
            if self.paths.due().is_some_and(|due| Instant::now() >= due) {
                self.report();
            }
        }
    }

    fn settle(&mut self, messages: &Receiver<Message>, answer: oneshot::Sender<()>) {
        let end = Instant::now() + LONGEST_SETTLING;
        while Instant::now() < end {
            match messages.recv_timeout(SETTLED) {
                Ok(Message::Event(event)) => self.event(event),
                Ok(Message::Settle(_)) => {}
                Err(_) => break,
            }
        }
        if let Way::Poll(_) = self.way {
            self.scan();
        }
        self.report();
        // An error means that the caller waits no longer.
        let _ = answer.send(());
    }

    fn event(&mut self, event: notify::Result<notify::Event>) {
        let event = match event {
            Ok(event) => event,
            Err(error) if is_limit(&error) => return self.fall_back(&error),
            Err(_) => return self.changed_somewhere(),
        };
        if event.need_rescan() {
            return self.changed_somewhere();
        }
        let appears = matches!(
            event.kind,
            EventKind::Create(CreateKind::Folder | CreateKind::Any)
                | EventKind::Modify(ModifyKind::Name(
                    RenameMode::To | RenameMode::Any | RenameMode::Both
                ))
        );
        for path in event.paths {
            if appears && self.is_deep(&path) && path.is_dir() && !path.is_symlink() {
                self.watch_below(&path);
            }
            self.changed(&path);
        }
    }

    fn changed(&mut self, path: &Path) {
        let renew = self.rules.decides(path);
        if self.rules.counts(path) && !self.outputs.has(path) {
            self.paths.add(self.rules.name(path), Some(path));
        }
        if renew {
            self.renew();
        }
    }

    /// Returns true for a folder of which all folders in it are watched.
    fn is_deep(&self, path: &Path) -> bool {
        let roots = self.rules.roots();
        let mut deep = roots.iter().filter(|root| root.deep);
        deep.any(|root| path.starts_with(&root.folder))
    }

    /// Events were lost: perhaps only reads, as a build's, so that from the second time on all
    /// files are compared.
    fn changed_somewhere(&mut self) {
        self.renew();
        let now = Snapshot::take(&self.rules);
        let changed = self.known.as_ref().map(|old| old.differences(&now, PATHS));
        self.known = Some(now);
        match changed {
            Some(changed) => changed.iter().for_each(|path| self.changed(path)),
            None => self.paths.add("many files".into(), None),
        }
    }

    /// Reads the rules again, and watches what they now name.
    fn renew(&mut self) {
        self.rules = self.sources.rules();
        self.identities = identities(&self.sources, &self.rules);
        match self.way {
            Way::Events(_) => self.watch_roots(),
            Way::Poll(_) => self.poll(),
        }
    }

    /// Finds roots that were moved, replaced or created.
    fn look(&mut self) {
        let now = identities(&self.sources, &self.rules);
        let known = std::mem::take(&mut self.identities);
        let changed = now
            .iter()
            .find(|(path, identity)| known.get(*path) != Some(identity));
        let changed = changed.map(|(path, identity)| (path.clone(), identity.is_some()));
        self.identities = now;
        let Some((path, exists)) = changed else {
            return;
        };
        let name = self.rules.name(&path);
        if exists {
            // A new watcher, because the old one has the old folder under the same name.
            match self.way {
                Way::Events(_) => {
                    self.rules = self.sources.rules();
                    self.use_events();
                }
                Way::Poll(_) => self.renew(),
            }
            self.identities = identities(&self.sources, &self.rules);
        } else {
            self.note(format!("{name} is gone: waiting until it is back"));
            return;
        }
        self.paths.add(name, Some(&path));
    }

    fn use_events(&mut self) {
        let orders = self.orders.clone();
        let handler = move |event: notify::Result<notify::Event>| {
            // A build reads all sources.
            let is_read = |event: &notify::Event| event.kind.is_access();
            if !event.as_ref().is_ok_and(is_read) {
                // An error means that the thread has ended.
                let _ = orders.send(Message::Event(event));
            }
        };
        let config = notify::Config::default().with_follow_symlinks(false);
        match RecommendedWatcher::new(handler, config) {
            Ok(watcher) => {
                self.way = Way::Events(watcher);
                self.watch_roots();
            }
            Err(error) => self.fall_back(&error),
        }
    }

    fn watch_roots(&mut self) {
        for root in self.rules.roots() {
            match root.deep {
                true => self.watch_below(&root.folder),
                false => self.watch_one(&root.folder, RecursiveMode::NonRecursive),
            }
        }
    }

    /// Watches a folder and the folders in it that count. inotify takes one folder at a time.
    fn watch_below(&mut self, folder: &Path) {
        if RecommendedWatcher::kind() != WatcherKind::Inotify {
            return self.watch_one(folder, RecursiveMode::Recursive);
        }
        let Way::Events(watcher) = &mut self.way else {
            return;
        };
        let mut limit = None;
        each_folder(folder, &self.rules, &mut |folder| {
            let watched = watcher.watch(folder, RecursiveMode::NonRecursive);
            limit = limit.take().or(watched.err().filter(is_limit));
        });
        if let Some(error) = limit {
            self.fall_back(&error);
        }
    }

    fn watch_one(&mut self, folder: &Path, mode: RecursiveMode) {
        let Way::Events(watcher) = &mut self.way else {
            return;
        };
        // A folder that is gone by now was reported, or `look` finds it.
        if let Err(error) = watcher.watch(folder, mode)
            && is_limit(&error)
        {
            self.fall_back(&error);
        }
    }

    fn fall_back(&mut self, error: &notify::Error) {
        if matches!(self.way, Way::Events(_)) || !is_limit(error) {
            self.note(format!("the system reports no changes ({error}): polling"));
        }
        self.poll();
    }

    fn poll(&mut self) {
        self.way = Way::Poll(Snapshot::take(&self.rules));
    }

    fn scan(&mut self) {
        let Way::Poll(old) = &self.way else {
            return;
        };
        let new = Snapshot::take(&self.rules);
        let changed = old.differences(&new, PATHS);
        self.way = Way::Poll(new);
        for path in changed {
            self.changed(&path);
        }
    }

    fn report(&mut self) {
        self.look();
        if !self.sources.context.exists() {
            return self.paths.postpone();
        }
        if let Some(mut cause) = self.paths.take() {
            // After a rename, the new name tells more than the old one.
            let mut there = cause.paths.iter().filter(|path| path.exists());
            let is_there = |path: &PathBuf| self.rules.name(path) == cause.label && path.exists();
            if !cause.paths.iter().any(is_there)
                && let Some(path) = there.next()
            {
                cause.label = self.rules.name(path);
            }
            self.send(Report::Changed(cause));
        }
    }

    fn note(&self, message: String) {
        self.send(Report::Note(message));
    }

    fn send(&self, report: Report) {
        // An error means that nobody watches any more.
        let _ = self.reporter.send(report);
    }
}

impl Batch {
    fn add(&mut self, name: String, path: Option<&Path>) {
        let now = Instant::now();
        let first = self.times.map_or(now, |(first, _)| first);
        self.times = Some((first, now));
        let cause = self.cause.get_or_insert_with(|| Cause::other(&name));
        if cause.paths.len() < PATHS {
            cause.paths.extend(path.map(Path::to_owned));
        }
    }

    fn due(&self) -> Option<Instant> {
        let (first, last) = self.times?;
        Some((last + QUIET).min(first + LONGEST))
    }

    fn postpone(&mut self) {
        let now = Instant::now();
        self.times = self.times.map(|_| (now, now));
    }

    fn take(&mut self) -> Option<Cause> {
        self.times = None;
        self.cause.take()
    }
}

/// Returns what is at each root, as the user names it.
fn identities(sources: &Sources, rules: &Rules) -> BTreeMap<PathBuf, Option<(u64, u64)>> {
    let named = [sources.context.clone()].into_iter();
    let named = named.chain(rules.roots().into_iter().map(|root| root.folder));
    let look = |path: PathBuf| {
        let found = std::fs::metadata(&path).ok();
        (path, found.as_ref().map(identity))
    };
    named.map(look).collect()
}

fn is_limit(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => true,
        // No more watchers for this user.
        notify::ErrorKind::Io(error) => matches!(error.raw_os_error(), Some(24 | 28)),
        _ => false,
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
