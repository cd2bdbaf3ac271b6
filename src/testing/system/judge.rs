//! The verdicts on a system.

use std::time::Duration;

use super::parse::System;
use crate::testing::checks::{Case, Outcome};
use crate::text::{colon, seconds};

/// The bounds that a system must keep.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A unit that takes longer to start is too slow.
    pub slow: Duration,
    /// The time that the system had to settle.
    pub settle: Duration,
    /// The system runs without a disk, so that its files have no labels of SELinux.
    pub ephemeral: bool,
}

/// A check of the system that a user leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Skip {
    /// The system has started everything
    Settled,
    /// Emergency and rescue mode
    Emergency,
    FailedUnits,
    OrderingCycles,
    /// Warnings, oopses and hangs of the kernel
    Kernel,
    Selinux,
    SlowUnits,
    /// `bootc container lint`
    Lint,
}

/// The names of the checks, in the order of [`Skip`].
const LABELS: [&str; 7] = [
    "system settled",
    "no emergency mode",
    "no failed units",
    "no ordering cycles",
    "no kernel faults",
    "no SELinux denials",
    "no slow units",
];

/// Bits of `/proc/sys/kernel/tainted`: the kernel has died or warned.
/// <https://docs.kernel.org/admin-guide/tainted-kernels.html>
const DIED: u64 = 1 << 7;
const WARNED: u64 = 1 << 9;
/// Slow units that a report names.
const NAMED: usize = 5;

/// Returns the names of the checks without those that the user leaves out.
pub fn labels(skip: &[Skip]) -> impl Iterator<Item = &'static str> {
    let labels = LABELS.into_iter().enumerate();
    labels.filter_map(|(number, name)| {
        let is_skipped = skip.iter().any(|skip| *skip as usize == number);
        (!is_skipped).then_some(name)
    })
}

/// Returns a case for each check of the system. `settled` says whether it has started everything.
pub fn judge(system: &System, settled: bool, limits: &Limits) -> Vec<Case> {
    let outcomes = [
        settled_outcome(system, settled, limits),
        names(&system.emergency, "is active"),
        failed_units(system),
        cycles(system),
        kernel(system),
        selinux(system, limits),
        slow_units(system, limits),
    ];
    let cases = LABELS.into_iter().zip(outcomes);
    cases
        .map(|(name, (outcome, output))| Case {
            name: name.to_owned(),
            outcome: match (&outcome, system.complete) {
                (Outcome::Passed, false) => {
                    Outcome::Failed("the guest's state is not known".to_owned())
                }
                _ => outcome,
            },
            time: Duration::ZERO,
            output,
        })
        .collect()
}

type Verdict = (Outcome, String);

fn passed() -> Verdict {
    (Outcome::Passed, String::new())
}

fn settled_outcome(system: &System, settled: bool, limits: &Limits) -> Verdict {
    if settled {
        return passed();
    }
    // `12 slow.service start running`
    let job = |line: &String| {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        words
            .first()
            .map(|unit| format!("{unit} ({})", words[1..].join(" ")))
    };
    let running = system.jobs.iter().filter(|line| line.ends_with(" running"));
    let jobs: Vec<String> = running.filter_map(job).take(NAMED).collect();
    let why = format!(
        "it still starts after {}{}",
        seconds(limits.settle),
        colon(&jobs.join(", "))
    );
    (Outcome::Failed(why), system.jobs.join("\n"))
}

fn names(units: &[String], verb: &str) -> Verdict {
    match units.is_empty() {
        true => passed(),
        false => (
            Outcome::Failed(format!("{} {verb}", units.join(", "))),
            String::new(),
        ),
    }
}

fn failed_units(system: &System) -> Verdict {
    if system.failed.is_empty() {
        return passed();
    }
    let names: Vec<String> = system
        .failed
        .iter()
        .map(|unit| match unit.result.as_str() {
            "" => unit.name.clone(),
            result => format!("{} ({result})", unit.name),
        })
        .collect();
    let mut output = String::new();
    for unit in &system.failed {
        output += &format!("{}:\n", unit.name);
        for line in &unit.log {
            output += &format!("  {line}\n");
        }
    }
    (Outcome::Failed(names.join(", ")), output)
}

fn cycles(system: &System) -> Verdict {
    match system.cycles.first() {
        None => passed(),
        Some(first) => (Outcome::Failed(first.clone()), system.cycles.join("\n")),
    }
}

fn kernel(system: &System) -> Verdict {
    let output = system.kernel.join("\n--\n");
    let first = system
        .kernel
        .first()
        .and_then(|message| message.lines().next());
    match (first, system.taint & (DIED | WARNED)) {
        (Some(line), _) => (Outcome::Failed(message(line).to_owned()), output),
        (None, 0) => passed(),
        (None, taint) => {
            let why = format!("the kernel has warned or died, and has the taint {taint}");
            (Outcome::Failed(why), output)
        }
    }
}

/// Returns the message of a line of `journalctl --output=short-monotonic` or dmesg.
fn message(line: &str) -> &str {
    let line = line.split_once("] ").map_or(line, |(_, message)| message);
    line.strip_prefix("kernel: ").unwrap_or(line)
}

fn selinux(system: &System, limits: &Limits) -> Verdict {
    let skipped = |why: &str| (Outcome::Skipped(why.to_owned()), String::new());
    match (system.selinux, system.denials.as_slice()) {
        (Some(false), _) if limits.ephemeral => {
            skipped("without a disk the files have no labels, and SELinux is permissive")
        }
        (None, []) => skipped("SELinux is off"),
        (_, []) => passed(),
        (_, [first, ..]) => {
            let count = system.denials.len();
            let why = match count {
                1 => first.clone(),
                _ => format!("{count} denials, the first: {first}"),
            };
            (Outcome::Failed(why), system.denials.join("\n"))
        }
    }
}

fn slow_units(system: &System, limits: &Limits) -> Verdict {
    let shown = |(name, time): &(String, Duration)| format!("{name} {}", seconds(*time));
    let slowest: Vec<String> = system.times.iter().take(NAMED).map(shown).collect();
    let slow: Vec<String> = system
        .times
        .iter()
        .filter(|(_, time)| *time > limits.slow)
        .map(shown)
        .collect();
    let outcome = match slow.len() {
        0 => Outcome::Passed,
        count => {
            let more = match count > NAMED {
                true => format!(" and {} more", count - NAMED),
                false => String::new(),
            };
            let named = slow[..count.min(NAMED)].join(", ");
            let limit = seconds(limits.slow);
            Outcome::Failed(format!("{named}{more}: more than {limit}"))
        }
    };
    (outcome, slowest.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::super::parse::FailedUnit;
    use super::*;

    fn told(system: System, settled: bool, ephemeral: bool) -> Vec<String> {
        let system = System {
            complete: true,
            ..system
        };
        let limits = Limits {
            slow: Duration::from_secs(30),
            settle: Duration::from_secs(300),
            ephemeral,
        };
        let cases = judge(&system, settled, &limits);
        let wrong = cases.iter().filter(|case| case.outcome != Outcome::Passed);
        wrong
            .map(|case| format!("{}: {}", case.name, case.outcome.reason()))
            .collect()
    }

    #[test]
    fn each_fault_fails_its_own_check() {
        let lines = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
        let system = System::default;
        for (system, settled, wrong) in [
            (system(), true, ""),
            (
                System {
                    jobs: lines("1 a.target start waiting|12 slow.service start running"),
                    ..system()
                },
                false,
                "system settled: it still starts after 300s: slow.service (start running)",
            ),
            (
                System {
                    emergency: lines("emergency.target"),
                    ..system()
                },
                true,
                "no emergency mode: emergency.target is active",
            ),
            (
                System {
                    failed: vec![FailedUnit {
                        name: "a.service".into(),
                        result: "exit-code".into(),
                        log: vec![],
                    }],
                    ..system()
                },
                true,
                "no failed units: a.service (exit-code)",
            ),
            (
                System {
                    cycles: lines("Found ordering cycle: a|b"),
                    ..system()
                },
                true,
                "no ordering cycles: Found ordering cycle: a",
            ),
            (
                System {
                    kernel: lines("[ 1.0] kernel: BUG: x\nmore"),
                    ..system()
                },
                true,
                "no kernel faults: BUG: x",
            ),
            (
                System {
                    taint: 4096 | WARNED,
                    ..system()
                },
                true,
                "no kernel faults: the kernel has warned or died, and has the taint 512",
            ),
            (
                System {
                    times: vec![
                        ("a.service".into(), Duration::from_secs(31)),
                        ("b.service".into(), Duration::from_secs(30)),
                    ],
                    ..system()
                },
                true,
                "no slow units: a.service 31s: more than 30s",
            ),
        ] {
            let mut all = told(system, settled, false);
            all.retain(|line| !line.starts_with("no SELinux"));
            assert_eq!(all.join("|"), wrong);
        }
    }

    #[test]
    fn denials_count_where_files_have_labels() {
        for (selinux, denials, ephemeral, told_of) in [
            (None, "", false, "no SELinux denials: SELinux is off"),
            (Some(true), "", false, ""),
            (Some(true), "avc: x", false, "no SELinux denials: avc: x"),
            (Some(false), "avc: x", false, "no SELinux denials: avc: x"),
            (
                Some(false),
                "avc: x",
                true,
                "no SELinux denials: without a disk the files have no labels, and SELinux is \
                 permissive",
            ),
            (Some(true), "avc: x", true, "no SELinux denials: avc: x"),
        ] {
            let system = System {
                selinux,
                denials: denials.lines().map(str::to_owned).collect(),
                ..System::default()
            };
            assert_eq!(told(system, true, ephemeral).join("|"), told_of);
        }
    }

    #[test]
    fn a_guest_that_tells_nothing_passes_nothing() {
        let limits = Limits {
            slow: Duration::MAX,
            settle: Duration::MAX,
            ephemeral: false,
        };
        let cases = judge(&System::default(), true, &limits);
        assert!(cases.iter().all(|case| case.outcome != Outcome::Passed));
    }
}
