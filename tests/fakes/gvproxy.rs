//! gvproxy.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::ExitCode;

use super::{http, option};

pub fn main(args: &[String]) -> ExitCode {
    let network = option(args, "-listen-vfkit")
        .unwrap()
        .strip_prefix("unixgram://")
        .unwrap();
    let api = option(args, "-listen")
        .unwrap()
        .strip_prefix("unix://")
        .unwrap();
    let _network = UnixDatagram::bind(network).unwrap();
    let listener = UnixListener::bind(api).unwrap();
    let mut ports: BTreeMap<String, TcpListener> = BTreeMap::new();
    http::serve(&listener, |request| {
        let local = request.body["local"].as_str().unwrap().to_owned();
        let error = match request.path.as_str() {
            "/services/forwarder/expose" => {
                assert!(
                    request.body["remote"]
                        .as_str()
                        .unwrap()
                        .starts_with("192.168.127.2:")
                );
                match TcpListener::bind(&local) {
                    Ok(port) => {
                        ports.insert(local, port);
                        None
                    }
                    Err(error) => Some(format!("listen tcp {local}: {error}")),
                }
            }
            "/services/forwarder/unexpose" => match ports.remove(&local) {
                Some(_) => None,
                None => Some("proxy not found".into()),
            },
            other => panic!("{other}"),
        };
        Some(match error {
            None => "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n".into(),
            Some(error) => format!("HTTP/1.0 500 Internal Server Error\r\n\r\n{error}\n"),
        })
    });
    ExitCode::SUCCESS
}
