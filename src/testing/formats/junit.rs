//! JUnit's XML, as CI systems read it: <https://github.com/testmoapp/junitxml>

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::testing::checks::{Case, Outcome};
use crate::testing::report::{PhaseReport, Report};

/// Returns the reports as XML: a test suite for each phase of each target, and a test case for each
/// check in it. A failure of the tool is a suite with an error.
///
/// # Errors
/// Never for text, which is cleaned of what XML doesn't allow.
pub fn junit(reports: &[Report]) -> Result<String, quick_junit::SerializeError> {
    let mut all = quick_junit::Report::new("podman-bootc");
    all.set_time(reports.iter().map(|report| report.time).sum());
    for report in reports {
        for phase in &report.phases {
            all.add_test_suite(suite(report, phase));
        }
        if let Some(error) = &report.error {
            let mut suite = TestSuite::new(report.target.clone());
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(first_line(error)).set_description(error);
            status.set_type("podman-bootc");
            let mut case = TestCase::new("podman-bootc", status);
            case.set_classname(report.target.clone());
            suite.add_test_case(case);
            all.add_test_suite(suite);
        }
    }
    let xml = all.to_string()?;
    // Jenkins' schema, junit-10.xsd, has no such attribute in the outermost element.
    let skipped = format!(" skipped=\"{}\"", all.skipped);
    let xml = xml.replacen(&skipped, "", 1);
    // XML doesn't allow them, and the crate leaves them in.
    Ok(xml.replace(['\u{fffe}', '\u{ffff}'], ""))
}

fn suite(report: &Report, phase: &PhaseReport) -> TestSuite {
    let name = format!("{} {}", report.target, phase.phase);
    let mut suite = TestSuite::new(name.clone());
    suite.set_time(phase.time);
    suite.add_property(("image", phase.image.as_str()));
    suite.add_property(("phase", phase.phase.name()));
    suite.add_property(("boot", phase.boot.to_string().as_str()));
    for case in &phase.cases {
        suite.add_test_case(test_case(&name, case));
    }
    suite
}

fn test_case(suite: &str, case: &Case) -> TestCase {
    let reason = case.outcome.reason();
    let status = match &case.outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Skipped(_) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(first_line(&reason));
            status
        }
        failed => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(first_line(&reason));
            status.set_type(failed.word()).set_description(reason);
            status
        }
    };
    let mut test = TestCase::new(case.name.clone(), status);
    test.set_classname(suite).set_time(case.time);
    if !case.output.is_empty() {
        test.set_system_out(case.output.clone());
    }
    test
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::report::Phase;

    #[test]
    fn each_check_of_a_phase_is_a_test_case() {
        let broken = Report {
            error: Some("no image\nmore".to_owned()),
            ..Report::new("other")
        };
        let xml = junit(&[Report::sample(), broken]).unwrap();
        let lines: Vec<&str> = xml.lines().map(str::trim).collect();
        for line in [
            r#"<testsuites name="podman-bootc" tests="6" failures="3" errors="1" time="42.000">"#,
            r#"<testsuite name="localhost/os boot" tests="2" skipped="0" errors="0" failures="1" time="20.000">"#,
            r#"<property name="phase" value="reboot"/>"#,
            r#"<testcase name="boot" classname="localhost/os boot" time="1.500"/>"#,
            r#"<failure message="web.service (exit-code)" type="failed">web.service (exit-code)</failure>"#,
            "no &lt;config&gt; &amp;",
            r#"<skipped message="no TPM"/>"#,
            r#"<failure message="kernel panic" type="lost">kernel panic</failure>"#,
            r#"<error message="no image" type="podman-bootc">no image"#,
        ] {
            assert!(lines.contains(&line), "{line}\n{xml}");
        }
    }

    /// The elements of Jenkins' junit-10.xsd with the attributes that they must and may have.
    const ELEMENTS: [(&str, &[&str], &[&str]); 9] = [
        (
            "testsuites",
            &[],
            &["name", "time", "tests", "failures", "errors"],
        ),
        (
            "testsuite",
            &["name", "tests", "failures", "errors"],
            &["time", "skipped", "timestamp", "hostname", "id", "package"],
        ),
        ("properties", &[], &[]),
        ("property", &["name", "value"], &[]),
        ("testcase", &["name"], &["time", "classname", "group"]),
        ("failure", &[], &["type", "message"]),
        ("error", &[], &["type", "message"]),
        ("skipped", &[], &["type", "message"]),
        ("system-out", &[], &[]),
    ];

    /// Asserts what the schema asks of the elements and the attributes.
    fn assert_fits(xml: &str) {
        assert!(
            !xml.contains(['\0', '\u{7}', '\u{1b}', '\u{fffe}', '\u{ffff}']),
            "{xml}"
        );
        let tags = xml.split('<').skip(2);
        for tag in tags.filter(|tag| !tag.starts_with('/')) {
            let tag = tag.split('>').next().unwrap().trim_end_matches('/');
            let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
            let mut quoted = attributes.split('"');
            let mut found = vec![];
            while let (Some(key), Some(_)) = (quoted.next(), quoted.next()) {
                found.push(key.trim().trim_end_matches('='));
            }
            let element = ELEMENTS.iter().find(|element| element.0 == name);
            let (_, must, may) = element.unwrap_or_else(|| panic!("<{name}>\n{xml}"));
            assert!(must.iter().all(|key| found.contains(key)), "{tag}\n{xml}");
            let known = |key: &&str| must.contains(key) || may.contains(key);
            assert!(found.iter().all(known), "{tag}\n{xml}");
            let unique: std::collections::BTreeSet<_> = found.iter().collect();
            assert_eq!(unique.len(), found.len(), "{tag}");
        }
    }

    /// `JUNIT_FOLDER` keeps the reports, for a validator.
    #[test]
    fn a_report_of_each_end_fits_the_schema() {
        let case = |name: &str, outcome, output: &str| Case {
            name: name.to_owned(),
            outcome,
            time: Duration::from_millis(1_234_567),
            output: output.to_owned(),
        };
        let phase = |phase, boot, cases| PhaseReport {
            phase,
            image: "localhost/os:latest".to_owned(),
            boot,
            time: Duration::from_secs(20_000),
            cases,
        };
        let passed = || case("boot", Outcome::Passed, "");
        let failed = |why: &str| Outcome::Failed(why.to_owned());
        let one = |outcome, output| {
            let cases = vec![passed(), case("a.sh: <1> & \"2\"", outcome, output)];
            vec![phase(Phase::Boot, 1, cases)]
        };
        let ends = [
            ("pass", one(Outcome::Passed, "")),
            (
                "fail",
                one(
                    failed("exit code 1\n]]> <b>"),
                    "\u{1b}[31m\0\u{7}]]>\r\nü\u{ffff}",
                ),
            ),
            (
                "hang",
                one(Outcome::TimedOut(Duration::from_secs(90)), "begin\n"),
            ),
            (
                "panic",
                one(Outcome::Lost("kernel panic".to_owned()), "x\n"),
            ),
            (
                "no-boot",
                vec![phase(
                    Phase::Boot,
                    1,
                    vec![
                        case("boot", failed("it was not ready after 150s"), "console\n"),
                        Case::skipped("a.sh", "it did not run: the boot failed"),
                    ],
                )],
            ),
            (
                "upgrade",
                vec![
                    phase(Phase::Boot, 1, vec![passed()]),
                    phase(Phase::Upgrade, 2, vec![case("upgrade", failed("x"), "")]),
                    phase(Phase::Rollback, 3, vec![]),
                ],
            ),
            ("error", vec![]),
        ];
        for (name, phases) in ends {
            let error = (name == "error").then(|| "no image\nmore".to_owned());
            let report = Report {
                phases,
                error,
                ..Report::new("localhost/os")
            };
            let xml = junit(&[report]).unwrap();
            assert_fits(&xml);
            if let Some(folder) = std::env::var_os("JUNIT_FOLDER") {
                let file = std::path::Path::new(&folder).join(format!("{name}.xml"));
                std::fs::write(file, xml).unwrap();
            }
        }
        assert_fits(&junit(&[]).unwrap());
    }
}
