//! The output of a check, bounded, because a guest is not trusted to write only a little.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

/// Bytes that are kept of the beginning and of the end of each stream.
const KEPT: usize = 512 << 10;

/// The output of one check. It stays when the check's session is lost.
#[derive(Debug, Clone, Default)]
pub struct Output(Arc<Mutex<Streams>>);

#[derive(Debug, Default)]
struct Streams {
    stdout: Kept,
    /// Both streams, in the order of arrival.
    all: Kept,
}

/// The beginning and the end of some bytes.
#[derive(Debug, Default)]
struct Kept {
    first: Vec<u8>,
    last: Vec<u8>,
    /// Bytes that were dropped between them.
    dropped: u64,
}

/// The two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// The end of a stream into which the session writes.
pub struct Writer(Output, Stream);

impl Output {
    /// Returns a stream's end to write to.
    pub fn writer(&self, stream: Stream) -> Writer {
        Writer(self.clone(), stream)
    }

    /// Returns the text of the standard output.
    pub fn stdout(&self) -> String {
        self.lock().stdout.text()
    }

    /// Returns the text of both streams.
    pub fn all(&self) -> String {
        self.lock().all.text()
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        let room = KEPT.saturating_sub(self.first.len()).min(bytes.len());
        self.first.extend_from_slice(&bytes[..room]);
        self.last.extend_from_slice(&bytes[room..]);
        // Not with each write, because that moves all bytes.
        if self.last.len() > 2 * KEPT {
            self.drop_middle();
        }
    }

    fn drop_middle(&mut self) {
        let extra = self.last.len().saturating_sub(KEPT);
        self.last.drain(..extra);
        self.dropped += extra as u64;
    }

    /// Control characters and escape sequences are left out.
    fn text(&self) -> String {
        let extra = self.last.len().saturating_sub(KEPT);
        let dropped = self.dropped + extra as u64;
        let mut bytes = self.first.clone();
        if dropped > 0 {
            bytes.extend(format!("\n[{dropped} bytes are left out here]\n").bytes());
        }
        bytes.extend_from_slice(&self.last[extra..]);
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.lines().map(crate::text::plain);
        lines.fold(String::new(), |all, line| all + &line + "\n")
    }
}

impl AsyncWrite for Writer {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut streams = self.0.lock();
        if self.1 == Stream::Stdout {
            streams.stdout.add(bytes);
        }
        streams.all.add(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn the_beginning_and_the_end_are_kept() {
        let output = Output::default();
        output
            .writer(Stream::Stderr)
            .write_all(b"\x1b[1mbegin\x07\n")
            .await
            .unwrap();
        let line = [b'x'; 1023];
        for _ in 0..4096 {
            let mut writer = output.writer(Stream::Stdout);
            writer.write_all(&line).await.unwrap();
            writer.write_all(b"\n").await.unwrap();
        }
        output
            .writer(Stream::Stdout)
            .write_all(b"end\n")
            .await
            .unwrap();
        let all = output.all();
        assert!(all.starts_with("begin\nxxx") && all.ends_with("x\nend\n"));
        assert!(all.contains(" bytes are left out here]\n"));
        assert!((2 * KEPT..2 * KEPT + 1000).contains(&all.len()));
        assert!(!output.stdout().contains("begin"));
    }
}
