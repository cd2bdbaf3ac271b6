//! The state of a system, as `script.sh` prints it. The guest is not trusted: what it prints may
//! cost a wrong outcome, and no more.

use std::time::Duration;

use regex::Regex;

/// A line of this beginning starts a section.
const MARK: &str = "@podman-bootc-";

/// The state of a system after its boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    /// The word of `systemctl is-system-running`.
    pub word: String,
    /// Unfinished jobs, as `systemctl list-jobs` prints them.
    pub jobs: Vec<String>,
    /// `emergency.target` and `rescue.target`, if they are active.
    pub emergency: Vec<String>,
    pub failed: Vec<FailedUnit>,
    /// systemd's messages about ordering cycles.
    pub cycles: Vec<String>,
    /// The kernel's messages about its faults, each with the lines after it.
    pub kernel: Vec<String>,
    /// `/proc/sys/kernel/tainted`.
    pub taint: u64,
    /// Whether SELinux enforces its policy; none if it is off.
    pub selinux: Option<bool>,
    /// SELinux' denials, each kind once.
    pub denials: Vec<String>,
    /// The time that each unit took to start, the slowest first.
    pub times: Vec<(String, Duration)>,
    /// The guest printed everything.
    pub complete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedUnit {
    pub name: String,
    /// systemd's word, for example `exit-code`.
    pub result: String,
    /// The last lines of its journal.
    pub log: Vec<String>,
}

impl System {
    pub fn parse(text: &str) -> Self {
        let mut system = Self::default();
        let (mut section, mut uptime) = (String::new(), Duration::ZERO);
        let mut times = Times::default();
        for line in text.lines() {
            if let Some(words) = line.strip_prefix(MARK) {
                let mut words = words.split(' ');
                let name = words.next().unwrap_or_default().to_owned();
                if name == "unit" {
                    system.failed.push(FailedUnit {
                        name: words.next().unwrap_or_default().to_owned(),
                        result: words.collect::<Vec<_>>().join(" "),
                        log: vec![],
                    });
                }
                system.complete |= name == "end";
                section = name;
                continue;
            }
            match section.as_str() {
                "system" => system.word = line.to_owned(),
                "jobs" => system.jobs.push(line.to_owned()),
                "emergency" => system.emergency.push(line.to_owned()),
                "unit" => {
                    if let Some(unit) = system.failed.last_mut() {
                        unit.log.push(line.to_owned());
                    }
                }
                "cycles" => system.cycles.push(line.to_owned()),
                "kernel" => add_message(&mut system.kernel, line),
                "tainted" => system.taint = line.trim().parse().unwrap_or(0),
                "selinux" => match line.strip_prefix("enforce ") {
                    Some(word) => system.selinux = Some(word == "1"),
                    None => add_denial(&mut system.denials, line),
                },
                "uptime" => uptime = seconds(line),
                "times" => times.line(line),
                _ => {}
            }
        }
        system.times = times.finish(uptime);
        system
    }
}

/// Adds a line of `grep -A`, which separates groups with `--`.
fn add_message(messages: &mut Vec<String>, line: &str) {
    match messages.last_mut() {
        Some(last) if line != "--" => {
            last.push('\n');
            last.push_str(line);
        }
        _ if line == "--" => messages.push(String::new()),
        _ => messages.push(line.to_owned()),
    }
    if let Some(last) = messages.last_mut()
        && last.starts_with('\n')
    {
        last.remove(0);
    }
}

/// Adds a denial, unless there is one that differs only in its time and its process.
fn add_denial(denials: &mut Vec<String>, line: &str) {
    let what = line.find("avc:").map_or(line, |at| &line[at..]);
    let kind = |what: &str| match Regex::new(r"\b(pid|ino)=\d+ ?") {
        Ok(changing) => changing.replace_all(what, "").into_owned(),
        Err(_) => what.to_owned(),
    };
    let new = kind(what);
    if denials.iter().all(|old| kind(old) != new) {
        denials.push(what.to_owned());
    }
}

fn seconds(text: &str) -> Duration {
    let word = text.split(' ').next().unwrap_or_default();
    let seconds = word.parse().unwrap_or(0.0);
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// The blocks of `systemctl show`.
#[derive(Default)]
struct Times {
    block: Block,
    units: Vec<Block>,
}

#[derive(Default)]
struct Block {
    id: String,
    state: String,
    /// Microseconds since the boot.
    inactive_exit: u64,
    active_enter: u64,
    inactive_enter: u64,
}

impl Times {
    fn line(&mut self, line: &str) {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let time = || value.parse().unwrap_or(0);
        match name {
            "Id" => self.block.id = value.to_owned(),
            "ActiveState" => self.block.state = value.to_owned(),
            "InactiveExitTimestampMonotonic" => self.block.inactive_exit = time(),
            "ActiveEnterTimestampMonotonic" => self.block.active_enter = time(),
            "InactiveEnterTimestampMonotonic" => self.block.inactive_enter = time(),
            "" => self.units.push(std::mem::take(&mut self.block)),
            _ => {}
        }
    }

    /// Returns the units' times as `systemd-analyze blame` counts them, and the time so far of
    /// units that still start.
    fn finish(mut self, uptime: Duration) -> Vec<(String, Duration)> {
        self.units.push(self.block);
        let mut times: Vec<(String, Duration)> = self
            .units
            .into_iter()
            // The tool's own units wait for the host.
            .filter(|unit| unit.inactive_exit > 0 && !unit.id.starts_with("podman-bootc-"))
            .filter_map(|unit| {
                let now = u64::try_from(uptime.as_micros()).unwrap_or(u64::MAX);
                let end = match unit.state.as_str() {
                    "activating" => now,
                    _ if unit.active_enter >= unit.inactive_exit => unit.active_enter,
                    _ => unit.inactive_enter,
                };
                let time = end.checked_sub(unit.inactive_exit)?;
                Some((unit.id, Duration::from_micros(time)))
            })
            .collect();
        times.sort_by(|one, two| two.1.cmp(&one.1).then_with(|| one.0.cmp(&two.0)));
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_section_is_read() {
        let text = "\
noise
@podman-bootc-system
degraded
@podman-bootc-jobs
12 slow.service start running
@podman-bootc-emergency
emergency.target
@podman-bootc-failed
@podman-bootc-unit failing.service exit-code
this unit fails on purpose
failing.service: Failed with result 'exit-code'.
@podman-bootc-unit a.mount
@podman-bootc-cycles
a.service: Found ordering cycle on b.service/start
@podman-bootc-kernel
[    1.0] k kernel: WARNING: CPU: 0 PID: 1 at kernel/x.c:1 y+0x1
[    1.1] k kernel: Call Trace:
--
[    2.0] k kernel: BUG: z
@podman-bootc-tainted
512
@podman-bootc-selinux
enforce 1
audit: type=1400 audit(17.1:4): avc:  denied  { read } for  pid=1 comm=\"a\" scontext=x
audit: type=1400 audit(18.1:5): avc:  denied  { read } for  pid=2 comm=\"a\" scontext=x
type=AVC msg=audit(18.2:6): avc:  denied  { write } for  pid=2 comm=\"a\" scontext=x
@podman-bootc-uptime
30.50 20.00
@podman-bootc-times
Id=a.service
ActiveState=active
InactiveExitTimestampMonotonic=1000000
ActiveEnterTimestampMonotonic=3000000
InactiveEnterTimestampMonotonic=0

Id=slow.service
ActiveState=activating
InactiveExitTimestampMonotonic=10500000
ActiveEnterTimestampMonotonic=0
InactiveEnterTimestampMonotonic=0

Id=done.service
ActiveState=inactive
InactiveExitTimestampMonotonic=1000000
ActiveEnterTimestampMonotonic=0
InactiveEnterTimestampMonotonic=1500000

Id=podman-bootc-ready.service
ActiveState=active
InactiveExitTimestampMonotonic=1
ActiveEnterTimestampMonotonic=9000000
InactiveEnterTimestampMonotonic=0

Id=never.service
ActiveState=inactive
InactiveExitTimestampMonotonic=0
@podman-bootc-end
";
        let system = System::parse(text);
        assert_eq!(system.word, "degraded");
        assert_eq!(system.jobs, ["12 slow.service start running"]);
        assert_eq!(system.emergency, ["emergency.target"]);
        let [failing, mount] = &system.failed[..] else {
            panic!("{:?}", system.failed)
        };
        assert_eq!(
            (&*failing.name, &*failing.result),
            ("failing.service", "exit-code")
        );
        assert_eq!(failing.log.len(), 2);
        assert_eq!((&*mount.name, &*mount.result), ("a.mount", ""));
        assert_eq!(system.cycles.len(), 1);
        assert_eq!(system.kernel.len(), 2);
        assert!(
            system.kernel[0].ends_with("Call Trace:"),
            "{:?}",
            system.kernel
        );
        assert!(
            system.kernel[1].starts_with("[    2.0]"),
            "{:?}",
            system.kernel
        );
        assert_eq!((system.taint, system.selinux), (512, Some(true)));
        assert_eq!(system.denials.len(), 2, "{:?}", system.denials);
        let times: Vec<(&str, u128)> = system
            .times
            .iter()
            .map(|(name, time)| (name.as_str(), time.as_millis()))
            .collect();
        assert_eq!(
            times,
            [
                ("slow.service", 20000),
                ("a.service", 2000),
                ("done.service", 500)
            ]
        );
        assert!(system.complete);
        assert_eq!(
            System::parse("sudo: a password is required\n"),
            System::default()
        );
    }

    proptest::proptest! {
        #[test]
        fn no_output_breaks_it(text in "(@podman-bootc-(unit|kernel|times|selinux) ?|--|Id=|=|\\n|a|1){0,60}") {
            System::parse(&text);
        }
    }
}
