//! Ports of the guest on the host, for hypervisors that only give the guest an address: we carry the bytes.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::hypervisor::{Forward, Protocol};

/// A guest that is not there yet is given up soon: who connects tries again.
const CONNECT: Duration = Duration::from_secs(5);

/// The ports that are carried to one guest. Dropped, they are the host's again.
#[derive(Debug)]
pub struct Relay {
    guest: watch::Receiver<Option<IpAddr>>,
    ports: Mutex<BTreeMap<SocketAddr, JoinHandle<()>>>,
}

/// A port can't be carried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It can't be had.
    #[error("can't forward {forward}: {why}")]
    Taken {
        /// The forward.
        forward: Forward,
        /// Why not.
        why: io::Error,
    },
    /// Nobody has it.
    #[error("{0} is not forwarded")]
    Unknown(Forward),
    /// Datagrams.
    #[error("can't forward {0}: only TCP ports are forwarded to this VM")]
    Udp(Forward),
}

impl Relay {
    /// Carries to the address that `guest` has at each time.
    pub fn new(guest: watch::Receiver<Option<IpAddr>>) -> Self {
        Self { guest, ports: Mutex::default() }
    }

    /// Forwards a port and returns it with the host's port; 0 lets the system choose.
    ///
    /// # Errors
    /// The port is taken, or not TCP.
    pub async fn forward(&self, forward: &Forward) -> Result<Forward, Error> {
        if forward.protocol != Protocol::Tcp {
            return Err(Error::Udp(*forward));
        }
        let taken = |why| Error::Taken { forward: *forward, why };
        let listener = TcpListener::bind(forward.host_side()).await.map_err(taken)?;
        let real = Forward { host: listener.local_addr().map_err(taken)?.port(), ..*forward };
        let task = tokio::spawn(serve(listener, self.guest.clone(), forward.guest));
        self.ports.lock().unwrap_or_else(PoisonError::into_inner).insert(real.host_side(), task);
        Ok(real)
    }

    /// Takes a forward away. Connections that it made stay.
    ///
    /// # Errors
    /// There is none such.
    pub fn unforward(&self, forward: &Forward) -> Result<(), Error> {
        let task = self.ports.lock().unwrap_or_else(PoisonError::into_inner).remove(&forward.host_side());
        task.map(|task| task.abort()).ok_or(Error::Unknown(*forward))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        for task in self.ports.get_mut().unwrap_or_else(PoisonError::into_inner).values() {
            task.abort();
        }
    }
}

async fn serve(listener: TcpListener, guest: watch::Receiver<Option<IpAddr>>, port: u16) {
    loop {
        let Ok((mut client, _)) = listener.accept().await else {
            // Too many open files, perhaps: it may be better soon.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let address = *guest.borrow();
        tokio::spawn(async move {
            let Some(address) = address else { return };
            if let Ok(Ok(mut stream)) =
                tokio::time::timeout(CONNECT, TcpStream::connect((address, port))).await
            {
                // One side hung up in the middle: so does the other then.
                let _ = copy_bidirectional(&mut client, &mut stream).await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn bytes_come_through_once_the_guest_has_an_address() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let guest = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = guest.local_addr().unwrap().port();
            let (address, receiver) = watch::channel(None);
            let relay = Relay::new(receiver);
            let forward = relay.forward(&Forward::tcp_on_loopback(0, port)).await.unwrap();
            assert_ne!(forward.host, 0);
            let mut early = TcpStream::connect(forward.host_side()).await.unwrap();
            assert_eq!(early.read(&mut [0]).await.unwrap(), 0, "hung up on: there is no address");

            address.send_replace(Some([127, 0, 0, 1].into()));
            let mut client = TcpStream::connect(forward.host_side()).await.unwrap();
            client.write_all(b"ping").await.unwrap();
            let (mut server, _) = guest.accept().await.unwrap();
            let mut bytes = [0; 4];
            server.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"ping");
            server.write_all(b"pong").await.unwrap();
            client.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"pong");

            assert!(matches!(relay.forward(&forward).await, Err(Error::Taken { .. })));
            assert!(matches!(relay.forward(&"53/udp".parse().unwrap()).await, Err(Error::Udp(_))));
            relay.unforward(&forward).unwrap();
            assert!(matches!(relay.unforward(&forward), Err(Error::Unknown(_))));
        });
    }
}
