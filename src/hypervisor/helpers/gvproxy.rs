//! gvproxy: the user-mode network of hypervisors that have none of their own. podman's machines have it, too.
//! <https://github.com/containers/gvisor-tap-vsock>

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Helper, Serves};
use crate::host::process;
use crate::hypervisor::http;
use crate::hypervisor::{Forward, Launch, Protocol};

/// Where podman's packages put it, off PATH.
const HIDDEN: [&str; 6] = [
    "/opt/podman/bin/gvproxy",
    "/opt/homebrew/opt/podman/libexec/podman/gvproxy",
    "/usr/local/opt/podman/libexec/podman/gvproxy",
    "/opt/homebrew/bin/gvproxy",
    "/usr/local/libexec/podman/gvproxy",
    "/usr/libexec/podman/gvproxy",
];
/// A guest with this card gets the address below.
pub const MAC: &str = "5a:94:ef:e4:0c:ee";
const GUEST: &str = "192.168.127.2";
/// A port that was free may be someone else's a moment later.
const TRIES: usize = 5;

/// A port can't be forwarded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// gvproxy is gone.
    #[error("gvproxy doesn't answer: {0}")]
    Io(#[from] io::Error),
    /// It refuses.
    #[error("can't forward {rule}: {answer}")]
    Refused {
        /// The rule.
        rule: String,
        /// Its answer.
        answer: String,
    },
}

/// The gvproxy of this host.
pub fn find() -> Option<PathBuf> {
    process::find("gvproxy", &HIDDEN)
}

/// The process that is the network of one machine; its sockets are in `runtime`.
pub fn helper(program: &Path, runtime: &Path, log: PathBuf) -> Helper {
    let socket = network_socket(runtime);
    let url = |scheme: &str, path: &Path| format!("{scheme}://{}", path.display());
    let args = [
        "-listen-vfkit".into(),
        url("unixgram", &socket),
        "-listen".into(),
        url("unix", &api_socket(runtime)),
        // Its own default forward is asked for like all others.
        "-ssh-port".into(),
        "-1".into(),
    ];
    Helper {
        name: "the network (gvproxy)".into(),
        launch: Launch { program: program.into(), args: args.map(Into::into).to_vec() },
        folder: "/".into(),
        serves: Serves::Own(vec![socket, api_socket(runtime)]),
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
    /// The one with its sockets in this folder.
    pub fn of(runtime: &Path) -> Self {
        Self { api: api_socket(runtime) }
    }

    /// Forwards a port and returns it with the host's port; 0 lets the system choose.
    ///
    /// # Errors
    /// The port is taken, or gvproxy is gone.
    pub async fn forward(&self, forward: &Forward) -> Result<Forward, Error> {
        let mut tries = TRIES;
        loop {
            let host = if forward.host == 0 { free_port(forward)? } else { forward.host };
            let real = Forward { host, ..*forward };
            match self.ask("/services/forwarder/expose", &expose(&real), &real).await {
                Err(Error::Refused { .. }) if forward.host == 0 && tries > 1 => tries -= 1,
                other => return other.map(|()| real),
            }
        }
    }

    /// Takes a forward away.
    ///
    /// # Errors
    /// There is none such, or gvproxy is gone.
    pub async fn unforward(&self, forward: &Forward) -> Result<(), Error> {
        self.ask("/services/forwarder/unexpose", &unexpose(forward), forward).await
    }

    async fn ask(&self, path: &str, body: &Value, forward: &Forward) -> Result<(), Error> {
        let answer = http::ask(&self.api, path, Some(body)).await?;
        if answer.is_ok() {
            return Ok(());
        }
        Err(Error::Refused { rule: forward.to_string(), answer: crate::text::plain(&answer.body) })
    }
}

fn expose(forward: &Forward) -> Value {
    json!({
        "local": forward.host_side().to_string(),
        "remote": format!("{GUEST}:{}", forward.guest),
        "protocol": forward.protocol.name(),
    })
}

fn unexpose(forward: &Forward) -> Value {
    json!({"local": forward.host_side().to_string(), "protocol": forward.protocol.name()})
}

/// gvproxy can't choose one and say which.
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
    fn its_command_line_and_requests() {
        let helper = helper(Path::new("/opt/gvproxy"), Path::new("/run/x"), "/log".into());
        let line: Vec<_> = helper.launch.args.iter().map(|arg| arg.to_string_lossy()).collect();
        assert_eq!(
            // Windows joins paths otherwise; gvproxy is not used there.
            line.join(" ").replace(std::path::MAIN_SEPARATOR, "/"),
            "-listen-vfkit unixgram:///run/x/net -listen unix:///run/x/gvproxy -ssh-port -1"
        );
        let forward: Forward = "8080:80/tcp".parse().unwrap();
        assert_eq!(
            expose(&forward),
            json!({"local": "127.0.0.1:8080", "remote": "192.168.127.2:80", "protocol": "tcp"})
        );
        assert_eq!(unexpose(&forward), json!({"local": "127.0.0.1:8080", "protocol": "tcp"}));
    }
}
