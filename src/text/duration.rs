//! Durations as people read and write them.

use std::time::Duration;

/// Formats a duration in its largest unit: `4 minutes ago`.
pub fn ago(elapsed: Duration) -> String {
    const UNITS: [(u64, &str); 5] = [
        (365 * 86_400, "year"),
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
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

/// Formats a time as the duration since then: `4 minutes ago`.
pub fn since(time: jiff::Timestamp) -> String {
    ago(jiff::Timestamp::now()
        .duration_since(time)
        .try_into()
        .unwrap_or_default())
}

/// Formats seconds: `1.2s` below ten seconds, `75s` above.
pub fn seconds(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 10.0 {
        format!("{seconds:.1}s")
    } else {
        format!("{seconds:.0}s")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid time `{0}`: expected seconds, or a number with s, m, h or d, for example 90s or 5m"
)]
pub struct InvalidTime(String);

/// Parses seconds, or a number with `s`, `m`, `h` or `d`.
pub fn parse_time(text: &str) -> Result<Duration, InvalidTime> {
    let (number, factor) = match text.split_at_checked(text.len().saturating_sub(1)) {
        Some((number, "d")) => (number, 86_400),
        Some((number, "h")) => (number, 3600),
        Some((number, "m")) => (number, 60),
        Some((number, "s")) => (number, 1),
        _ => (text, 1),
    };
    let seconds = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| InvalidTime(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_and_without_a_unit_are_parsed() {
        for (text, want) in [
            ("90", 90),
            ("90s", 90),
            ("5m", 300),
            ("1h", 3600),
            ("2d", 172_800),
        ] {
            assert_eq!(parse_time(text).unwrap(), Duration::from_secs(want));
        }
        for text in ["", "m", "1w", "-1", "1.5m", "ä", "99999999999999999999h"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_ago_has_the_largest_unit_that_fits() {
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
