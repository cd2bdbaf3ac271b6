//! The report in Markdown, as GitHub and GitLab show it.

use std::fmt::Write as _;

use super::text::last_lines;
use crate::testing::checks::{Case, Outcome};
use crate::testing::report::{PhaseReport, Report};
use crate::text::{plain, seconds};

/// Returns the reports: a table for each phase of each target, the last output of the checks that
/// failed, and the timeline.
pub fn markdown(reports: &[Report]) -> String {
    let mut text = String::new();
    for report in reports {
        let counts = report.counts();
        let mark = match report.result() {
            "passed" => "✅",
            _ => "❌",
        };
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "## {mark} {}: {}\n\n{} passed, {} failed, {} skipped in {}\n",
            cell(&report.target),
            report.result(),
            counts.passed,
            counts.failed,
            counts.skipped,
            seconds(report.time)
        );
        if let Some(error) = &report.error {
            text.push_str(&block(error));
        }
        for phase in &report.phases {
            phase_table(&mut text, phase);
        }
        text.push_str(&details("Where the time went", &report.timeline.text()));
    }
    text
}

fn phase_table(text: &mut String, phase: &PhaseReport) {
    let _ = writeln!(
        text,
        "### {}: boot {}, {}\n\n{}\n\n| | check | time | |\n| --- | --- | ---: | --- |",
        phase.phase,
        phase.boot,
        seconds(phase.time),
        cell(&phase.image)
    );
    for case in &phase.cases {
        let mark = match case.outcome {
            Outcome::Passed => "✅",
            Outcome::Skipped(_) => "⏭️",
            _ => "❌",
        };
        let _ = writeln!(
            text,
            "| {mark} {} | {} | {} | {} |",
            case.outcome.word(),
            cell(&case.name),
            seconds(case.time),
            cell(&case.outcome.reason())
        );
    }
    text.push('\n');
    let has_output = |case: &&Case| !case.outcome.is_good() && !case.output.is_empty();
    for case in phase.cases.iter().filter(has_output) {
        let (skipped, lines) = last_lines(&case.output);
        let mut output = match skipped {
            0 => String::new(),
            _ => format!("[{skipped} lines before]\n"),
        };
        for line in lines {
            output += &plain(line);
            output.push('\n');
        }
        text.push_str(&details(&html(&case.name), &output));
    }
}

/// Returns text as one line of a table or a heading that has no markup.
fn cell(text: &str) -> String {
    let mut safe = String::new();
    for c in html(text).chars() {
        match c {
            // A mention would call a person.
            '@' => safe.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

fn html(text: &str) -> String {
    let text = plain(&text.lines().collect::<Vec<_>>().join("; "));
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn details(summary: &str, content: &str) -> String {
    let block = block(content);
    format!("<details><summary>{summary}</summary>\n\n{block}</details>\n\n")
}

/// Returns a code block. Its fence is longer than any row of backticks in it.
fn block(content: &str) -> String {
    let mut longest = 2;
    let mut row = 0;
    for c in content.chars() {
        row = if c == '`' { row + 1 } else { 0 };
        longest = longest.max(row);
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence}text\n{}\n{fence}\n\n", content.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_a_row_and_failures_have_their_output() {
        let text = markdown(&[Report::sample()]);
        for part in [
            "## ❌ localhost/os: failed\n\n1 passed, 3 failed, 1 skipped in 42s\n",
            "### boot: boot 1, 20s\n\nlocalhost/os:latest\n\n| | check | time | |\n",
            "| ✅ passed | boot | 1.5s |  |\n",
            "| ❌ failed | failed units | 1.5s | web.service (exit-code) |\n",
            "| ⏭️ skipped | a.sh: x | 1.5s | no TPM |\n",
            "<details><summary>failed units</summary>\n\n```text\nweb.service:\n  no <config> &\n```\n",
            "<details><summary>Where the time went</summary>\n\n```text\nlocalhost/my-os in 20s\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let broken = Report {
            error: Some("no image\nmore".to_owned()),
            ..Report::new("x")
        };
        let text = markdown(&[broken]);
        assert!(
            text.contains("## ❌ x: error\n") && text.contains("```text\nno image\nmore\n```\n")
        );
    }

    #[test]
    fn an_images_text_is_no_markup() {
        assert_eq!(
            cell("a|b `x` <b>*y*</b> @me\n[l](u)"),
            "a\\|b \\`x\\` &lt;b&gt;\\*y\\*&lt;/b&gt; &#64;me; \\[l\\](u)"
        );
        assert_eq!(block("```\nx"), "````text\n```\nx\n````\n\n");
    }
}
