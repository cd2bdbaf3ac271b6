//! Reports of progress. A room that works for long reports through these traits, and `ui/` shows
//! the reports.

/// Receives the progress of one command.
pub trait Progress {
    /// Begins a stage. It ends with [`Stage::done`], or without a trace when it is dropped.
    fn stage(&self, name: &'static str) -> Box<dyn Stage + Send>;

    /// Reports a message on a line of its own, once.
    fn note(&self, message: &str);

    /// Says what the command does from now on. Only a timeline asks.
    fn phase(&self, _name: &'static str) {}
}

/// Receives the progress of one stage of the work.
pub trait Stage {
    /// Replaces the stage's current message.
    fn update(&self, message: &str);

    /// Reports a step. Without a terminal it gets a line of its own.
    fn step(&mut self, message: &str);

    /// Reports a message about the whole command on a line of its own, once.
    fn note(&self, message: &str);

    /// Ends the stage with its result.
    fn done(self: Box<Self>, result: &str);
}
