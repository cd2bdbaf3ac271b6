//! A timeline for a terminal.

use super::{Span, Timeline};
use crate::text::seconds;

/// The bars' width in characters.
const WIDTH: f64 = 40.0;

pub fn render(timeline: &Timeline) -> String {
    let end = timeline.end();
    let (phases, units) = timeline.guest_spans();
    let mut text = format!("{} in {}\n", timeline.title, seconds(end));
    let parts = [
        ("host", &timeline.host[..]),
        ("guest", phases),
        ("slowest units", units),
    ];
    let names = parts.iter().flat_map(|(_, spans)| spans.iter());
    let widths = names.map(|span| console::measure_text_width(&span.name));
    let width = widths.max().unwrap_or(0);
    for (title, spans) in parts {
        if spans.is_empty() {
            continue;
        }
        text.push_str(&format!("{title}\n"));
        for span in spans {
            let padding = width - console::measure_text_width(&span.name);
            let line = format!(
                "  {}{} {:>6}  {}",
                span.name,
                " ".repeat(padding),
                seconds(span.length()),
                bar(span, end.as_secs_f64())
            );
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    if let Some(remark) = timeline.remark() {
        text.push_str(&format!("{remark}\n"));
    }
    text
}

fn bar(span: &Span, end: f64) -> String {
    let column = |seconds: f64| (seconds / end.max(f64::MIN_POSITIVE) * WIDTH).round();
    let start = column(span.start.as_secs_f64()).min(WIDTH - 1.0);
    let length = (column(span.end.as_secs_f64()) - start).max(1.0);
    // Both are at most the width.
    format!(
        "{}{}",
        " ".repeat(start as usize),
        "█".repeat(length as usize)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_under_each_other() {
        let text = render(&Timeline::sample());
        let line = |name: &str| {
            let mut lines = text.lines();
            lines
                .find(|line| line.trim_start().starts_with(name))
                .unwrap()
        };
        let start = |name: &str| line(name).chars().position(|c| c == '█').unwrap();
        assert_eq!(text.lines().next(), Some("localhost/my-os in 20s"));
        assert!(line("initrd").contains("  3.0s  "), "{text}");
        assert!(start("find") < start("kernel") && start("kernel") < start("initrd"));
        assert!(start("initrd") < start("userspace"));
        assert_eq!(line("boot ").matches('█').count(), 35, "{text}");
        assert!(text.ends_with("--wait running shows all of it\n"), "{text}");
    }
}
