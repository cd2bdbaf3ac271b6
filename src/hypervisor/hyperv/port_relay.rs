//! Port forwards for hypervisors that only give the guest an address: we relay the bytes.

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

/// Time limit for a connection to the guest. The client tries again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The forwarded ports of one guest. They close when the relay is dropped.
#[derive(Debug)]
pub struct Relay {
    guest: watch::Receiver<Option<IpAddr>>,
    ports: Mutex<BTreeMap<SocketAddr, JoinHandle<()>>>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't forward {forward}: {why}")]
    Taken { forward: Forward, why: io::Error },
    #[error("{0} is not forwarded")]
    Unknown(Forward),
    #[error("can't forward {0}: Hyper-V VMs support only TCP ports")]
    Udp(Forward),
}

impl Relay {
    /// Relays to the address in `guest`, which can change.
    pub fn new(guest: watch::Receiver<Option<IpAddr>>) -> Self {
        Self {
            guest,
            ports: Mutex::default(),
        }
    }

    /// Forwards a port and returns the forward with the host's port. Port 0 lets the system choose.
    ///
    /// # Errors
    /// The port is taken, or not TCP.
    pub async fn forward(&self, forward: &Forward) -> Result<Forward, Error> {
        if forward.protocol != Protocol::Tcp {
            return Err(Error::Udp(*forward));
        }
        let taken = |why| Error::Taken {
            forward: *forward,
            why,
        };
        let listener = TcpListener::bind(forward.host_side())
            .await
            .map_err(taken)?;
        let real = Forward {
            host: listener.local_addr().map_err(taken)?.port(),
            ..*forward
        };
        let task = tokio::spawn(serve(listener, self.guest.clone(), forward.guest));
        self.ports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(real.host_side(), task);
        Ok(real)
    }

    /// Removes a forward. Its connections stay open.
    pub fn unforward(&self, forward: &Forward) -> Result<(), Error> {
        let task = self
            .ports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&forward.host_side());
        task.map(|task| task.abort())
            .ok_or(Error::Unknown(*forward))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        for task in self
            .ports
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
        {
            task.abort();
        }
    }
}

async fn serve(listener: TcpListener, guest: watch::Receiver<Option<IpAddr>>, port: u16) {
    loop {
        let Ok((mut client, _)) = listener.accept().await else {
            // We may have too many open files, which can change soon.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let address = *guest.borrow();
        tokio::spawn(async move {
            let Some(address) = address else { return };
            if let Ok(Ok(mut stream)) =
                tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((address, port))).await
            {
                // When one side closes, both close.
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
    fn bytes_are_relayed_once_the_guest_has_an_address() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let guest = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = guest.local_addr().unwrap().port();
            let (address, receiver) = watch::channel(None);
            let relay = Relay::new(receiver);
            let forward = relay
                .forward(&Forward::tcp_on_loopback(0, port))
                .await
                .unwrap();
            assert_ne!(forward.host, 0);
            let mut early = TcpStream::connect(forward.host_side()).await.unwrap();
            assert_eq!(
                early.read(&mut [0]).await.unwrap(),
                0,
                "the relay closes the connection without an address"
            );

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

            assert!(matches!(
                relay.forward(&forward).await,
                Err(Error::Taken { .. })
            ));
            assert!(matches!(
                relay.forward(&"53/udp".parse().unwrap()).await,
                Err(Error::Udp(_))
            ));
            relay.unforward(&forward).unwrap();
            assert!(matches!(relay.unforward(&forward), Err(Error::Unknown(_))));
        });
    }
}
