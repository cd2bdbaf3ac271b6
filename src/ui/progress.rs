//! Progress on stderr: a spinner on a terminal, otherwise a line for each step.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressStyle};

use crate::text::{Progress, Stage};

/// The progress of one command.
#[derive(Debug, Clone)]
pub struct StderrProgress {
    quiet: bool,
    notes: ShownNotes,
}

/// The notes that were shown. All stages share them, so that each note is shown once.
#[derive(Debug, Clone, Default)]
struct ShownNotes(Arc<Mutex<BTreeSet<String>>>);

impl ShownNotes {
    /// Returns true if the note is new.
    fn add(&self, message: &str) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(message.to_owned())
    }
}

impl StderrProgress {
    pub fn new(quiet: bool) -> Self {
        Self {
            quiet,
            notes: ShownNotes::default(),
        }
    }
}

impl Progress for StderrProgress {
    fn stage(&self, name: &'static str) -> Box<dyn Stage + Send> {
        let term = Term::stderr();
        let bar = (!self.quiet && term.is_term()).then(|| {
            let bar = ProgressBar::new_spinner();
            // A unit test shows that the template is valid.
            let style = ProgressStyle::with_template(TEMPLATE)
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
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
            notes: self.notes.clone(),
        })
    }

    fn note(&self, message: &str) {
        if !self.quiet && self.notes.add(message) {
            super::tell(message);
        }
    }
}

const TEMPLATE: &str = "{spinner} {prefix:8} {elapsed:>4} {wide_msg}";

#[derive(Debug)]
struct StderrStage {
    name: &'static str,
    start: Instant,
    bar: Option<ProgressBar>,
    quiet: bool,
    last: String,
    notes: ShownNotes,
}

impl Stage for StderrStage {
    fn update(&self, message: &str) {
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
        if !self.notes.add(message) {
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
            // `{:8}` would count the colour codes, which have no width on the terminal.
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
    fn a_note_is_shown_once() {
        let progress = super::StderrProgress::new(false);
        assert!(progress.notes.add("x"));
        assert!(!progress.clone().notes.add("x") && progress.clone().notes.add("y"));
    }

    #[test]
    fn the_template_is_valid() {
        assert!(indicatif::ProgressStyle::with_template(super::TEMPLATE).is_ok());
    }
}
