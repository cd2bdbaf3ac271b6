//! The host's ports that a VM forwards: which are free now, and which to use at the next start.

use std::io;

use crate::hypervisor::Forward;

/// A port can't be forwarded.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error("can't forward {} {}: {}", .forward.protocol.name(), .forward.host_side(), explain(.why))]
    Host { forward: Forward, why: io::Error },
    /// Both forwards need the same port of the host, or the same UDP port of the guest.
    #[error("can't forward both {0} and {1}: they use the same port")]
    Conflict(Forward, Forward),
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is in use by another program or VM".into(),
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need root; choose a higher port".into()
        }
        io::ErrorKind::AddrNotAvailable => "this host does not have the address".into(),
        _ => error.to_string(),
    }
}

/// Makes sure that all these ports can be forwarded at this moment.
///
/// # Errors
/// A port is in use or forbidden, or two forwards conflict.
pub fn check(forwards: &[Forward]) -> Result<(), Unavailable> {
    check_beside(forwards, &[])
}

/// The same for a moment at which these others are free, because their VM has ended.
///
/// # Errors
/// A port is in use or forbidden, or two forwards conflict.
pub fn check_beside(forwards: &[Forward], others: &[Forward]) -> Result<(), Unavailable> {
    for (index, forward) in forwards.iter().enumerate() {
        if let Some(other) = forwards[..index]
            .iter()
            .find(|other| forward.clashes(other))
        {
            return Err(Unavailable::Conflict(*other, *forward));
        }
        if others.iter().any(|other| forward.clashes(other)) {
            continue;
        }
        forward.check().map_err(|why| Unavailable::Host {
            forward: *forward,
            why,
        })?;
    }
    Ok(())
}

/// Returns the forwards for a new start. A port that the system chose last time is kept, if it is
/// free.
pub fn keep_chosen(forwards: &[Forward], last: &[Forward]) -> Vec<Forward> {
    let mut last = last.to_vec();
    let wanted = forwards.iter().map(|forward| {
        let same = |old: &Forward| {
            Forward {
                host: forward.host,
                ..*old
            } == *forward
        };
        if forward.host != 0 {
            return *forward;
        }
        match last.iter().position(same) {
            Some(index) => Some(last.remove(index))
                .filter(|old| old.check().is_ok())
                .unwrap_or(*forward),
            None => *forward,
        }
    });
    wanted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_port_is_kept_if_it_is_free() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let forward = |text: &str| text.parse::<Forward>().unwrap();
        let wanted = [forward("80"), forward("0:443")];
        let old = [forward(&format!("{port}:80"))];
        assert_eq!(keep_chosen(&wanted, &old), wanted);
        assert!(check(&old).unwrap_err().to_string().contains("in use"));
        check_beside(&old, &old).unwrap();
        drop(listener);
        assert_eq!(keep_chosen(&wanted, &old), [old[0], wanted[1]]);
        assert!(matches!(
            check(&[forward("9:1"), forward("9:2")]),
            Err(Unavailable::Conflict(..)) | Err(Unavailable::Host { .. })
        ));
    }
}
