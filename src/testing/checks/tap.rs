//! The Test Anything Protocol, versions 12 to 14:
//! <https://testanything.org/tap-version-14-specification.html>

/// The output of a program that speaks TAP.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tap {
    pub points: Vec<Point>,
    /// The number of tests that the plan announces.
    pub plan: Option<usize>,
    /// The reason for which the program skips all its tests.
    pub skipped: Option<String>,
    /// The reason of `Bail out!`.
    pub bailed: Option<String>,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    pub number: usize,
    pub description: String,
    pub ok: bool,
    pub directive: Option<Directive>,
    /// The lines about the test: comments and YAML.
    pub diagnostics: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    Skip(String),
    Todo(String),
}

/// Tests that count. More lines are left out.
const POINTS: usize = 10_000;

impl Tap {
    /// Reads the standard output of a program; none if it doesn't speak TAP: without a version, a
    /// plan or a first line that is a test.
    pub fn parse(text: &str) -> Option<Self> {
        let mut tap = Self::default();
        let mut speaks = false;
        let mut is_first = true;
        for line in text.lines().map(str::trim_end) {
            // Indented lines are tests within a test, whose own line follows, or YAML.
            if line.starts_with([' ', '\t']) {
                tap.diagnose(line);
                continue;
            }
            if line.is_empty() {
                continue;
            }
            if let Some(reason) = line.strip_prefix("Bail out!") {
                speaks |= !is_first;
                tap.bailed = Some(reason.trim().to_owned());
            } else if line.starts_with("TAP version ") {
                speaks = true;
            } else if let Some((plan, skipped)) = plan(line) {
                speaks = true;
                (tap.plan, tap.skipped) = (Some(plan), skipped);
            } else if let Some(point) = point(line, tap.points.len() + 1) {
                // Other programs say `ok`, too.
                speaks |= is_first && is_first_point(line);
                if tap.points.len() < POINTS {
                    tap.points.push(point);
                }
            } else if line.starts_with('#') {
                tap.diagnose(line);
                continue;
            }
            is_first = false;
        }
        speaks.then_some(tap)
    }

    /// Returns why the program failed, beside its tests that did.
    pub fn fault(&self) -> Option<String> {
        if let Some(reason) = &self.bailed {
            return Some(format!("it bailed out{}", crate::text::colon(reason)));
        }
        match self.plan {
            Some(plan) if plan != self.points.len() => Some(format!(
                "it planned {plan} tests and reported {}",
                self.points.len()
            )),
            None => Some("its output has no plan".to_owned()),
            _ => None,
        }
    }

    fn diagnose(&mut self, line: &str) {
        const LINES: usize = 200;
        if let Some(point) = self.points.last_mut()
            && point.diagnostics.len() < LINES
        {
            point.diagnostics.push(line.to_owned());
        }
    }
}

/// Reads `1..N`, or `1..0 # SKIP reason`.
fn plan(line: &str) -> Option<(usize, Option<String>)> {
    let (numbers, comment) = line.split_once('#').unwrap_or((line, ""));
    let count = numbers.trim_end().strip_prefix("1..")?.parse().ok()?;
    let skipped = match directive(comment) {
        Some(Directive::Skip(reason)) => Some(reason),
        _ if count == 0 => Some(comment.trim().to_owned()),
        _ => None,
    };
    Some((count, skipped))
}

/// Reads `ok 1 - description # SKIP reason`.
fn point(line: &str, next: usize) -> Option<Point> {
    let (ok, rest) = match line.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok")?),
    };
    // `okay` is not a test.
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    let rest = rest.trim_start();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = rest[..digits].parse().unwrap_or(next);
    let (text, comment) = split_directive(&rest[digits..]);
    let text = text.trim();
    let text = text.strip_prefix("- ").unwrap_or(text);
    Some(Point {
        number,
        description: text.trim().replace("\\#", "#"),
        ok,
        directive: directive(comment),
        diagnostics: vec![],
    })
}

/// Returns true for a test that says that it is the first one.
fn is_first_point(line: &str) -> bool {
    let rest = line.strip_prefix("not ").unwrap_or(line);
    rest.split_whitespace().nth(1) == Some("1")
}

/// Splits at the first `#` without a backslash that begins a directive.
fn split_directive(text: &str) -> (&str, &str) {
    let starts = text.match_indices('#').map(|(at, _)| at);
    for at in starts {
        let escaped = text[..at].ends_with('\\');
        if !escaped && directive(&text[at + 1..]).is_some() {
            return (&text[..at], &text[at + 1..]);
        }
    }
    (text, "")
}

fn directive(comment: &str) -> Option<Directive> {
    let comment = comment.trim();
    let word = comment.split_whitespace().next()?;
    let reason = comment[word.len()..].trim().to_owned();
    let upper = word.to_ascii_uppercase();
    match () {
        // `Skipped`, too.
        () if upper.starts_with("SKIP") => Some(Directive::Skip(reason)),
        () if upper == "TODO" => Some(Directive::Todo(reason)),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(tap: &Tap) -> Vec<String> {
        let told = |point: &Point| {
            let ok = if point.ok { "ok" } else { "not ok" };
            let more = match &point.directive {
                Some(Directive::Skip(reason)) => format!(" SKIP {reason}"),
                Some(Directive::Todo(reason)) => format!(" TODO {reason}"),
                None => String::new(),
            };
            format!("{ok} {} {}{more}", point.number, point.description)
        };
        tap.points.iter().map(told).collect()
    }

    #[test]
    fn tests_have_numbers_descriptions_and_directives() {
        let text = "TAP version 14\n1..6\nok 1 - starts\n# because\nnot ok 2 sshd # 22\n  ---\n  \
                    got: 1\n  ...\nok # skip no network\nnot ok 4 - later # TODO not done\nok 5\n    \
                    ok 1 - inner\nok 6 - a \\# SKIP b\n";
        let tap = Tap::parse(text).unwrap();
        assert_eq!(
            told(&tap),
            [
                "ok 1 starts",
                "not ok 2 sshd # 22",
                "ok 3  SKIP no network",
                "not ok 4 later TODO not done",
                "ok 5 ",
                "ok 6 a # SKIP b",
            ]
        );
        assert_eq!(tap.fault(), None);
        assert_eq!(tap.points[0].diagnostics, ["# because"]);
        assert_eq!(tap.points[1].diagnostics, ["  ---", "  got: 1", "  ..."]);
    }

    #[test]
    fn a_program_that_stops_early_is_at_fault() {
        let fault = |text: &str| Tap::parse(text).unwrap().fault().unwrap_or_default();
        assert!(fault("1..3\nok 1\nok 2\n").contains("planned 3 tests and reported 2"));
        assert!(fault("1..1\nok 1\nok 2\n").contains("planned 1 tests and reported 2"));
        assert!(fault("ok 1\nok 2\n").contains("no plan"));
        assert!(fault("1..2\nok 1\nBail out! No disk\n").contains("bailed out: No disk"));
        assert_eq!(fault("ok 1\nok 2\n1..2\n"), "");
        let skipped = Tap::parse("1..0 # SKIP no TPM\n").unwrap();
        assert_eq!(skipped.skipped.as_deref(), Some("no TPM"));
        assert_eq!(skipped.fault(), None);
    }

    #[test]
    fn other_output_is_not_tap() {
        for text in [
            "",
            "hello\n",
            "okay\n",
            "ok\n",
            "ok nginx is up\n",
            "ok 200 answers\n",
            "not ok\n",
            "starting\nok 1\n",
            "1..x\n",
            "# a\n",
        ] {
            assert_eq!(Tap::parse(text), None, "{text}");
        }
    }
}
