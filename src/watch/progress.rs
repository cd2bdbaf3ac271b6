//! What the VM's thread tells the loop.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

use super::cycle::Event;
use crate::testing::checks::Case;
use crate::text::{Progress, Stage};

/// A message of the thread.
#[derive(Debug)]
pub enum Told {
    /// The current stage and its message.
    Stage(&'static str, String),
    Note(String),
    /// A VM was made, and has this name.
    Name(String),
    Case(Case),
    Event(Event),
}

/// Sends messages to the loop.
#[derive(Debug, Clone)]
pub struct Teller {
    sender: UnboundedSender<Told>,
    /// Each note is told once, although each cycle leads to it.
    notes: Arc<Mutex<BTreeSet<String>>>,
}

struct TellerStage {
    name: &'static str,
    teller: Teller,
}

impl Teller {
    pub fn new(sender: UnboundedSender<Told>) -> Self {
        Self {
            sender,
            notes: Arc::default(),
        }
    }

    pub fn tell(&self, told: Told) {
        // An error means that the loop has ended.
        let _ = self.sender.send(told);
    }
}

impl Progress for Teller {
    fn stage(&self, name: &'static str) -> Box<dyn Stage + Send> {
        self.tell(Told::Stage(name, String::new()));
        Box::new(TellerStage {
            name,
            teller: self.clone(),
        })
    }

    fn note(&self, message: &str) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.insert(message.to_owned()) {
            self.tell(Told::Note(message.to_owned()));
        }
    }
}

impl Stage for TellerStage {
    fn update(&self, message: &str) {
        self.teller.tell(Told::Stage(self.name, message.to_owned()));
    }

    fn step(&mut self, message: &str) {
        self.update(message);
    }

    fn note(&self, message: &str) {
        self.teller.note(message);
    }

    fn done(self: Box<Self>, _result: &str) {}
}
