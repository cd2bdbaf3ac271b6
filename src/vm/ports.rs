//! Ports of VMs on the host: whether they can be had, now and at the next start.

use std::io;

use crate::hypervisor::Forward;

/// A port that can't be had.
#[derive(Debug, thiserror::Error)]
pub enum Taken {
    /// Someone else has it, or the user may not have it.
    #[error("can't forward {} {}: {}", .forward.protocol.name(), .forward.host_side(), explain(.why))]
    Host {
        /// The forward.
        forward: Forward,
        /// Why not.
        why: io::Error,
    },
    /// Two forwards want the same port of the host, or the same UDP port of the guest.
    #[error("{0} and {1} can't both be forwarded")]
    Twice(Forward, Forward),
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is in use by another program or VM".into(),
        io::ErrorKind::PermissionDenied => "ports below 1024 are for root; choose a higher one".into(),
        io::ErrorKind::AddrNotAvailable => "the address is none of this host's".into(),
        _ => error.to_string(),
    }
}

/// Makes sure that all these ports can be had at this moment.
///
/// # Errors
/// One can't.
pub fn check(forwards: &[Forward]) -> Result<(), Taken> {
    for (index, forward) in forwards.iter().enumerate() {
        if let Some(other) = forwards[..index].iter().find(|other| forward.clashes(other)) {
            return Err(Taken::Twice(*other, *forward));
        }
        forward.check().map_err(|why| Taken::Host { forward: *forward, why })?;
    }
    Ok(())
}

/// The forwards for a new start: a port that the system chose last time is asked for again, if it is free.
pub fn as_last_time(forwards: &[Forward], last: &[Forward]) -> Vec<Forward> {
    let mut last = last.to_vec();
    let wanted = forwards.iter().map(|forward| {
        let same = |old: &Forward| Forward { host: forward.host, ..*old } == *forward;
        if forward.host != 0 {
            return *forward;
        }
        match last.iter().position(same) {
            Some(place) => Some(last.remove(place)).filter(|old| old.check().is_ok()).unwrap_or(*forward),
            None => *forward,
        }
    });
    wanted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_port_is_kept_while_it_is_free() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let forward = |text: &str| text.parse::<Forward>().unwrap();
        let wanted = [forward("80"), forward("0:443")];
        let old = [forward(&format!("{port}:80"))];
        assert_eq!(as_last_time(&wanted, &old), wanted);
        assert!(check(&old).unwrap_err().to_string().contains("in use"));
        drop(listener);
        assert_eq!(as_last_time(&wanted, &old), [old[0], wanted[1]]);
        assert!(matches!(
            check(&[forward("9:1"), forward("9:2")]),
            Err(Taken::Twice(..)) | Err(Taken::Host { .. })
        ));
    }
}
