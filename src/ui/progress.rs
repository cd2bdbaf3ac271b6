//! Stages and seconds on stderr: a spinner on a terminal, a line per stage elsewhere.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressStyle};

use crate::text::{Progress, Stage};

/// Shows what the tool is doing.
#[derive(Debug, Clone)]
pub struct StderrProgress {
    quiet: bool,
    told: Told,
}

/// The notes that were made so far: each is made once, however many stages come upon the same.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<BTreeSet<String>>>);

impl Told {
    /// True for the first time.
    fn is_news(&self, message: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(message.to_owned())
    }
}

impl StderrProgress {
    /// Progress on stderr, or none at all.
    pub fn new(quiet: bool) -> Self {
        Self { quiet, told: Told::default() }
    }
}

impl Progress for StderrProgress {
    fn stage(&self, name: &'static str) -> Box<dyn Stage + Send> {
        let term = Term::stderr();
        let bar = (!self.quiet && term.is_term()).then(|| {
            let bar = ProgressBar::new_spinner();
            // The template is a constant that the unit test below renders.
            let style =
                ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_spinner());
            bar.set_style(style);
            bar.set_prefix(name);
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Box::new(StderrStage {
            name,
            start: Instant::now(),
            bar,
            quiet: self.quiet,
            last: String::new(),
            told: self.told.clone(),
        })
    }

    fn note(&self, message: &str) {
        if !self.quiet && self.told.is_news(message) {
            super::tell(message);
        }
    }
}

const TEMPLATE: &str = "{spinner} {prefix:8} {elapsed:>4} {wide_msg}";

/// One stage of the work, from its start to its end.
#[derive(Debug)]
struct StderrStage {
    name: &'static str,
    start: Instant,
    bar: Option<ProgressBar>,
    quiet: bool,
    last: String,
    told: Told,
}

impl Stage for StderrStage {
    fn update(&mut self, message: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(crate::text::plain(message));
        }
    }

    fn step(&mut self, message: &str) {
        let message = crate::text::plain(message);
        if message == self.last {
            return;
        }
        match &self.bar {
            Some(bar) => bar.set_message(message.clone()),
            None if !self.quiet => {
                let time = crate::text::seconds(self.start.elapsed());
                super::tell(format!("{:8} {time:>5} {message}", self.name));
            }
            None => {}
        }
        self.last = message;
    }

    fn note(&self, message: &str) {
        if !self.told.is_news(message) {
            return;
        }
        match &self.bar {
            Some(bar) => bar.suspend(|| super::tell(message)),
            None if !self.quiet => super::tell(message),
            None => {}
        }
    }

    fn done(self: Box<Self>, result: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if !self.quiet {
            let name = console::style(self.name).for_stderr().green();
            // Padded by hand: colour codes have no width on the terminal.
            let pad = " ".repeat(8usize.saturating_sub(self.name.len()));
            let time = crate::text::seconds(self.start.elapsed());
            super::tell(format!("{name}{pad} {time:>5} {result}"));
        }
    }
}

impl Drop for StderrStage {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_note_is_made_once() {
        let progress = super::StderrProgress::new(false);
        assert!(progress.told.is_news("x"));
        assert!(!progress.clone().told.is_news("x") && progress.clone().told.is_news("y"));
    }

    #[test]
    fn the_template_is_valid() {
        assert!(indicatif::ProgressStyle::with_template(super::TEMPLATE).is_ok());
    }
}
