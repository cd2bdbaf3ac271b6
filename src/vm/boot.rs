//! The boots of a guest: the one that a session is in, and whether it is ending.

use crate::guest::ssh::session::{Error, Session};
use crate::vm::guest_state::GuestState;

/// Prints what [`Seen::read`] reads. Any shell understands it. systemd before 254 has no
/// `SoftRebootsCount`.
pub const LINE: &str = "cat /proc/sys/kernel/random/boot_id; \
                    systemctl show --property=SystemState,SoftRebootsCount";

/// One boot of a guest's system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// `/proc/sys/kernel/random/boot_id`
    id: String,
    /// Restarts of the userspace alone since then.
    soft_reboots: String,
}

/// The boot that a login must reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    Any,
    /// One that isn't shutting down.
    Lasting,
    /// A later one than this.
    After(Boot),
}

/// The boot of a session.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub boot: Boot,
    /// The system shuts down or reboots.
    ending: bool,
}

impl Boot {
    /// Returns whether it began with this restart of the userspace alone.
    pub fn follows(&self, soft_reboots: u32) -> bool {
        self.soft_reboots.parse() == Ok(soft_reboots)
    }

    /// At the end of a shutdown, systemd answers no more, and the count of soft reboots is empty.
    fn is_after(&self, other: &Self) -> bool {
        self.id != other.id
            || (!self.soft_reboots.is_empty() && self.soft_reboots != other.soft_reboots)
    }
}

impl Wanted {
    /// Returns whether the guest is still in a boot that is not this one, or leaves it.
    pub fn is_to_come(&self, state: &GuestState) -> bool {
        let is_before = match self {
            Self::Any | Self::Lasting => false,
            // systemd before 254 doesn't count.
            Self::After(boot) => {
                let soft_reboots: u32 = boot.soft_reboots.parse().unwrap_or_default();
                boot.id == state.boot_id && state.soft_reboots == soft_reboots
            }
        };
        is_before || state.system == "stopping"
    }

    pub fn accepts(&self, seen: &Seen) -> bool {
        match self {
            Self::Any => true,
            Self::Lasting => !seen.ending,
            Self::After(boot) => !seen.ending && seen.boot.is_after(boot),
        }
    }
}

/// Asks the guest which boot this is.
///
/// # Errors
/// The session breaks.
pub async fn look(session: &Session) -> Result<Seen, Error> {
    Ok(Seen::read(&session.capture_script(LINE).await?.1))
}

impl Seen {
    /// Reads what [`LINE`] prints. The text may have other lines.
    pub fn read(text: &str) -> Self {
        let value = |name: &str| {
            let value = |line: &str| {
                Some(
                    line.trim()
                        .strip_prefix(name)?
                        .strip_prefix('=')?
                        .to_owned(),
                )
            };
            text.lines().rev().find_map(value).unwrap_or_default()
        };
        let is_id = |line: &&str| {
            line.len() == 36 && line.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
        };
        let id = text.lines().map(str::trim).rev().find(is_id);
        Self {
            boot: Boot {
                id: id.unwrap_or_default().to_owned(),
                soft_reboots: value("SoftRebootsCount"),
            },
            ending: value("SystemState") == "stopping",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "d0c5fd2c-9b0c-4d0e-9a5a-0fcd4d1c2f3a";

    #[test]
    fn a_later_boot_has_another_id_or_more_soft_reboots() {
        let first = Seen::read(&format!("{ID}\nSystemState=running\nSoftRebootsCount=0\n")).boot;
        let after = Wanted::After(first.clone());
        for (id, soft_reboots, system, is_to_come) in [
            (ID, 0, "running", true),
            (ID, 1, "running", false),
            (ID, 1, "stopping", true),
            ("another", 0, "starting", false),
        ] {
            let state = GuestState {
                boot_id: id.into(),
                soft_reboots,
                system: system.into(),
                ..GuestState::default()
            };
            assert_eq!(after.is_to_come(&state), is_to_come, "{state:?}");
            assert_eq!(Wanted::Any.is_to_come(&state), system == "stopping");
        }
        let other = "e".repeat(8) + &ID[8..];
        for (text, lasts, is_later) in [
            (
                format!("{ID}\nSystemState=running\nSoftRebootsCount=0\n"),
                true,
                false,
            ),
            (
                format!("{ID}\nSystemState=stopping\nSoftRebootsCount=0\n"),
                false,
                false,
            ),
            (
                format!("{ID}\nSystemState=degraded\nSoftRebootsCount=1\n"),
                true,
                true,
            ),
            (
                format!("Hi!\r\n\n{other}\r\nSystemState=starting\r\n"),
                true,
                true,
            ),
            (format!("{other}\nSystemState=stopping\n"), false, false),
            (format!("{ID}\nFailed to connect to bus\n"), true, false),
        ] {
            let seen = Seen::read(&text);
            assert!(Wanted::Any.accepts(&seen), "{text}");
            assert_eq!(Wanted::Lasting.accepts(&seen), lasts, "{text}");
            assert_eq!(after.accepts(&seen), is_later, "{text}");
        }
        assert_eq!(first.id, ID);
    }

    #[test]
    fn a_guest_without_systemd_is_taken_as_it_is() {
        let seen = Seen::read(&format!("{ID}\nsh: systemctl: not found\n"));
        assert!(Wanted::Lasting.accepts(&seen) && seen.boot.id == ID);
    }
}
