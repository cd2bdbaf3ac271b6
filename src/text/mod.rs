//! Plain text: sizes, times, errors, lines from a guest, and progress. This room knows no terminal
//! and no other room.

mod duration;
mod progress;
mod size;

pub use duration::{ago, parse_time, seconds, since};
pub use progress::{Progress, Stage};
pub use size::{format_size, parse_size};

/// Removes escape sequences and control characters from a guest's or an image's text, which makes
/// it safe to print.
pub fn plain(text: &str) -> String {
    console::strip_ansi_codes(text)
        .chars()
        .filter(|c| !c.is_control() || *c == '\t')
        .collect()
}

/// Returns an error and its causes on one line, without the causes that an error before them
/// quotes.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text
}

/// Returns the end of a message: `: details`, or nothing without details.
pub fn colon(details: &str) -> String {
    if details.is_empty() {
        String::new()
    } else {
        format!(": {details}")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(
            crate::text::plain("\u{1b}[31mred\u{1b}[0m\u{7}\r ok"),
            "red ok"
        );
    }
}
