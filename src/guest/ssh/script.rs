//! Scripts of ours in the guest, whatever its login shell is, and whatever that prints.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, empty};

use super::session::{Error, Session, first_bytes};
use crate::guest::shell::any_shell;
use crate::host::random::random_number;

/// Bytes that are kept of what a login shell prints before our script.
const NOISE: usize = 4096;

impl Session {
    /// Runs a script for a POSIX shell with these streams, in the C locale; returns its exit code
    /// as a shell would. What the login shell's start-up files print is left out.
    ///
    /// A login shell that doesn't run the script gets the input all the same.
    ///
    /// # Errors
    /// The login shell doesn't run the script, the connection breaks, an output stream fails, or
    /// the tool is interrupted.
    pub async fn script(
        &self,
        script: &str,
        stdin: impl AsyncRead + Unpin,
        stdout: &mut (impl AsyncWrite + Unpin),
        stderr: &mut (impl AsyncWrite + Unpin),
    ) -> Result<i32, Error> {
        let marker = format!("podman-bootc-{:016x}", random_number());
        let line = any_shell(&format!(
            "export LC_ALL=C; echo {marker}; echo {marker} >&2; {script}"
        ));
        let mut stdout = AfterMarker::new(&marker, stdout);
        let mut stderr = AfterMarker::new(&marker, stderr);
        let code = self.exec(&line, stdin, &mut stdout, &mut stderr).await?;
        if stdout.found {
            return Ok(code);
        }
        let noise = [stdout.noise, stderr.noise].concat();
        let said = String::from_utf8_lossy(&noise);
        let said = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        Err(Error::NoScript(crate::text::plain(
            said.unwrap_or_default(),
        )))
    }

    /// Runs a script for a POSIX shell without input; returns its exit code and its output, first
    /// stdout, then stderr.
    ///
    /// # Errors
    /// The login shell doesn't run the script, the connection breaks, or the tool is interrupted.
    pub async fn capture_script(&self, script: &str) -> Result<(i32, String), Error> {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let code = self
            .script(
                script,
                empty(),
                &mut first_bytes(&mut output),
                &mut first_bytes(&mut errors),
            )
            .await?;
        output.extend(errors);
        Ok((code, String::from_utf8_lossy(&output).into_owned()))
    }
}

/// Passes on what follows a line with the marker.
struct AfterMarker<'a, W> {
    inner: &'a mut W,
    marker: Vec<u8>,
    found: bool,
    /// The end of what came before, shorter than the marker.
    tail: Vec<u8>,
    /// The first bytes of what came before.
    noise: Vec<u8>,
}

impl<'a, W> AfterMarker<'a, W> {
    fn new(marker: &str, inner: &'a mut W) -> Self {
        Self {
            inner,
            marker: format!("{marker}\n").into_bytes(),
            found: false,
            tail: Vec::new(),
            noise: Vec::new(),
        }
    }

    /// Returns the number of these bytes that precede the end of the marker.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        let before = self.tail.len();
        let mut window = std::mem::take(&mut self.tail);
        window.extend_from_slice(bytes);
        let marker = &self.marker;
        let start = window.windows(marker.len()).position(|part| part == marker);
        if let Some(start) = start {
            self.found = true;
            return start + marker.len() - before;
        }
        let room = NOISE.saturating_sub(self.noise.len()).min(bytes.len());
        self.noise.extend_from_slice(&bytes[..room]);
        let keep = window.len().min(marker.len() - 1);
        self.tail = window.split_off(window.len() - keep);
        bytes.len()
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for AfterMarker<'_, W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.found {
            true => Pin::new(&mut *self.inner).poll_write(context, bytes),
            // The caller writes the rest of the bytes again.
            false => Poll::Ready(Ok(self.skip(bytes))),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn only_what_follows_the_marker_is_passed_on() {
        let text = b"hello from bashrc\nMARK MARMARK\n\0tail MARK\n";
        for size in 1..text.len() {
            let mut output = Vec::new();
            let mut writer = AfterMarker::new("MARK", &mut output);
            for part in text.chunks(size) {
                writer.write_all(part).await.unwrap();
            }
            let (found, noise) = (writer.found, writer.noise.len());
            assert!(found && noise <= NOISE);
            assert_eq!(output, b"\0tail MARK\n", "{size}");
        }
        let mut output = Vec::new();
        let mut writer = AfterMarker::new("MARK", &mut output);
        writer.write_all(&[b'x'; 100_000]).await.unwrap();
        assert_eq!((writer.found, writer.noise.len()), (false, NOISE));
        assert!(output.is_empty());
    }
}
