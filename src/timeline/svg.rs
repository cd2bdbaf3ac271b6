//! A timeline as a picture.

use std::fmt::Write as _;

use super::{Span, Timeline};
use crate::text::seconds;

/// Pixels.
const WIDTH: f64 = 960.0;
const NAMES: f64 = 280.0;
const ROW: f64 = 22.0;
const TOP: f64 = 56.0;
/// The room for a time behind the longest bar.
const RIGHT: f64 = 60.0;

/// Each part with its colour. They differ in brightness, too.
const COLOURS: [(&str, &str); 3] = [
    ("host", "#4c72b0"),
    ("guest", "#55a868"),
    ("slowest units", "#dd8452"),
];

pub fn render(timeline: &Timeline) -> String {
    let end = timeline.end().as_secs_f64().max(0.001);
    let scale = (WIDTH - NAMES - RIGHT) / end;
    let (phases, units) = timeline.guest_spans();
    let parts = COLOURS.into_iter().zip([&timeline.host[..], phases, units]);
    let mut rows = String::new();
    let mut y = TOP;
    for ((title, colour), spans) in parts {
        if spans.is_empty() {
            continue;
        }
        y += ROW;
        rows += &text(8.0, y - 6.0, "font-weight=\"bold\"", title);
        for span in spans {
            y += ROW;
            rows += &row(span, y, scale, colour);
        }
    }
    if let Some(remark) = timeline.remark() {
        y += ROW;
        rows += &text(8.0, y - 6.0, "fill=\"#666\"", &remark);
    }
    let height = y + 12.0;
    let title = format!("{} in {}", timeline.title, seconds(timeline.end()));
    let heading = text(8.0, 24.0, "font-size=\"16\"", &title);
    let grid = grid(end, scale, height);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         {heading}{grid}{rows}</svg>\n",
        escape(&title)
    )
}

fn row(span: &Span, y: f64, scale: f64, colour: &str) -> String {
    let x = NAMES + span.start.as_secs_f64() * scale;
    let width = (span.length().as_secs_f64() * scale).max(1.0);
    let name = text(20.0, y - 6.0, "", &span.name);
    let time = text(x + width + 4.0, y - 6.0, "", &seconds(span.length()));
    let top = y - ROW + 3.0;
    format!(
        "{name}<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"16\" \
         fill=\"{colour}\"/>\n{time}"
    )
}

/// Draws a line for each step of a round number of seconds, at most ten.
fn grid(end: f64, scale: f64, height: f64) -> String {
    let steps = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0];
    let step = steps.into_iter().find(|step| end / step <= 10.0);
    let step = step.unwrap_or(end / 10.0);
    let mut grid = String::new();
    let mut at = 0.0;
    while at <= end {
        let x = NAMES + at * scale;
        let _ = writeln!(
            grid,
            "<line x1=\"{x:.1}\" y1=\"44\" x2=\"{x:.1}\" y2=\"{height:.1}\" stroke=\"#ddd\"/>"
        );
        let label = format!("{}s", (at * 10.0).round() / 10.0);
        grid += &text(x, 40.0, "fill=\"#666\" text-anchor=\"middle\"", &label);
        at += step;
    }
    grid
}

fn text(x: f64, y: f64, attributes: &str, content: &str) -> String {
    let content = escape(content);
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{content}</text>\n")
}

/// Returns text for XML, which allows no control characters.
fn escape(text: &str) -> String {
    crate::text::plain(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_xml_and_has_all_spans() {
        let timeline = Timeline::sample();
        let svg = render(&timeline);
        let bars = svg.matches("height=\"16\"").count();
        assert_eq!(bars, timeline.host.len() + 4);
        assert!(
            svg.contains("a&lt;b&gt;&amp;&quot;c&quot;.service"),
            "{svg}"
        );
        assert!(!svg.contains("a<b>"));
        assert!(svg.contains(">18s<"), "the boot's length");
    }

    #[test]
    fn an_empty_timeline_is_a_picture() {
        let timeline = Timeline {
            title: String::new(),
            host: vec![],
            guest: super::super::Guest::Unknown("no".into()),
        };
        assert!(render(&timeline).ends_with("</svg>\n"));
        assert!(!render(&timeline).contains("NaN"));
    }
}
