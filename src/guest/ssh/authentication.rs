//! The algorithms of a session, and the login with our keys.

use std::borrow::Cow;
use std::sync::Arc;

use russh::client::{AuthResult, Handle};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PrivateKeyWithHashAlg};
use russh::{Preferred, cipher, kex};

use super::client::{Client, Login, Seen};
use super::error::Error;
use super::keys::KeyType;

/// Accepted types of host keys, the best first.
const HOST_KEYS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP256,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP384,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP521,
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha512),
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha256),
    },
];
/// Key exchanges, the best first. No connection leaves this host, so ML-KEM against the quantum
/// computers of the future isn't first: an emulated processor needs 0.1 s more for it. The library
/// leaves out ECDH over NIST's curves by default, and some FIPS policies allow nothing else.
const KEY_EXCHANGES: &[kex::Name] = &[
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::MLKEM768X25519_SHA256,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_G14_SHA256,
    kex::DH_G16_SHA512,
    kex::DH_G18_SHA512,
    kex::DH_GEX_SHA256,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];
/// The type of an ed25519 key, as SSH names it.
const ED25519: &str = "ssh-ed25519";
/// Ciphers, the best first. Processors have instructions for AES, and QEMU's emulation uses them.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_128_GCM,
    cipher::AES_128_CTR,
];

/// Offers the server our keys, one after the other.
pub async fn authenticate(
    handle: &mut Handle<Client>,
    login: &Login,
    seen: &Seen,
) -> Result<(), Error> {
    let Login { user, keys, .. } = login;
    let refused = || Error::Refused { user: user.clone() };
    let mut types = keys.types();
    let host_key = seen.host_key.get().map(|(kind, _)| kind.as_str());
    if host_key.is_some_and(|kind| kind != ED25519) && !keys.has_accepted() {
        // A server without an ed25519 key of its own may have a policy against them.
        types.sort_by_key(|kind| *kind == KeyType::Ed25519);
    }
    let mut rest = types.iter();
    while let Some(kind) = rest.next() {
        let key =
            russh::keys::load_secret_key(keys.private(*kind), None).map_err(russh::Error::from)?;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
        match handle.authenticate_publickey(user, key).await? {
            AuthResult::Success => return Ok(keys.set_accepted(*kind)?),
            // The library reports a broken connection as a refusal.
            AuthResult::Failure { .. } if handle.is_closed() => {
                return Err(match seen.end.get() {
                    // `MaxAuthTries 1`: the next connection begins with the next key.
                    Some(end) if end.contains("Too many authentication failures") => {
                        let next = rest.next().or(types.first());
                        next.map(|kind| keys.set_accepted(*kind)).transpose()?;
                        refused()
                    }
                    _ => seen.turned_away(user),
                });
            }
            AuthResult::Failure { .. } => {}
        }
    }
    Err(refused())
}

/// Returns what the client accepts of a server whose pinned host keys have these types.
pub fn preferred(pinned: &[String]) -> Preferred {
    Preferred {
        kex: Cow::Borrowed(KEY_EXCHANGES),
        key: Cow::Owned(host_keys(pinned)),
        cipher: Cow::Borrowed(CIPHERS),
        ..Preferred::DEFAULT
    }
}

/// Returns the accepted types of host keys, first those that are pinned: a server with several keys
/// must present the same one again.
fn host_keys(pinned: &[String]) -> Vec<Algorithm> {
    let is_pinned = |key: &Algorithm| {
        let kind = match key {
            // The type of the key, whatever hash signs.
            Algorithm::Rsa { .. } => Algorithm::Rsa { hash: None }.to_string(),
            other => other.to_string(),
        };
        pinned.contains(&kind)
    };
    let mut keys = HOST_KEYS.to_vec();
    keys.sort_by_key(|key| !is_pinned(key));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_host_key_is_asked_for_first() {
        let first = |pinned: &[&str]| {
            let pinned: Vec<String> = pinned.iter().map(ToString::to_string).collect();
            let keys = host_keys(&pinned);
            assert_eq!(keys.len(), HOST_KEYS.len());
            keys[0].to_string()
        };
        assert_eq!(first(&[]), "ssh-ed25519");
        assert_eq!(first(&["ssh-rsa"]), "rsa-sha2-512");
        assert_eq!(first(&["ecdsa-sha2-nistp384"]), "ecdsa-sha2-nistp384");
        assert_eq!(first(&["ssh-dss"]), "ssh-ed25519");
    }
}
