//! Times as arguments.

use std::time::SystemTime;

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::text::parse_time;

/// Parses a duration before now, or a time.
pub fn parse_since(text: &str) -> Result<Timestamp> {
    if let Ok(ago) = parse_time(text) {
        let time = SystemTime::now()
            .checked_sub(ago)
            .context("the time is too long ago")?;
        return Ok(Timestamp::try_from(time)?);
    }
    text.parse().ok().with_context(|| {
        format!(
            "invalid time `{text}`: expected seconds, 90s, 5m or 2h, or a date such as 2026-01-31T12:00:00Z"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_relative_or_absolute() {
        let ago = parse_since("5m").unwrap();
        let seconds = Timestamp::now().as_second() - ago.as_second();
        assert!((299..=302).contains(&seconds), "{seconds}");
        assert_eq!(parse_since("1970-01-01T00:01:00Z").unwrap().as_second(), 60);
        assert!(
            parse_since("yesterday")
                .unwrap_err()
                .to_string()
                .contains("5m")
        );
    }
}
