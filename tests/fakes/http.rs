//! Serves requests on a local socket, one at a time.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;

/// A request.
pub struct Request {
    pub method: String,
    pub path: String,
    pub body: serde_json::Value,
}

/// Answers requests until `answer` returns nothing; an answer includes its status line.
pub fn serve(listener: &UnixListener, mut answer: impl FnMut(Request) -> Option<String>) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        // The real programs also read once.
        let mut buffer = vec![0; 4096];
        let count = stream.read(&mut buffer).unwrap();
        let text = String::from_utf8(buffer[..count].to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut words = head.split(' ');
        let request = Request {
            method: words.next().unwrap().to_owned(),
            path: words.next().unwrap().to_owned(),
            body: serde_json::from_str(body).unwrap_or_default(),
        };
        match answer(request) {
            // The client may have disconnected.
            Some(text) => drop(stream.write_all(text.as_bytes())),
            None => return,
        }
    }
}
