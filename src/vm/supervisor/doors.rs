//! The second SSH door: a local socket, whose connections go to an sshd of ours over virtio-serial
//! ports, one session on each.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;

use crate::engine::Order;
use crate::guest::boot::units::DOORS;
use crate::host::net::socket::{Listener, Stream};
use crate::host::net::vsock;

/// The socket's name in the VM's runtime folder.
pub const SOCKET: &str = "door";
/// Pause after a failure to accept a connection.
const PAUSE: Duration = Duration::from_millis(100);
/// Time for the last bytes of a session that has ended in the guest.
const LAST_BYTES: Duration = Duration::from_millis(300);
/// Time limit for the end of a session in the guest, after the host has closed its port.
const CLOSE_TIME: Duration = Duration::from_secs(30);
/// Ports on which an sshd waits for the next client, once they have had one.
const KEPT_READY: usize = 2;

/// The ports of the second door.
pub struct Doors {
    state: Mutex<State>,
    /// A port has become free.
    freed: Notify,
}

struct State {
    /// The guest has an agent.
    open: bool,
    /// The lowest number comes first: an sshd may wait there.
    free: BTreeSet<usize>,
    ports: Vec<Port>,
}

#[derive(Default)]
struct Port {
    /// The number of sessions that have ended in the guest.
    ended: watch::Sender<u64>,
    /// The agent has been told to start an sshd here, which has not ended since.
    has_sshd: bool,
}

impl Default for Doors {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                open: false,
                free: (0..DOORS).collect(),
                ports: (0..DOORS).map(|_| Port::default()).collect(),
            }),
            freed: Notify::new(),
        }
    }
}

impl Doors {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An agent has started: it can open doors. No sshd of another agent is left.
    pub fn open_all(&self) {
        let mut state = self.state();
        state.open = true;
        state
            .ports
            .iter_mut()
            .for_each(|port| port.has_sshd = false);
    }

    /// The guest has no agent any more, and all its sessions have ended.
    pub fn close_all(&self) {
        self.state().open = false;
        (0..DOORS).for_each(|number| self.closed(number));
    }

    /// The session on this port has ended in the guest.
    pub fn closed(&self, number: usize) {
        if let Some(port) = self.state().ports.get_mut(number) {
            port.has_sshd = false;
            port.ended.send_modify(|count| *count += 1);
        }
    }

    /// Takes a free port. Waits while all are in use. Returns none without an agent.
    async fn take(&self) -> Option<(usize, watch::Receiver<u64>)> {
        loop {
            let freed = self.freed.notified();
            {
                let mut state = self.state();
                if !state.open {
                    return None;
                }
                if let Some(number) = state.free.pop_first() {
                    return Some((number, state.ports[number].ended.subscribe()));
                }
            }
            freed.await;
        }
    }

    fn free(&self, number: usize) {
        self.state().free.insert(number);
        self.freed.notify_one();
    }

    /// Returns the line that tells the agent to start an sshd on this port, unless one waits there. Its
    /// greeting waits in the guest until a client comes.
    pub fn start_sshd(&self, number: usize) -> Option<String> {
        let mut state = self.state();
        let is_due = state.open && !std::mem::replace(&mut state.ports[number].has_sshd, true);
        is_due.then(|| format!("ssh {number}\n"))
    }
}

/// The way to the guest's ports and to its agent.
#[derive(Clone)]
pub struct Ports {
    /// The hypervisor listens on these.
    pub sockets: Vec<PathBuf>,
    /// The index of the agent's channel.
    pub agent: usize,
    pub orders: mpsc::UnboundedSender<Order>,
}

impl Ports {
    fn start_sshd(&self, doors: &Doors, number: usize) {
        if let Some(line) = doors.start_sshd(number) {
            let _ = self.orders.send(Order::Channel(self.agent, line.into()));
        }
    }
}

/// Serves connections until it is cancelled.
pub async fn serve(mut listener: Listener, doors: Arc<Doors>, ports: Ports) {
    loop {
        match listener.accept().await {
            Ok(client) => {
                tokio::spawn(serve_client(client, Arc::clone(&doors), ports.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "can't accept a client of the second SSH door");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn serve_client(client: Stream, doors: Arc<Doors>, ports: Ports) {
    // A client that gets no greeting tries again.
    let Some((number, mut ended)) = doors.take().await else {
        return;
    };
    let ended_in_guest = match session(client, number, &doors, &mut ended, &ports).await {
        Ok(true) => true,
        // The guest must have closed its side before the next session: its bytes would be mixed up.
        Ok(false) => timeout(CLOSE_TIME, ended.changed()).await.is_ok(),
        Err(error) => {
            tracing::debug!(%error, number, "a session of the second SSH door can't begin");
            false
        }
    };
    if ended_in_guest && number < KEPT_READY {
        ports.start_sshd(&doors, number);
    }
    doors.free(number);
}

/// Carries one session. Returns true if it has ended in the guest.
async fn session(
    mut client: Stream,
    number: usize,
    doors: &Doors,
    ended: &mut watch::Receiver<u64>,
    ports: &Ports,
) -> io::Result<bool> {
    let path = ports.sockets[number].clone();
    let guest = tokio::task::spawn_blocking(move || vsock::connect_socket(&path)).await??;
    guest.set_nonblocking(true)?;
    // A TCP stream in name only: it uses nothing but what all stream sockets can do.
    let mut guest = TcpStream::from_std(guest)?;
    ports.start_sshd(doors, number);
    {
        let mut copy = std::pin::pin!(tokio::io::copy_bidirectional_with_sizes(
            &mut client,
            &mut guest,
            64 << 10,
            64 << 10
        ));
        tokio::select! {
            copied = &mut copy => {
                if let Err(error) = copied {
                    tracing::debug!(%error, number, "a session of the second SSH door broke");
                }
                return Ok(false);
            }
            _ = ended.changed() => {
                let _ = timeout(LAST_BYTES, copy).await;
            }
        }
    }
    // The hypervisor closes its side when it has read our end. Until then, it would take the next greeting
    // for this session's.
    let _ = guest.shutdown().await;
    let _ = timeout(
        LAST_BYTES,
        tokio::io::copy(&mut guest, &mut tokio::io::sink()),
    )
    .await;
    Ok(true)
}
