//! Connections to the pull endpoint over the guest's network, for a guest that forwards no port.

use std::io;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, Receiver};

/// The loopback of the host. The guest's network has an address for it.
const LOOPBACK: &str = "127.0.0.1";
/// Connections that may wait here.
const WAITING: usize = 16;

/// Listens on a port of the host's loopback until the receiver is dropped. Returns the port, and
/// the connections to it. Every user of the host can connect.
///
/// # Errors
/// The host has no free port.
pub async fn listen() -> io::Result<(u16, Receiver<TcpStream>)> {
    let listener = TcpListener::bind((LOOPBACK, 0)).await?;
    let port = listener.local_addr()?.port();
    let (sender, streams) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    // A receiver that is gone ends the loop below.
                    Ok((stream, _)) => { let _ = sender.send(stream).await; }
                    Err(error) => tracing::debug!(%error, "can't accept a connection"),
                },
                () = sender.closed() => return,
            }
        }
    });
    Ok((port, streams))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Endpoint;
    use crate::registry::samples::Sample;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn ask(port: u16, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect((LOOPBACK, port)).await?;
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer.split(' ').nth(1).unwrap_or_default().to_owned())
    }

    #[tokio::test]
    async fn only_who_knows_the_name_gets_the_image_and_only_for_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Sample::new(&[b"layer"]).folder(&[], dir.path()).unwrap();
        let endpoint = Endpoint::secret(folder, Some("latest")).unwrap();
        let (port, streams) = listen().await.unwrap();
        let digest = endpoint.folder().layers()[0].digest.clone();
        let known = format!("/v2/{}/blobs/{digest}", endpoint.repository());
        let asked = async {
            let guessed = format!("/v2/image/{}/blobs/{digest}", "0".repeat(32));
            let list = ask(port, "/v2/_catalog").await.unwrap();
            let guess = ask(port, &guessed).await.unwrap();
            (list, guess, ask(port, &known).await.unwrap())
        };
        let (list, guess, known) = tokio::select! {
            asked = asked => asked,
            () = endpoint.serve_all(streams) => unreachable!("it listens"),
        };
        assert_eq!((&*list, &*guess, &*known), ("404", "404", "200"));
        // The listener ends soon after its receiver.
        while TcpStream::connect((LOOPBACK, port)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}
