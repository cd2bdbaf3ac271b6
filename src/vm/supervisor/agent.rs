//! The host's side of the agent: asks it when the answer is needed, and publishes the answers.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::clients::Broadcaster;
use super::doors::Doors;
use super::guest_report::{Lines, News, Report};
use super::protocol::Message;
use crate::engine::Order;
use crate::guest::boot::units::{AGENT_CHANNEL, EVENTS_CHANNEL, READY_CHANNEL};
use crate::host::fs::dirs::Dirs;
use crate::host::fs::file;
use crate::host::random;
use crate::hypervisor::Machine;
use crate::vm::Vm;
use crate::vm::guest_state::GuestState;
use crate::vm::spec::settings::Ssh;

/// Time between two messages about the guest.
const PUBLISH_TIME: Duration = Duration::from_millis(250);
/// Time from an event to a question: other events follow it, and an answer costs the guest about a
/// second under emulation.
const ASK_TIME: Duration = Duration::from_secs(1);
/// After this time, a question counts as lost.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// Time from an agent's start to its first question, if no client asks before. A boot that goes
/// well ends before that, and the question would slow it down.
const QUIET_TIME: Duration = Duration::from_secs(15);
/// The same, from the first login.
const SETTLE_TIME: Duration = Duration::from_secs(3);

/// The agent of one run of a VM.
pub struct Agent {
    report: Report,
    agent: Channel,
    events: Channel,
    ready: Option<usize>,
    orders: mpsc::UnboundedSender<Order>,
    clients: Arc<Broadcaster>,
    doors: Arc<Doors>,
    file: PathBuf,
    /// The answer to a guest that asks for the agent.
    bootstrap: Option<String>,
    /// The time of its last answer to a guest.
    bootstrapped: Option<Instant>,
    /// No client comes through the first door.
    is_only_door: bool,
    /// An agent has said hello.
    is_there: bool,
    /// The guest writes its journal's messages to the events channel.
    watches: bool,
    /// The guest has been asked for its sshd's settings.
    knows_config: bool,
    /// The guest's SSH servers have settled.
    settled: bool,
    /// Clients know that the network came up after that.
    network_is_told: bool,
    /// A client has restarted the guest's userspace, which all others know.
    restarts: bool,
    /// The time of the first question.
    watch_at: Option<Instant>,
    /// The time of the question that has no answer yet.
    asked: Option<Instant>,
    /// The state is old: ask at this time.
    ask_at: Option<Instant>,
    /// The state has changed: publish it at this time.
    publish_at: Option<Instant>,
    published: Option<Instant>,
}

/// A channel of the machine, and the lines on it.
#[derive(Default)]
struct Channel {
    index: Option<usize>,
    lines: Lines,
}

impl Agent {
    pub fn new(
        vm: &Vm,
        dirs: &Dirs,
        machine: &Machine,
        orders: mpsc::UnboundedSender<Order>,
        clients: Arc<Broadcaster>,
        doors: Arc<Doors>,
        bootstrap: Option<String>,
    ) -> Self {
        let index = |name| machine.channels.iter().position(|c| c.name == name);
        let channel = |name| Channel {
            index: index(name),
            ..Channel::default()
        };
        Self {
            report: Report::default(),
            agent: channel(AGENT_CHANNEL),
            events: channel(EVENTS_CHANNEL),
            ready: index(READY_CHANNEL),
            orders,
            clients,
            doors,
            file: file_of(vm, dirs),
            bootstrap,
            bootstrapped: None,
            is_only_door: vm.spec.settings.ssh == Ssh::Direct,
            is_there: false,
            watches: false,
            knows_config: false,
            settled: false,
            network_is_told: false,
            restarts: false,
            watch_at: None,
            asked: None,
            ask_at: None,
            publish_at: None,
            published: None,
        }
    }

    /// Forgets the guest: the machine has started, once more.
    pub fn reset(&mut self) {
        self.report = Report::default();
        (self.agent.lines, self.events.lines) = Default::default();
        (self.is_there, self.watches, self.settled) = (false, false, false);
        (self.network_is_told, self.restarts) = (false, false);
        (self.watch_at, self.asked, self.ask_at) = (None, None, None);
        (self.publish_at, self.published, self.bootstrapped) = (None, None, None);
        self.doors.close_all();
        self.clients
            .forget(|message| matches!(message, Message::Guest { .. } | Message::SshSettled));
        // It may not exist yet.
        let _ = std::fs::remove_file(&self.file);
    }

    /// Reads bytes of a channel. Other channels' are ignored.
    pub fn on_channel(&mut self, index: usize, bytes: &[u8]) {
        let index = Some(index);
        if index == self.ready {
            self.on_ready();
        } else if index == self.agent.index {
            for line in self.agent.lines.push(bytes) {
                if let Some(news) = self.report.agent_line(&line) {
                    self.on_news(&news);
                }
            }
        } else if index == self.events.index {
            for line in self.events.lines.push(bytes) {
                if let Some(news) = self.report.journal_line(&line) {
                    self.on_news(&news);
                }
            }
        }
    }

    fn on_news(&mut self, news: &News) {
        match news {
            News::Hello => {
                // A second one may be of a system that was restarted alone: the answer tells.
                let quiet = if self.is_there && !self.restarts {
                    self.settled = false;
                    Duration::ZERO
                } else {
                    QUIET_TIME
                };
                (self.is_there, self.watches, self.asked) = (true, false, None);
                self.watch_at = Some(Instant::now() + quiet);
                self.doors.open_all();
                if self.is_only_door
                    && let Some(line) = self.doors.start_sshd(0)
                {
                    self.tell(&line);
                }
                self.changed();
            }
            // A guest that asks all the time gets no more answers than it can read.
            News::Bootstrap => {
                let is_due = self
                    .bootstrapped
                    .is_none_or(|time| time.elapsed() >= PUBLISH_TIME);
                if let Some(answer) = self.bootstrap.as_ref().filter(|_| is_due) {
                    self.tell(answer);
                    self.bootstrapped = Some(Instant::now());
                }
            }
            News::SoftReboot if std::mem::take(&mut self.restarts) => self.answered(),
            News::SoftReboot => {
                let soft_reboots = Some(self.report.state().soft_reboots);
                self.clients.publish(Message::Rebooted { soft_reboots });
                if self.settled {
                    self.clients.publish(Message::SshSettled);
                }
                self.answered();
            }
            News::Closed(number) => {
                self.doors.closed(*number);
                self.changed();
            }
            News::Answer => self.answered(),
            News::State => self.changed(),
            News::Stale => self.ask_again(),
        }
    }

    /// The guest says that its SSH servers have settled, or that its network has come up after that.
    fn on_ready(&mut self) {
        if self.settled && !std::mem::replace(&mut self.network_is_told, true) {
            self.clients.publish(Message::SshSettled);
        }
        self.settle();
    }

    fn settle(&mut self) {
        if !std::mem::replace(&mut self.settled, true) {
            self.clients.publish(Message::SshSettled);
        }
    }

    fn answered(&mut self) {
        self.asked = None;
        self.changed();
    }

    fn ask_again(&mut self) {
        self.ask_at.get_or_insert_with(|| Instant::now() + ASK_TIME);
    }

    fn changed(&mut self) {
        let soonest = self.published.map(|time| time + PUBLISH_TIME);
        let now = Instant::now();
        self.publish_at
            .get_or_insert_with(|| soonest.map_or(now, |time| time.max(now)));
    }

    /// A client needs to know the guest's state.
    pub fn ask(&mut self) {
        if self.is_there {
            let now = Some(Instant::now());
            (self.watch_at, self.ask_at) = (now, now);
        }
    }

    /// A client has logged in.
    pub fn on_login(&mut self) {
        if self.is_there && !self.watches {
            self.watch_at = Some(Instant::now() + SETTLE_TIME);
        }
    }

    /// The guest's userspace restarts.
    pub fn restarts(&mut self) {
        (self.settled, self.restarts) = (false, true);
        self.network_is_told = false;
        self.clients.publish(Message::REBOOTED);
    }

    /// The guest runs on from a state: gives it random numbers of its own, and sets its clock. It
    /// answers as if it had just started.
    pub fn on_woken(&self) {
        match random::secret::<32>() {
            Ok(seed) => {
                let seed = seed.map(|byte| format!("{byte:02x}")).concat();
                self.tell(&format!("seed {seed}\n"));
            }
            Err(error) => tracing::warn!(%error, "can't give the guest new random numbers"),
        }
        self.tell_time("time");
    }

    /// Sets the guest's clock after a pause of which the guest knows nothing.
    pub fn set_clock(&self) {
        self.tell_time("clock");
    }

    fn tell_time(&self, word: &str) {
        let now = jiff::Timestamp::now();
        let (seconds, nanoseconds) = (now.as_second(), now.subsec_nanosecond());
        self.tell(&format!("{word} {seconds}.{nanoseconds:09}\n"));
    }

    /// Asks the guest to shut down.
    pub fn power_off(&self) {
        self.tell("poweroff\n");
    }

    /// Returns the time for [`Self::act`].
    pub fn next(&self) -> Option<Instant> {
        let ask_at = self.ask_at.map(|time| match self.asked {
            Some(asked) => time.max(asked + ANSWER_TIME),
            None => time,
        });
        [self.watch_at, ask_at, self.publish_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due. Called at [`Self::next`].
    pub fn act(&mut self) {
        let now = Instant::now();
        let is_due = |time: Option<Instant>| time.is_some_and(|time| time <= now);
        if is_due(self.publish_at) {
            self.publish_at = None;
            self.published = Some(now);
            self.publish();
        }
        if is_due(self.watch_at) {
            self.watch_at = None;
            if !self.watches {
                self.watches = true;
                self.tell("events\n");
                self.ask_at = Some(now);
                self.knows_config = false;
                // A guest without that signal is up by now, too.
                self.settle();
            }
        }
        let waits = self.asked.is_some_and(|asked| asked + ANSWER_TIME > now);
        if is_due(self.ask_at) && !waits {
            self.ask_at = None;
            self.asked = Some(now);
            self.tell(if self.knows_config {
                "status\n"
            } else {
                "status config\n"
            });
            self.knows_config = true;
        }
    }

    /// Sends text to the agent's port.
    fn tell(&self, text: &str) {
        if let Some(index) = self.agent.index {
            // An engine that has ended needs no orders.
            let _ = self.orders.send(Order::Channel(index, text.into()));
        }
    }

    fn publish(&self) {
        let state = self.report.state();
        self.clients.publish(Message::Guest {
            state: state.clone(),
        });
        let written = serde_json::to_vec(state)
            .map_err(std::io::Error::from)
            .and_then(|text| file::create_private(&self.file)?.write_all(&text));
        if let Err(error) = written {
            tracing::error!(path = %self.file.display(), %error, "can't write the guest's state");
        }
    }
}

/// Returns the newest state of a running VM's guest, if its agent has reported one.
pub fn read(vm: &Vm, dirs: &Dirs) -> Option<GuestState> {
    serde_json::from_slice(&std::fs::read(file_of(vm, dirs)).ok()?).ok()
}

fn file_of(vm: &Vm, dirs: &Dirs) -> PathBuf {
    dirs.runtime_of(&vm.spec.id).join("guest")
}
