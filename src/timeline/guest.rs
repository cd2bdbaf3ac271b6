//! The guest's part: the times that its systemd knows.

use std::time::Duration;

use super::{At, Guest, Span, UNITS};
use crate::text::plain;

/// Asks for the guest's clock.
pub const CLOCK: &str = "cat /proc/uptime";

/// Asks systemd for the times of its boot and of its units. Any systemd that the tool boots knows
/// these properties.
///
/// awk keeps only the units that took time, so that the answer stays short.
pub const SCRIPT: &str = r#"systemctl show --property=FirmwareTimestampMonotonic,LoaderTimestampMonotonic,\
InitRDTimestampMonotonic,UserspaceTimestampMonotonic,FinishTimestampMonotonic
echo
systemctl show '*' --property=Id,InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic |
awk -F= '$1 == "Id" { id = $2 }
$1 == "InactiveExitTimestampMonotonic" { from = $2 }
$1 == "ActiveEnterTimestampMonotonic" { to = $2 }
$0 == "" { if (from > 0 && (to == 0 || to - from > 10000)) print from, to, id; from = to = 0 }
END { if (from > 0 && (to == 0 || to - from > 10000)) print from, to, id }' | head -n 300"#;

/// The longest name of a unit that a timeline shows, in characters.
const NAME: usize = 48;
/// The guest's clock is read with this accuracy.
const TOLERANCE: Duration = Duration::from_millis(500);

/// Reads the answers to [`CLOCK`] and [`SCRIPT`]. The guest read its clock at `asked`, and its
/// machine started at `started`.
pub fn read(clock: &str, answer: &str, started: At, asked: At) -> Guest {
    let value = |name: &str| {
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix('=')?.parse().ok();
        let value: Option<u64> = answer.lines().find_map(|line| value(line.trim()));
        value.filter(|value| *value > 0).map(Duration::from_micros)
    };
    let uptime = clock.lines().find_map(|line| {
        let seconds: f64 = line.split_whitespace().next()?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    });
    let (Some(uptime), Some(userspace)) = (uptime, value("UserspaceTimestampMonotonic")) else {
        return Guest::Unknown("its systemd tells no times".to_owned());
    };
    if uptime > asked.saturating_sub(started) + TOLERANCE {
        return Guest::Resumed;
    }
    // The kernel's clock begins here, on the host's clock.
    let kernel = asked.saturating_sub(uptime);
    let at = |time: Duration| kernel.saturating_add(time).min(asked);
    let before = |time: Duration| kernel.saturating_sub(time).max(started.min(kernel));
    let initrd = value("InitRDTimestampMonotonic").filter(|time| *time < userspace);
    let finish = value("FinishTimestampMonotonic");
    let loader = value("LoaderTimestampMonotonic");
    let mut phases = vec![];
    if let Some(firmware) = value("FirmwareTimestampMonotonic") {
        let end = before(loader.unwrap_or_default());
        phases.push(Span::new("firmware", before(firmware), end));
    }
    if let Some(loader) = loader {
        phases.push(Span::new("boot loader", before(loader), kernel));
    }
    phases.push(Span::new("kernel", kernel, at(initrd.unwrap_or(userspace))));
    if let Some(initrd) = initrd {
        phases.push(Span::new("initrd", at(initrd), at(userspace)));
    }
    let end = finish.map_or(asked, at);
    phases.push(Span::new("userspace", at(userspace), end));
    Guest::Booted {
        phases,
        units: units(answer, userspace, &at),
        is_whole: finish.is_some(),
    }
}

/// Returns the slowest units. A unit that has not started yet ends with the answer.
fn units(answer: &str, userspace: Duration, at: &dyn Fn(Duration) -> At) -> Vec<Span> {
    let unit = |line: &str| {
        let mut words = line.split_whitespace();
        let mut time = || words.next()?.parse().ok().map(Duration::from_micros);
        let (from, to) = (time()?, time()?);
        let name = words.next()?;
        // Units of the initrd have the times of the initrd.
        let counts = from >= userspace && name.contains('.');
        let to = if to < from { Duration::MAX / 2 } else { to };
        counts.then(|| Span::new(&short(name), at(from), at(to)))
    };
    let mut units: Vec<Span> = answer.lines().filter_map(unit).collect();
    units.sort_by_key(|unit| std::cmp::Reverse(unit.length()));
    units.truncate(UNITS);
    units.sort_by_key(|unit| unit.start);
    units
}

/// Returns a unit's name without what a terminal or a picture could take for more.
fn short(name: &str) -> String {
    let name = plain(name);
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: &str = "15.00 20.00\n";
    const ANSWER: &str = "FirmwareTimestampMonotonic=0\nLoaderTimestampMonotonic=0\n\
        InitRDTimestampMonotonic=4000000\nUserspaceTimestampMonotonic=6000000\n\
        FinishTimestampMonotonic=0\n\n7000000 9000000 a.service\n8000000 0 b.service\n\
        1000000 5000000 old.service\n7000000 7020000 -.mount\n";

    fn s(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn the_guests_times_are_on_the_hosts_clock() {
        let Guest::Booted {
            phases,
            units,
            is_whole,
        } = read(CLOCK, ANSWER, s(2.0), s(20.0))
        else {
            panic!()
        };
        let wanted = [
            Span::new("kernel", s(5.0), s(9.0)),
            Span::new("initrd", s(9.0), s(11.0)),
            Span::new("userspace", s(11.0), s(20.0)),
        ];
        assert_eq!(phases, wanted);
        let wanted = [
            Span::new("a.service", s(12.0), s(14.0)),
            Span::new("-.mount", s(12.0), s(12.02)),
            Span::new("b.service", s(13.0), s(20.0)),
        ];
        assert_eq!(units, wanted);
        assert!(!is_whole);
    }

    #[test]
    fn the_firmware_comes_before_the_kernel() {
        let answer = ANSWER
            .replace(
                "FirmwareTimestampMonotonic=0",
                "FirmwareTimestampMonotonic=2000000",
            )
            .replace(
                "LoaderTimestampMonotonic=0",
                "LoaderTimestampMonotonic=500000",
            )
            .replace(
                "FinishTimestampMonotonic=0",
                "FinishTimestampMonotonic=14000000",
            );
        let Guest::Booted {
            phases, is_whole, ..
        } = read(CLOCK, &answer, s(2.0), s(20.0))
        else {
            panic!()
        };
        assert_eq!(phases[0], Span::new("firmware", s(3.0), s(4.5)));
        assert_eq!(phases[1], Span::new("boot loader", s(4.5), s(5.0)));
        assert_eq!(phases[4], Span::new("userspace", s(11.0), s(19.0)));
        assert!(is_whole);
    }

    #[test]
    fn a_guest_that_is_older_than_its_machine_was_resumed() {
        assert_eq!(read(CLOCK, ANSWER, s(18.0), s(20.0)), Guest::Resumed);
    }

    #[test]
    fn a_guest_may_answer_anything() {
        for clock in ["", "sh: cat: not found", "NaN", "-1 2", "1e300"] {
            let guest = read(clock, ANSWER, s(0.0), s(1.0));
            assert!(matches!(guest, Guest::Unknown(_)), "{clock}");
        }
        for answer in ["", "sh: systemctl: not found"] {
            let guest = read("1.00 1.00", answer, s(0.0), s(1.0));
            assert!(matches!(guest, Guest::Unknown(_)), "{answer}");
        }
        let huge = format!(
            "UserspaceTimestampMonotonic={0}\n{0} {0} \u{1b}[31m{1}.service\n",
            u64::MAX,
            "x".repeat(9999)
        );
        let Guest::Booted { units, .. } = read("1 1", &huge, s(0.0), s(1.0)) else {
            panic!()
        };
        assert!(units[0].name.chars().count() < 60 && !units[0].name.contains('\u{1b}'));
    }
}
