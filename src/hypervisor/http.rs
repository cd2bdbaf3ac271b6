//! HTTP requests to programs that listen on a local socket.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::host::net::socket as local;

/// A working server answers at once.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The length in bytes at which we cut an answer.
const ANSWER_MAX: u64 = 64 << 10;
const HEADERS_MAX: usize = 64;

/// A server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    /// Whether the server carried out the request.
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Sends a request to the server at `socket`: `GET` without a body, `POST` with one.
pub async fn send(socket: &Path, path: &str, body: Option<&Value>) -> io::Result<Answer> {
    let exchange = async {
        let mut stream = local::connect(socket).await?;
        // In one piece, because krunkit reads only once.
        stream.write_all(request(path, body).as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.take(ANSWER_MAX).read_to_end(&mut bytes).await?;
        parse(&bytes)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "invalid HTTP response"))
    };
    match tokio::time::timeout(TIMEOUT, exchange).await {
        Ok(answer) => answer,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// With HTTP 1.0, the server closes the connection at the end of its answer.
fn request(path: &str, body: Option<&Value>) -> String {
    match body {
        None => format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n"),
        Some(body) => {
            let body = body.to_string();
            let length = body.len();
            format!(
                "POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                 Content-Length: {length}\r\n\r\n{body}"
            )
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(start) = response.parse(bytes).ok()? else {
        return None;
    };
    // krunkit's answer ends with a NUL byte.
    let body = String::from_utf8_lossy(&bytes[start..])
        .trim_end_matches('\0')
        .trim()
        .to_owned();
    Some(Answer {
        status: response.code?,
        body,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::host::net::socket;

    #[test]
    fn the_answers_of_both_programs_are_read() {
        let gin = b"HTTP/1.0 202 Accepted\r\nDate: x\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(
            parse(gin),
            Some(Answer {
                status: 202,
                body: String::new()
            })
        );
        let krunkit = b"HTTP/1.1 200 OK\r\nContent-type: application/json\r\n\r\n{\"state\": \"VirtualMachineStateRunning\"}\0";
        let answer = parse(krunkit).unwrap();
        assert!(
            answer.is_ok() && answer.body == r#"{"state": "VirtualMachineStateRunning"}"#,
            "{answer:?}"
        );
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nhalf"), None);
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"SSH-2.0-OpenSSH\r\n"), None);
    }

    #[test]
    fn a_request_arrives_in_one_piece() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("s");
            let mut listener = socket::listen(&path).unwrap();
            let server = tokio::spawn(async move {
                let mut stream = listener.accept().await.unwrap();
                let mut buffer = [0; 4096];
                let count = stream.read(&mut buffer).await.unwrap();
                stream
                    .write_all(b"HTTP/1.1 500 Oops\r\n\r\nno")
                    .await
                    .unwrap();
                String::from_utf8(buffer[..count].to_vec()).unwrap()
            });
            let answer = send(&path, "/vm/state", Some(&json!({"state": "Stop"})))
                .await
                .unwrap();
            assert_eq!(
                answer,
                Answer {
                    status: 500,
                    body: "no".into()
                }
            );
            let request = server.await.unwrap();
            assert!(
                request.starts_with("POST /vm/state HTTP/1.0\r\n"),
                "{request}"
            );
            assert!(
                request.ends_with("Content-Length: 16\r\n\r\n{\"state\":\"Stop\"}"),
                "{request}"
            );
            assert!(
                send(&path, "/", None).await.is_err(),
                "the server has ended"
            );
        });
    }
}
