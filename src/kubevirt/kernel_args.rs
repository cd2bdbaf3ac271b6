//! The kernel's command line of a direct boot, which carries what `run` hands over as credentials.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::guest::boot::hostname::Hostname;
use crate::hypervisor::Credential;

/// Linux' limit on x86-64 and arm64, without the NUL at the end. Bytes.
const MAX: usize = 2047;

/// The command line is longer than the kernel reads. The numbers are bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the kernel's command line has {length} bytes, and Linux reads {MAX}: the SSH keys take \
     {keys}, --credential {credentials}. Use shorter keys (ed25519), or put credentials into the image"
)]
pub struct TooLong {
    length: usize,
    keys: usize,
    credentials: usize,
}

/// Returns the command line of the boot files with all else that the guest must know.
///
/// `own` lets the user in. The user's credentials are visible to all programs of the guest, as the
/// whole command line is.
///
/// # Errors
/// It is too long.
pub fn kernel_args(
    cmdline: &str,
    hostname: Option<&Hostname>,
    own: Option<&Credential>,
    credentials: &[Credential],
) -> Result<String, TooLong> {
    let word = |Credential { name, value }: &Credential| {
        let value = STANDARD.encode(value);
        format!(" systemd.set_credential_binary={name}:{value}")
    };
    // Nothing updates an image that the cluster brings.
    let mut line = format!("{cmdline} systemd.mask=bootc-fetch-apply-updates.timer");
    if let Some(hostname) = hostname {
        line += &format!(" systemd.hostname={hostname}");
    }
    let keys = own.map(word).unwrap_or_default();
    let credentials: String = credentials.iter().map(word).collect();
    line += &keys;
    line += &credentials;
    match line.len() {
        length if length > MAX => Err(TooLong {
            length,
            keys: keys.len(),
            credentials: credentials.len(),
        }),
        _ => Ok(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_has_everything_or_is_refused() {
        let credential = |name: &str, value: &str| Credential {
            name: name.into(),
            value: value.into(),
        };
        let own = credential("tmpfiles.extra", "a\nb\n");
        let hostname = "web.example".parse().unwrap();
        let line = |more: &[Credential]| kernel_args("quiet", Some(&hostname), Some(&own), more);
        assert_eq!(
            line(&[credential("app.token", "x=y")]).unwrap(),
            "quiet systemd.mask=bootc-fetch-apply-updates.timer systemd.hostname=web.example \
             systemd.set_credential_binary=tmpfiles.extra:YQpiCg== \
             systemd.set_credential_binary=app.token:eD15"
        );
        let error = line(&[credential("app.token", &"x".repeat(1600))]).unwrap_err();
        assert!(
            error.to_string().contains("--credential") && error.length > MAX,
            "{error}"
        );
    }
}
