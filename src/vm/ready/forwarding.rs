//! Ports of the guest whose connections come to this process, through the door that allows them.

use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::login::{SSH_TIME, second_login};
use crate::guest::ssh::endpoint::{self, Endpoint};
use crate::guest::ssh::session::{Error, ForwardedStream, Session};
use crate::vm::Vm;
use crate::vm::spec::settings::Ssh;
use crate::vm::supervisor::client::Client;

/// Time limit for a greeting of the second door in a guest that is ready.
const DOOR_TIME: Duration = Duration::from_secs(30);

/// A port of the guest's loopback, forwarded as long as the value and the session live.
pub struct GuestPort {
    pub port: u16,
    /// The connections to it.
    pub streams: Receiver<ForwardedStream>,
    /// A session through the second door, if the guest's own sshd forbids forwarding.
    pub second: Option<Session>,
}

/// Forwards a port of the guest's loopback to this process, over this session. If the guest's own
/// sshd forbids that, it goes over a session through the second door.
///
/// # Errors
/// [`Error::NoForwarding`] if no door allows it, or a connection breaks.
pub async fn forward_from_guest(
    client: &Client,
    vm: &Vm,
    user: &str,
    session: &Session,
) -> Result<GuestPort, Error> {
    match session.forward_from_guest().await {
        Ok((port, streams)) => Ok(GuestPort {
            port,
            streams,
            second: None,
        }),
        Err(Error::NoForwarding) if vm.spec.settings.ssh != Ssh::Guest => {
            let session = open_second(client, vm, user).await?;
            let (port, streams) = session.forward_from_guest().await?;
            Ok(GuestPort {
                port,
                streams,
                second: Some(session),
            })
        }
        Err(error) => Err(error),
    }
}

/// Opens a session through the second door.
async fn open_second(client: &Client, vm: &Vm, user: &str) -> Result<Session, Error> {
    let endpoint = Endpoint::Door(client.door());
    match timeout(DOOR_TIME, endpoint::connect_to(endpoint)).await {
        Ok(Ok(connection)) => {
            Session::open(connection.stream, &second_login(vm, user), SSH_TIME).await
        }
        // A guest without an agent, or without sshd.
        Ok(Err(_)) | Err(_) => Err(Error::NoForwarding),
    }
}
