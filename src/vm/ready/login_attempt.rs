//! One attempt to log in to a guest that is booting: what is under way can be given up at any time.

use std::future::Future;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;

use super::Fault;
use crate::guest::ssh::endpoint;
use crate::guest::ssh::endpoint::{Answer, Endpoint, Ways};
use crate::guest::ssh::session::{Error, Login, Session};

/// An SSH server that has begun to speak gets this long for each of its answers (emulated ones are slow).
const SSH_TIME: Duration = Duration::from_secs(60);

/// What came of an attempt so far.
pub enum Step {
    /// A server answers.
    Answers(Answer),
    /// It took our key, and what was to be done then is done.
    LoggedIn(Box<Ready>),
    /// It didn't, or the connection broke.
    Failed(Error),
}

/// A VM that is ready.
pub struct Ready {
    /// A session that is logged in.
    pub session: Session,
    /// How it was reached.
    pub endpoint: Endpoint,
    /// What it lacks all the same.
    pub faults: Vec<Fault>,
}

/// What is done in a new session; a broken connection is its only error.
type SetUp = Box<dyn FnOnce(&Session) -> Result<Vec<Fault>, Error> + Send>;

/// An attempt, or none.
#[derive(Default)]
pub struct Attempt {
    under_way: Option<Pin<Box<dyn Future<Output = Step>>>>,
    /// Closed when the attempt is given up, so that the thread that logs in comes back at once.
    socket: Option<TcpStream>,
}

impl Attempt {
    /// Waits a while, then for a server's first bytes.
    pub fn begin(ways: Ways, signal: watch::Receiver<bool>, expected: bool, after: Duration) -> Self {
        let wait = async move {
            tokio::time::sleep(after).await;
            match endpoint::answering(&ways, signal, expected).await {
                Ok(answer) => Step::Answers(answer),
                Err(error) => Step::Failed(error.into()),
            }
        };
        Self { under_way: Some(Box::pin(wait)), socket: None }
    }

    /// Logs in and sets up, on a thread of its own: sessions block.
    pub fn log_in(Answer { endpoint, stream }: Answer, login: Login, set_up: SetUp) -> Self {
        let socket = stream.try_clone().ok();
        let log_in = move || {
            let session = Session::open(stream, &login, SSH_TIME)?;
            let faults = set_up(&session)?;
            Ok(Ready { session, endpoint, faults })
        };
        let login = async move {
            match tokio::task::spawn_blocking(log_in).await {
                Ok(Ok(ready)) => Step::LoggedIn(Box::new(ready)),
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
