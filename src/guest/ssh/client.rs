//! What the SSH library's client keeps of a connection, and the check of the host key.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use russh::client::{ChannelOpenHandle, DisconnectReason, Handler, Msg};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelStream};
use tokio::sync::mpsc;

use super::error::Error;
use super::keys::Keys;

/// The user and the keys of a login.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user in the guest.
    pub user: String,
    pub keys: Keys,
    /// The VM's name, which `known_hosts` has for the pinned host key.
    pub alias: String,
}

/// The library's reports beside its results.
#[derive(Default)]
pub(super) struct Seen {
    /// The type and the bytes of the server's key.
    pub host_key: OnceLock<(String, Vec<u8>)>,
    /// The reason why the connection ended.
    pub end: OnceLock<String>,
    /// The newest text that the server sent before the login. sshd passes on what PAM says so.
    banner: Mutex<String>,
    /// The receiver of connections to a forwarded port.
    forwarded: Mutex<Option<mpsc::Sender<ForwardedStream>>>,
}

impl Seen {
    pub fn lost(&self) -> Error {
        Error::Lost(
            self.end
                .get()
                .map_or_else(|| "it was closed".to_owned(), |end| crate::text::plain(end)),
        )
    }

    /// Sets the receiver of connections to a forwarded port.
    pub fn forward_to(&self, sender: mpsc::Sender<ForwardedStream>) {
        let mut forwarded = self
            .forwarded
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *forwarded = Some(sender);
    }

    pub fn turned_away(&self, user: &str) -> Error {
        let banner = self.banner.lock().unwrap_or_else(PoisonError::into_inner);
        let said = banner.lines().map(str::trim).rfind(|line| !line.is_empty());
        let why = said.map_or_else(
            || {
                "it ends the connection after it has seen our key; the account may be expired or \
                 locked, or PAM may not allow it"
                    .to_owned()
            },
            crate::text::plain,
        );
        Error::TurnedAway {
            user: user.to_owned(),
            why,
        }
    }
}

/// A connection that a program in the guest made to a forwarded port.
pub type ForwardedStream = ChannelStream<Msg>;

/// Handles the server's messages that answer no request.
pub(super) struct Client {
    pub login: Login,
    pub seen: Arc<Seen>,
}

impl Handler for Client {
    type Error = Error;

    async fn check_server_key(&mut self, server: &PublicKeyOrCertificate) -> Result<bool, Error> {
        let key = server.public_key();
        let (kind, bytes) = (
            key.algorithm().to_string(),
            key.to_bytes().map_err(russh::Error::from)?,
        );
        if !self
            .login
            .keys
            .is_expected_host(&self.login.alias, &kind, &bytes)?
        {
            return Err(Error::HostKey(self.login.alias.clone()));
        }
        // A later key exchange brings the same key.
        let _ = self.seen.host_key.set((kind, bytes));
        Ok(true)
    }

    async fn auth_banner(
        &mut self,
        banner: &str,
        _: &mut russh::client::Session,
    ) -> Result<(), Error> {
        /// Characters of a banner that are kept.
        const MOST: usize = 4096;
        let mut kept = self
            .seen
            .banner
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *kept = banner.chars().take(MOST).collect();
        Ok(())
    }

    /// Refuses a connection that no receiver expects, or that finds the queue full.
    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        channel: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut russh::client::Session,
    ) -> Result<(), Error> {
        let sender = self.seen.forwarded.lock();
        let sender = sender.unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(Ok(place)) = sender.as_ref().map(mpsc::Sender::try_reserve) {
            reply.accept().await;
            place.send(channel.into_stream());
        }
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Error>) -> Result<(), Error> {
        let (reason, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => (info.message, Ok(())),
            DisconnectReason::Error(error) => (crate::text::error_chain(&error), Err(error)),
        };
        // A connection ends once.
        let _ = self.seen.end.set(reason);
        result
    }
}
