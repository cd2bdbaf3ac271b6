//! Plain text: sizes, times, errors and lines from a guest. This room knows no terminal and no other room.

mod duration;
mod progress;
mod size;

pub use duration::{ago, parse_time, seconds, since};
pub use progress::{Progress, Stage};
pub use size::{format_size, parse_size};

/// Text from a guest or an image, made safe for a terminal: escape sequences and control characters go.
pub fn plain(text: &str) -> String {
    console::strip_ansi_codes(text).chars().filter(|c| !c.is_control() || *c == '\t').collect()
}

/// An error with its causes, on one line; a cause that its parent quotes already is not said twice.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

/// `: details`, to end a message with; nothing without details.
pub fn colon(details: &str) -> String {
    if details.is_empty() { String::new() } else { format!(": {details}") }
}

#[cfg(test)]
mod tests {
    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(crate::text::plain("\u{1b}[31mred\u{1b}[0m\u{7}\r ok"), "red ok");
    }
}
