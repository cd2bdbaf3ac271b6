//! One attempt to log in to a guest that is booting: what is under way can be given up at any time.

use std::future::Future;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;

use crate::guest::endpoint::{self, Endpoint};
use crate::guest::session::{Error, Login, Session};

/// An SSH server that has begun to speak gets this long for each of its answers (emulated ones are slow).
const SSH_TIME: Duration = Duration::from_secs(60);

/// What came of an attempt so far.
pub enum Step {
    /// A server answers on this connection.
    Answers(TcpStream),
    /// It took our key.
    LoggedIn(Box<Session>),
    /// It didn't, or the connection broke.
    Failed(Error),
}

/// An attempt, or none.
#[derive(Default)]
pub struct Attempt {
    under_way: Option<Pin<Box<dyn Future<Output = Step>>>>,
    /// Closed when the attempt is given up, so that the thread that logs in comes back at once.
    socket: Option<TcpStream>,
}

impl Attempt {
    /// Waits a while, then for a server's first bytes.
    pub fn begin(endpoint: Endpoint, signal: watch::Receiver<bool>, expected: bool, after: Duration) -> Self {
        let wait = async move {
            tokio::time::sleep(after).await;
            match endpoint::answering(endpoint, signal, expected).await {
                Ok(stream) => Step::Answers(stream),
                Err(error) => Step::Failed(error.into()),
            }
        };
        Self { under_way: Some(Box::pin(wait)), socket: None }
    }

    /// Logs in, on a thread of its own: the SSH library blocks.
    pub fn log_in(stream: TcpStream, login: Login) -> Self {
        let socket = stream.try_clone().ok();
        let login = async move {
            match tokio::task::spawn_blocking(move || Session::open(stream, &login, SSH_TIME)).await {
                Ok(Ok(session)) => Step::LoggedIn(Box::new(session)),
                Ok(Err(error)) => Step::Failed(error),
                Err(error) => Step::Failed(io::Error::other(error).into()),
            }
        };
        Self { under_way: Some(Box::pin(login)), socket }
    }

    /// The next step; never comes when nothing is under way. May be cancelled.
    pub async fn next(&mut self) -> Step {
        let Some(under_way) = &mut self.under_way else { return std::future::pending().await };
        let step = under_way.await;
        self.under_way = None;
        // The session, if there is one now, lives on.
        self.socket = None;
        step
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(socket) = &self.socket {
            // It may have ended by itself.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}
