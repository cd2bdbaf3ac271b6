//! The objects beside a VirtualMachine.

use serde_json::{Map, Value, json};

use super::labels::{self, labels};
use super::limits::service_port;
use super::{Guest, Seed};
use crate::hypervisor::Protocol;

/// Returns the metadata of an object of this VM.
pub fn metadata(guest: &Guest, name: &str) -> Value {
    json!({ "name": name, "labels": labels(guest) })
}

pub fn key_secret_name(guest: &Guest) -> String {
    format!("{}-key", guest.name)
}

pub fn seed_secret_name(guest: &Guest) -> String {
    format!("{}-cloudinit", guest.name)
}

fn secret(guest: &Guest, name: &str, content: (&str, Map<String, Value>)) -> Value {
    let (kind, content) = content;
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(guest, name),
        "type": "Opaque",
        kind: content,
    })
}

/// Returns the Secret with the public keys, one an entry.
pub fn key_secret(guest: &Guest) -> Value {
    let keys = guest.keys.iter().enumerate();
    let keys = keys.map(|(number, key)| (format!("key{number}"), json!(key)));
    let content = ("stringData", keys.collect());
    secret(guest, &key_secret_name(guest), content)
}

/// Returns the Secret with the files for cloud-init.
pub fn seed_secret(guest: &Guest, seed: &Seed) -> Value {
    use base64::Engine as _;
    let files = [
        ("userdata", Some(&seed.user_data)),
        ("networkdata", seed.network_config.as_ref()),
    ];
    let present = files
        .iter()
        .filter_map(|(name, content)| Some((*name, content.as_deref()?)));
    let texts: Option<Map<String, Value>> = present
        .clone()
        .map(|(name, content)| Some((name.to_owned(), std::str::from_utf8(content).ok()?.into())))
        .collect();
    let content = match texts {
        Some(texts) => ("stringData", texts),
        None => {
            let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
            let encoded = present.map(|(name, bytes)| (name.to_owned(), encode(bytes).into()));
            ("data", encoded.collect())
        }
    };
    secret(guest, &seed_secret_name(guest), content)
}

/// Returns the Service for the forwarded ports.
pub fn service(guest: &Guest) -> Value {
    let port = |port: &crate::hypervisor::Forward| {
        let number = service_port(port);
        json!({
            "name": format!("{}-{number}", port.protocol.name()),
            "port": number,
            "targetPort": port.guest,
            "protocol": match port.protocol {
                Protocol::Tcp => "TCP",
                Protocol::Udp => "UDP",
            },
        })
    };
    let ports: Vec<Value> = guest.settings.ports.iter().map(port).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(guest, guest.name.as_str()),
        "spec": {
            "type": "ClusterIP",
            "selector": { labels::NAME: guest.name.as_str() },
            "ports": ports,
        },
    })
}
