//! Durations for people.

use std::time::Duration;

/// `4 minutes ago`, in the largest unit that fits.
pub fn ago(elapsed: Duration) -> String {
    const UNITS: [(u64, &str); 5] =
        [(365 * 86_400, "year"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let seconds = elapsed.as_secs();
    for (length, name) in UNITS {
        let count = seconds / length;
        if count > 0 {
            let plural = if count == 1 { "" } else { "s" };
            return format!("{count} {name}{plural} ago");
        }
    }
    "just now".into()
}

/// How long ago that was.
pub fn since(time: jiff::Timestamp) -> String {
    ago(jiff::Timestamp::now().duration_since(time).try_into().unwrap_or_default())
}

/// `1.2s` below ten seconds, `75s` from there on.
pub fn seconds(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.1}s") } else { format!("{seconds:.0}s") }
}

/// A time that can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time; write seconds, or a number with s, m, h or d, as in 90s or 5m")]
pub struct InvalidTime(String);

/// Reads seconds, or a number with `s`, `m`, `h` or `d`.
///
/// # Errors
/// Anything else.
pub fn parse_time(text: &str) -> Result<Duration, InvalidTime> {
    let (number, factor) = match text.split_at_checked(text.len().saturating_sub(1)) {
        Some((number, "d")) => (number, 86_400),
        Some((number, "h")) => (number, 3600),
        Some((number, "m")) => (number, 60),
        Some((number, "s")) => (number, 1),
        _ => (text, 1),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    seconds.map(Duration::from_secs).ok_or_else(|| InvalidTime(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        for (text, want) in [("90", 90), ("90s", 90), ("5m", 300), ("1h", 3600), ("2d", 172_800)] {
            assert_eq!(parse_time(text).unwrap(), Duration::from_secs(want));
        }
        for text in ["", "m", "1w", "-1", "1.5m", "ä", "99999999999999999999h"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn largest_unit_that_fits() {
        for (seconds, want) in [
            (0, "just now"),
            (1, "1 second ago"),
            (59, "59 seconds ago"),
            (60, "1 minute ago"),
            (7_300, "2 hours ago"),
            (90_000, "1 day ago"),
            (800 * 86_400, "2 years ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(seconds)), want);
        }
    }
}
