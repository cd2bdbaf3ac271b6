//! Progress in words. A room that works for long reports through these traits; `ui/` shows it on a terminal.

/// Receives the progress of one command.
pub trait Progress {
    /// Begins a stage. It ends with [`Stage::done`], or vanishes when dropped.
    fn stage(&self, name: &'static str) -> Box<dyn Stage + Send>;

    /// Reports a message that deserves a line of its own; the same message is shown once.
    fn note(&self, message: &str);
}

/// Receives the progress of one stage of the work.
pub trait Stage {
    /// Reports what is happening right now; each update replaces the last.
    fn update(&mut self, message: &str);

    /// Reports a step that is worth keeping.
    fn step(&mut self, message: &str);

    /// Reports a message about the whole command; the same message is shown once.
    fn note(&self, message: &str);

    /// Ends the stage with its result.
    fn done(self: Box<Self>, result: &str);
}
