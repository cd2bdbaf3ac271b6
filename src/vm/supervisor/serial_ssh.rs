//! SSH without a network: a TCP port on loopback, whose connections go to sshd over a serial port,
//! one at a time.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::host::net::socket::{Listener, Stream};

/// Pause after a failure to accept a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// A TCP port of the host that leads to a serial port of the guest.
#[derive(Debug)]
pub struct SerialSsh {
    host: TcpListener,
    /// The hypervisor connects here for the guest's serial port.
    guest: Listener,
}

impl SerialSsh {
    /// Takes a port on loopback: the last run's, if it is free.
    ///
    /// # Errors
    /// No port is free.
    pub async fn open(last: Option<u16>, guest: Listener) -> io::Result<Self> {
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let host = match bind(last.unwrap_or(0)).await {
            Ok(host) => host,
            Err(_) => bind(0).await?,
        };
        Ok(Self { host, guest })
    }

    /// Returns the port on loopback.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.host.local_addr()?.port())
    }

    /// Serves connections until it is cancelled.
    ///
    /// The end of a session closes the hypervisor's connection, too. Then the hypervisor connects
    /// again, and the guest starts another sshd.
    pub async fn serve(mut self) {
        loop {
            let Ok(guest) = self.guest.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            // A client that gave up while it waited for others has left a closed connection.
            let client = loop {
                match self
                    .host
                    .accept()
                    .await
                    .and_then(|(client, _)| open(client))
                {
                    Ok(Some(client)) => break client,
                    Ok(None) => {}
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            };
            if let Err(error) = forward(client, guest).await {
                tracing::debug!(%error, "an SSH session over the serial port broke");
            }
        }
    }
}

/// Returns the connection, unless the client has closed it.
fn open(client: TcpStream) -> io::Result<Option<TcpStream>> {
    let client = client.into_std()?;
    // The socket doesn't block: a client that waits makes this an error.
    let closed = matches!(client.peek(&mut [0]), Ok(0));
    if closed {
        Ok(None)
    } else {
        TcpStream::from_std(client).map(Some)
    }
}

async fn forward(mut client: TcpStream, mut guest: Stream) -> io::Result<()> {
    client.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut client, &mut guest).await?;
    guest.shutdown().await
}

// The two directions of a Unix socket end independently. Those of a Windows pipe don't.
#[cfg(test)]
#[cfg(unix)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::host::net::socket;

    #[test]
    fn sessions_are_served_one_after_the_other() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("ssh");
            let serial_ssh = SerialSsh::open(None, socket::listen(&path).unwrap())
                .await
                .unwrap();
            let port = serial_ssh.port().unwrap();
            let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, port));
            // Three clients wait, and the second one gives up.
            let (mut first, second, mut third) = (
                connect().await.unwrap(),
                connect().await.unwrap(),
                connect().await.unwrap(),
            );
            drop(second);
            let serving = tokio::spawn(serial_ssh.serve());
            for (client, text) in [(&mut first, b"one"), (&mut third, b"two")] {
                let mut guest = socket::connect(&path).await.unwrap();
                guest.write_all(text).await.unwrap();
                let mut bytes = [0; 3];
                client.read_exact(&mut bytes).await.unwrap();
                assert_eq!(&bytes, text);
                client.write_all(b"ok").await.unwrap();
                client.shutdown().await.unwrap();
                let mut all = Vec::new();
                guest.read_to_end(&mut all).await.unwrap();
                assert_eq!(all, b"ok");
            }
            serving.abort();
        });
    }
}
