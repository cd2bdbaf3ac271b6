//! Measures the stages of a command, as its progress reports them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Span;
use crate::text::{Progress, Stage};

/// A command's progress, with a clock.
pub struct Recorder<'a> {
    progress: &'a dyn Progress,
    start: Instant,
    /// The starts of the phases.
    phases: Mutex<Vec<(&'static str, Duration)>>,
}

impl<'a> Recorder<'a> {
    /// Passes progress on, and measures from now.
    pub fn new(progress: &'a dyn Progress) -> Self {
        Self {
            progress,
            start: Instant::now(),
            phases: Mutex::default(),
        }
    }

    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Returns the phases so far. The last one ends now.
    pub fn spans(&self) -> Vec<Span> {
        let phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = phases.iter().skip(1).map(|(_, start)| *start);
        let ends = ends.chain([self.now()]);
        let spans = phases.iter().zip(ends);
        spans
            .map(|((name, start), end)| Span::new(name, *start, end))
            .collect()
    }
}

impl Progress for Recorder<'_> {
    fn stage(&self, name: &'static str) -> Box<dyn Stage + Send> {
        self.progress.stage(name)
    }

    fn note(&self, message: &str) {
        self.progress.note(message);
    }

    fn phase(&self, name: &'static str) {
        let now = self.now();
        let mut phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        phases.push((name, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::StderrProgress;

    #[test]
    fn a_phase_ends_when_the_next_begins() {
        let progress = StderrProgress::new(true);
        let recorder = Recorder::new(&progress);
        assert!(recorder.spans().is_empty());
        recorder.phase("one");
        recorder.phase("two");
        let spans = recorder.spans();
        assert_eq!(spans[0].end, spans[1].start);
        assert_eq!((&*spans[0].name, &*spans[1].name), ("one", "two"));
        assert!(spans[1].end <= recorder.now());
    }
}
