//! Stages and seconds on stderr: a spinner on a terminal, a line per stage elsewhere.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressStyle};

/// Shows what the tool is doing.
#[derive(Debug, Clone)]
pub struct Progress {
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

impl Progress {
    /// Progress on stderr, or none at all.
    pub fn new(quiet: bool) -> Self {
        Self { quiet, told: Told::default() }
    }

    /// Begins a stage; it ends with [`Stage::done`], or vanishes when dropped.
    pub fn stage(&self, name: &'static str) -> Stage {
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
        Stage {
            name,
            start: Instant::now(),
            bar,
            quiet: self.quiet,
            last: String::new(),
            told: self.told.clone(),
        }
    }

    /// A message that is worth a line of its own.
    pub fn note(&self, message: &str) {
        if !self.quiet && self.told.is_news(message) {
            super::tell(message);
        }
    }
}

const TEMPLATE: &str = "{spinner} {prefix:8} {elapsed:>4} {wide_msg}";

/// One stage of the work, from its start to its end.
#[derive(Debug)]
pub struct Stage {
    name: &'static str,
    start: Instant,
    bar: Option<ProgressBar>,
    quiet: bool,
    last: String,
    told: Told,
}

impl Stage {
    /// What is happening right now: on a terminal it takes the place of the last such line.
    pub fn update(&mut self, message: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(crate::text::plain(message));
        }
    }

    /// A step that is worth keeping: on a terminal as [`Stage::update`], elsewhere a line of its own.
    pub fn step(&mut self, message: &str) {
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

    /// A message above the running stage, kept.
    pub fn note(&self, message: &str) {
        if !self.told.is_news(message) {
            return;
        }
        match &self.bar {
            Some(bar) => bar.suspend(|| super::tell(message)),
            None if !self.quiet => super::tell(message),
            None => {}
        }
    }

    /// Ends the stage with what came of it.
    pub fn done(self, result: &str) {
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

impl Drop for Stage {
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
        let progress = super::Progress::new(false);
        assert!(progress.told.is_news("x"));
        assert!(!progress.stage("boot").told.is_news("x") && progress.clone().told.is_news("y"));
    }

    #[test]
    fn the_template_is_valid() {
        assert!(indicatif::ProgressStyle::with_template(super::TEMPLATE).is_ok());
    }
}
