//! Port forwards from the host to the guest.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::str::FromStr;
use std::{fmt, io};

use serde::{Deserialize, Serialize};

/// A port of the host that leads to a port of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Forward {
    pub protocol: Protocol,
    /// The host's address.
    pub address: Ipv4Addr,
    /// The host's port. 0 lets the system choose.
    pub host: u16,
    pub guest: u16,
}

/// The protocol of a forwarded port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    /// The name in QEMU and podman.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A text is not a port forward.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidForward {
    #[error("invalid port `{0}`: expected [[IP:]HOST:]GUEST[/tcp|udp], for example 8080:80")]
    Form(String),
    /// The hypervisor's user-mode network listens on IPv4 only.
    #[error("invalid port `{0}`: the host's address must be an IPv4 address")]
    NotIpv4(String),
}

impl FromStr for Forward {
    type Err = InvalidForward;

    fn from_str(text: &str) -> Result<Self, InvalidForward> {
        let invalid = || InvalidForward::Form(text.to_owned());
        let (rest, protocol) = match text.rsplit_once('/') {
            None => (text, Protocol::Tcp),
            Some((rest, "tcp")) => (rest, Protocol::Tcp),
            Some((rest, "udp")) => (rest, Protocol::Udp),
            Some(_) => return Err(invalid()),
        };
        if rest.starts_with('[') {
            return Err(InvalidForward::NotIpv4(text.to_owned()));
        }
        let words: Vec<&str> = rest.split(':').collect();
        let (address, host, guest) = match words[..] {
            [guest] => ("", "", guest),
            [host, guest] => ("", host, guest),
            [address, host, guest] => (address, host, guest),
            _ => return Err(invalid()),
        };
        let address = match address {
            "" | "localhost" => Ipv4Addr::LOCALHOST,
            other => other.parse().map_err(|_| invalid())?,
        };
        let host = if host.is_empty() {
            0
        } else {
            host.parse().map_err(|_| invalid())?
        };
        match guest.parse() {
            Ok(guest @ 1..) => Ok(Self {
                protocol,
                address,
                host,
                guest,
            }),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            protocol,
            address,
            host,
            guest,
        } = self;
        write!(f, "{address}:{host}:{guest}/{}", protocol.name())
    }
}

impl Forward {
    /// Forwards a TCP port of the host's loopback.
    pub fn tcp_on_loopback(host: u16, guest: u16) -> Self {
        Self {
            protocol: Protocol::Tcp,
            address: Ipv4Addr::LOCALHOST,
            host,
            guest,
        }
    }

    /// The guest's side in podman's notation: `80/tcp`.
    pub fn guest_side(&self) -> String {
        format!("{}/{}", self.guest, self.protocol.name())
    }

    pub fn host_side(&self) -> SocketAddr {
        (self.address, self.host).into()
    }

    /// Whether only one of the two can exist: both claim the same port of the host (not one that
    /// the system chooses), or the same UDP port of the guest. QEMU's network sends the answers of
    /// a UDP port through one forward only.
    pub fn clashes(&self, other: &Self) -> bool {
        if self.protocol != other.protocol {
            return false;
        }
        if self.protocol == Protocol::Udp && self.guest == other.guest {
            return true;
        }
        let overlap = self.address == other.address
            || self.address.is_unspecified()
            || other.address.is_unspecified();
        self.host != 0 && self.host == other.host && overlap
    }

    /// Checks that the host's port is free at this moment.
    ///
    /// # Errors
    /// The port is taken, the address is not the host's, or the user lacks the permission.
    pub fn check(&self) -> io::Result<()> {
        match self.protocol {
            Protocol::Tcp => TcpListener::bind(self.host_side()).map(drop),
            Protocol::Udp => UdpSocket::bind(self.host_side()).map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_written_in_podmans_notation() {
        for (text, want) in [
            ("80", "127.0.0.1:0:80/tcp"),
            ("8080:80", "127.0.0.1:8080:80/tcp"),
            ("0:80", "127.0.0.1:0:80/tcp"),
            (":80", "127.0.0.1:0:80/tcp"),
            ("53/udp", "127.0.0.1:0:53/udp"),
            ("0.0.0.0:5353:53/udp", "0.0.0.0:5353:53/udp"),
            ("127.0.0.1::22/tcp", "127.0.0.1:0:22/tcp"),
        ] {
            assert_eq!(text.parse::<Forward>().unwrap().to_string(), want, "{text}");
        }
        for text in [
            "",
            "0",
            "x",
            "1:2:3",
            "70000",
            "80/sctp",
            "1:2:3:4",
            "80:",
            "-1:80",
            "[::1]:80:80",
            "1,2",
        ] {
            assert!(text.parse::<Forward>().is_err(), "{text}");
        }
    }

    #[test]
    fn forwards_of_the_same_port_clash() {
        let clash = |a: &str, b: &str| a.parse::<Forward>().unwrap().clashes(&b.parse().unwrap());
        assert!(clash("8080:80", "8080:81"));
        assert!(clash("0.0.0.0:8080:80", "127.0.0.1:8080:80"));
        assert!(clash("1:80/udp", "2:80/udp") && !clash("1:80", "2:80"));
        assert!(
            !clash("8080:80", "8080:80/udp")
                && !clash("80", "81")
                && !clash("127.0.0.2:1:1", "1:1")
        );
    }

    #[test]
    fn a_port_in_use_is_noticed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let forward: Forward = format!("{port}:80").parse().unwrap();
        assert!(forward.check().is_err());
        drop(listener);
        forward.check().unwrap();
    }
}
