//! gvproxy: the user-mode network for hypervisors without one. podman's machines use it, too.
//! <https://github.com/containers/gvisor-tap-vsock>

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::helper::{Helper, Socket};
use crate::host::process;
use crate::hypervisor::{Forward, Launch, Protocol, http};

/// Paths in podman's packages, which are not on PATH.
const HIDDEN: [&str; 6] = [
    "/opt/podman/bin/gvproxy",
    "/opt/homebrew/opt/podman/libexec/podman/gvproxy",
    "/usr/local/opt/podman/libexec/podman/gvproxy",
    "/opt/homebrew/bin/gvproxy",
    "/usr/local/libexec/podman/gvproxy",
    "/usr/libexec/podman/gvproxy",
];
/// gvproxy gives a guest with this address the IP address below.
pub const MAC: &str = "5a:94:ef:e4:0c:ee";
const GUEST_IP: &str = "192.168.127.2";
/// Another program can take a port between the choice and the forward.
const TRIES: usize = 5;

/// A port can't be forwarded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("gvproxy doesn't answer: {0}")]
    Io(#[from] io::Error),
    #[error("can't forward {rule}: {answer}")]
    Refused { rule: String, answer: String },
}

pub fn find() -> Option<PathBuf> {
    process::find("gvproxy", &HIDDEN)
}

/// The network of one machine, with its sockets in `runtime`.
pub fn helper(program: &Path, runtime: &Path, log: PathBuf) -> Helper {
    let socket = network_socket(runtime);
    let url = |scheme: &str, path: &Path| format!("{scheme}://{}", path.display());
    let args = [
        "-listen-vfkit".into(),
        url("unixgram", &socket),
        "-listen".into(),
        url("unix", &api_socket(runtime)),
        // No default forward for SSH: we request it like all others.
        "-ssh-port".into(),
        "-1".into(),
    ];
    Helper {
        name: "the network (gvproxy)".into(),
        launch: Launch {
            program: program.into(),
            args: args.map(Into::into).to_vec(),
        },
        folder: "/".into(),
        socket: Socket::Created(vec![socket, api_socket(runtime)]),
        log,
    }
}

/// The socket that the hypervisor sends the guest's packets to.
pub fn network_socket(runtime: &Path) -> PathBuf {
    runtime.join("net")
}

fn api_socket(runtime: &Path) -> PathBuf {
    runtime.join("gvproxy")
}

/// Commands to a running gvproxy.
#[derive(Debug)]
pub struct Network {
    api: PathBuf,
}

impl Network {
    /// The gvproxy with its sockets in this folder.
    pub fn of(runtime: &Path) -> Self {
        Self {
            api: api_socket(runtime),
        }
    }

    /// Forwards a port and returns the forward with the host's port. Port 0 lets the system choose.
    ///
    /// # Errors
    /// The port is taken, or gvproxy has ended.
    pub async fn forward(&self, forward: &Forward) -> Result<Forward, Error> {
        let mut tries = TRIES;
        loop {
            let host = if forward.host == 0 {
                free_port(forward)?
            } else {
                forward.host
            };
            let real = Forward { host, ..*forward };
            match self
                .send("/services/forwarder/expose", &expose(&real), &real)
                .await
            {
                Err(Error::Refused { .. }) if forward.host == 0 && tries > 1 => tries -= 1,
                other => return other.map(|()| real),
            }
        }
    }

    pub async fn unforward(&self, forward: &Forward) -> Result<(), Error> {
        self.send("/services/forwarder/unexpose", &unexpose(forward), forward)
            .await
    }

    async fn send(&self, path: &str, body: &Value, forward: &Forward) -> Result<(), Error> {
        let answer = http::send(&self.api, path, Some(body)).await?;
        if answer.is_ok() {
            return Ok(());
        }
        Err(Error::Refused {
            rule: forward.to_string(),
            answer: crate::text::plain(&answer.body),
        })
    }
}

fn expose(forward: &Forward) -> Value {
    json!({
        "local": forward.host_side().to_string(),
        "remote": format!("{GUEST_IP}:{}", forward.guest),
        "protocol": forward.protocol.name(),
    })
}

fn unexpose(forward: &Forward) -> Value {
    json!({"local": forward.host_side().to_string(), "protocol": forward.protocol.name()})
}

/// gvproxy can't choose a port and report it.
fn free_port(forward: &Forward) -> io::Result<u16> {
    let any = SocketAddr::from((forward.address, 0));
    Ok(match forward.protocol {
        Protocol::Tcp => TcpListener::bind(any)?.local_addr()?.port(),
        Protocol::Udp => UdpSocket::bind(any)?.local_addr()?.port(),
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_and_the_requests_are_right() {
        let helper = helper(
            Path::new("/opt/gvproxy"),
            Path::new("/run/x"),
            "/log".into(),
        );
        let line: Vec<_> = helper
            .launch
            .args
            .iter()
            .map(|arg| arg.to_string_lossy())
            .collect();
        assert_eq!(
            // Windows joins paths with backslashes. gvproxy is not used there.
            line.join(" ").replace(std::path::MAIN_SEPARATOR, "/"),
            "-listen-vfkit unixgram:///run/x/net -listen unix:///run/x/gvproxy -ssh-port -1"
        );
        let forward: Forward = "8080:80/tcp".parse().unwrap();
        assert_eq!(
            expose(&forward),
            json!({"local": "127.0.0.1:8080", "remote": "192.168.127.2:80", "protocol": "tcp"})
        );
        assert_eq!(
            unexpose(&forward),
            json!({"local": "127.0.0.1:8080", "protocol": "tcp"})
        );
    }
}
