//! The steps of an ordered shutdown: the power button until the guest reacts, a request over SSH,
//! and at last the end of the power.

use std::time::Duration;

use tokio::time::Instant;

/// Time between two presses of the power button. A guest that has just begun to boot, or whose
/// logind doesn't run yet, doesn't see it. One that is shutting down ignores it.
const PRESS_AGAIN: Duration = Duration::from_secs(3);
/// The longest time for a shutdown.
const LONGEST: u64 = 24 * 60 * 60;

/// A step of a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    PressPowerButton,
    /// Run `systemctl poweroff` in the guest.
    Ask,
    CutPower,
}

/// A guest that was asked to shut down.
#[derive(Debug, Clone, Copy)]
pub struct Shutdown {
    /// Seconds that the guest has.
    pub seconds: u64,
    press: Instant,
    /// Halfway through the time, until then.
    ask: Option<Instant>,
    cut: Instant,
}

impl Shutdown {
    /// Begins a shutdown with a press of the power button.
    pub fn begin(now: Instant, seconds: u64) -> Self {
        let seconds = seconds.min(LONGEST);
        let time = Duration::from_secs(seconds);
        Self {
            seconds,
            press: now,
            ask: Some(now + time / 2),
            cut: now + time,
        }
    }

    /// Returns the shutdown that ends first.
    pub fn or_earlier(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.cut <= self.cut => other,
            _ => self,
        }
    }

    /// Returns the time of the next step.
    pub fn next(&self) -> Instant {
        self.cut.min(self.press).min(self.ask.unwrap_or(self.cut))
    }

    /// Takes the step that is due now.
    pub fn step(&mut self, now: Instant) -> Step {
        if now >= self.cut {
            return Step::CutPower;
        }
        if self.ask.is_some_and(|ask| now >= ask) {
            self.ask = None;
            return Step::Ask;
        }
        self.press = now + PRESS_AGAIN;
        Step::PressPowerButton
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_power_button_comes_first_and_the_cut_last() {
        let steps = |seconds: u64| {
            let start = Instant::now();
            let mut shutdown = Shutdown::begin(start, seconds);
            let mut steps = vec![];
            loop {
                let now = shutdown.next();
                let step = shutdown.step(now);
                steps.push(((now - start).as_secs_f64(), step));
                if step == Step::CutPower {
                    return steps;
                }
            }
        };
        use Step::{Ask, CutPower, PressPowerButton as Press};
        assert_eq!(
            steps(10),
            [
                (0.0, Press),
                (3.0, Press),
                (5.0, Ask),
                (6.0, Press),
                (9.0, Press),
                (10.0, CutPower)
            ]
        );
        assert_eq!(steps(1), [(0.0, Press), (0.5, Ask), (1.0, CutPower)]);
        assert_eq!(steps(u64::MAX).last().unwrap().0, 86_400.0);
    }

    #[test]
    fn the_shorter_of_two_times_counts() {
        let now = Instant::now();
        let (short, long) = (Shutdown::begin(now, 5), Shutdown::begin(now, 50));
        assert_eq!(short.or_earlier(Some(long)).seconds, 5);
        assert_eq!(long.or_earlier(Some(short)).seconds, 5);
        assert_eq!(long.or_earlier(None).seconds, 50);
    }
}
