//! SSH without a network: a TCP port on loopback, whose connections go over a serial port to an sshd, one by one.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::host::net::socket::{Listener, Stream};

/// After a failure to accept.
const PAUSE: Duration = Duration::from_millis(100);

/// A port of the host and a port of the guest.
#[derive(Debug)]
pub struct Bridge {
    host: TcpListener,
    guest: Listener,
}

impl Bridge {
    /// Takes a port on loopback: that of last time, if it is free. `guest` is where the hypervisor connects to.
    ///
    /// # Errors
    /// There is no port.
    pub async fn open(last: Option<u16>, guest: Listener) -> io::Result<Self> {
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let host = match bind(last.unwrap_or(0)).await {
            Ok(host) => host,
            Err(_) => bind(0).await?,
        };
        Ok(Self { host, guest })
    }

    /// The port on loopback.
    ///
    /// # Errors
    /// As of the operating system.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.host.local_addr()?.port())
    }

    /// Serves for ever.
    ///
    /// The end of a session ends the hypervisor's connection, too. It makes another one, and the guest a new sshd.
    pub async fn run(mut self) {
        loop {
            let Ok(guest) = self.guest.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            // Who gave up while others were served has left an end behind.
            let client = loop {
                match self.host.accept().await.and_then(|(client, _)| open(client)) {
                    Ok(Some(client)) => break client,
                    Ok(None) => {}
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            };
            if let Err(error) = serve(client, guest).await {
                tracing::debug!(%error, "a session over the serial port broke");
            }
        }
    }
}

/// The connection, if the other side has not gone meanwhile.
fn open(client: TcpStream) -> io::Result<Option<TcpStream>> {
    let client = client.into_std()?;
    // It doesn't block: nothing to read means that it waits.
    let gone = matches!(client.peek(&mut [0]), Ok(0));
    if gone { Ok(None) } else { TcpStream::from_std(client).map(Some) }
}

async fn serve(mut client: TcpStream, mut guest: Stream) -> io::Result<()> {
    client.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut client, &mut guest).await?;
    guest.shutdown().await
}

// A socket has halves that end one by one; a pipe, which `listen` makes on Windows, has none.
#[cfg(test)]
#[cfg(unix)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::host::net::socket;

    #[test]
    fn one_session_after_the_other() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("ssh");
            let bridge = Bridge::open(None, socket::listen(&path).unwrap()).await.unwrap();
            let port = bridge.port().unwrap();
            let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, port));
            // Three wait, of whom the second has lost patience.
            let (mut first, second, mut third) =
                (connect().await.unwrap(), connect().await.unwrap(), connect().await.unwrap());
            drop(second);
            let serving = tokio::spawn(bridge.run());
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
