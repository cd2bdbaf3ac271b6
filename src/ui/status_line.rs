//! The last lines of a terminal: what happens now, and the keys.

use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressStyle};

/// Two lines that stay below all others. Dropping the value removes them.
pub struct StatusLine {
    bar: ProgressBar,
    busy: ProgressStyle,
    idle: ProgressStyle,
    stage: String,
}

impl StatusLine {
    /// Returns the lines; none without a terminal.
    pub fn new(keys: &str) -> Option<Self> {
        let is_terminal = Term::stdout().is_term() && Term::stderr().is_term();
        is_terminal.then(|| Self {
            bar: ProgressBar::new_spinner(),
            busy: style("{spinner} {prefix:8} {elapsed:>4} {wide_msg}", keys),
            idle: style("  {prefix:8} {wide_msg}", keys),
            stage: String::new(),
        })
    }

    /// Shows the stage that runs. Its time begins with its name.
    pub fn stage(&mut self, name: &str, message: &str) {
        if self.stage != name {
            self.stage = name.to_owned();
            self.bar.set_style(self.busy.clone());
            self.bar.reset_elapsed();
            self.bar.set_prefix(name.to_owned());
            self.bar.enable_steady_tick(Duration::from_millis(100));
        }
        self.bar.set_message(crate::text::plain(message));
    }

    /// Shows that nothing runs. Nothing is drawn until the next call.
    pub fn idle(&mut self, message: &str) {
        self.stage = String::new();
        self.bar.disable_steady_tick();
        self.bar.set_style(self.idle.clone());
        self.bar.set_prefix("idle");
        self.bar.set_message(crate::text::plain(message));
        self.bar.tick();
    }

    /// Prints a line of data above.
    pub fn say(&self, line: &str, is_bad: bool) {
        let line = console::style(line);
        let line = match is_bad {
            true => line.red(),
            false => line,
        };
        self.bar.suspend(|| super::say(format!("{line}\n")));
    }

    /// Prints a message above.
    pub fn tell(&self, message: &str) {
        self.bar.suspend(|| super::tell(message));
    }

    /// Removes the lines while `work` has the terminal.
    pub async fn suspend<T>(&mut self, work: impl Future<Output = T>) -> T {
        self.bar.disable_steady_tick();
        self.stage = String::new();
        self.bar.suspend(|| ());
        self.bar
            .set_draw_target(indicatif::ProgressDrawTarget::hidden());
        let result = work.await;
        self.bar
            .set_draw_target(indicatif::ProgressDrawTarget::stderr());
        result
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str, keys: &str) -> ProgressStyle {
    // The keys have no braces, and a unit test shows that the templates are valid.
    ProgressStyle::with_template(&format!("{template}\n  {keys}"))
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}
