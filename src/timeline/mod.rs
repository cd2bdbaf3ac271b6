//! Where the time of a command went: plain data, and pure functions that make text and a picture of
//! it.
//!
//! A `Recorder` measures the host's stages. `ask` gets the guest's answer to `guest::SCRIPT`, and
//! `guest::read` turns the answer into spans on the host's clock.

mod ask;
pub mod guest;
mod record;
mod svg;
mod text;

use std::time::Duration;

use serde::{Serialize, Serializer};

pub use ask::ask;
pub use record::Recorder;

/// The phase in which the machine starts.
pub const START: &str = "start the VM";
pub const BOOT: &str = "boot";

/// The units that a timeline shows.
const UNITS: usize = 10;

/// A time from the start of the command.
pub type At = Duration;

/// A stretch of time with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub name: String,
    pub start: At,
    pub end: At,
}

/// The guest's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guest {
    /// No answer, with the reason.
    Unknown(String),
    /// The guest's system booted before this run, for a template.
    Resumed,
    Booted {
        /// Firmware, loader, kernel, initrd, userspace, as far as the guest knows them.
        phases: Vec<Span>,
        /// The slowest units, in the order of their starts.
        units: Vec<Span>,
        /// The system's boot had ended when it was asked.
        is_whole: bool,
    },
}

/// All of one run, until the VM was ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// The image, or the VM.
    pub title: String,
    pub host: Vec<Span>,
    pub guest: Guest,
}

impl Span {
    pub fn new(name: &str, start: At, end: At) -> Self {
        Self {
            name: name.to_owned(),
            start,
            end,
        }
    }

    pub fn length(&self) -> Duration {
        self.end.saturating_sub(self.start)
    }
}

/// The names of the fields are stable. Times are seconds, to the millisecond.
impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            name: &'a str,
            start: f64,
            seconds: f64,
        }
        let milliseconds = |time: Duration| (time.as_secs_f64() * 1000.0).round() / 1000.0;
        let fields = Fields {
            name: &self.name,
            start: milliseconds(self.start),
            seconds: milliseconds(self.length()),
        };
        fields.serialize(serializer)
    }
}

impl Serialize for Timeline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            host: &'a [Span],
            guest: &'a [Span],
            units: &'a [Span],
            remark: Option<String>,
        }
        let (guest, units) = self.guest_spans();
        let fields = Fields {
            host: &self.host,
            guest,
            units,
            remark: self.remark(),
        };
        fields.serialize(serializer)
    }
}

impl Timeline {
    /// Returns the lines for a terminal.
    pub fn text(&self) -> String {
        text::render(self)
    }

    /// Returns the picture.
    pub fn svg(&self) -> String {
        svg::render(self)
    }

    /// Returns the time of the last event.
    fn end(&self) -> At {
        let (phases, units) = self.guest_spans();
        let spans = self.host.iter().chain(phases).chain(units);
        spans.map(|span| span.end).max().unwrap_or_default()
    }

    fn guest_spans(&self) -> (&[Span], &[Span]) {
        match &self.guest {
            Guest::Booted { phases, units, .. } => (phases, units),
            Guest::Unknown(_) | Guest::Resumed => (&[], &[]),
        }
    }

    /// Returns a remark on what the timeline lacks.
    fn remark(&self) -> Option<String> {
        match &self.guest {
            Guest::Unknown(why) => Some(format!("the guest's part is unknown: {why}")),
            Guest::Resumed => Some(
                "the VM resumed from a template: its system booted when that was made; --cold \
                 shows a boot"
                    .to_owned(),
            ),
            Guest::Booted {
                is_whole: false, ..
            } => Some("the boot goes on; --wait running shows all of it".to_owned()),
            Guest::Booted { .. } => None,
        }
    }

    #[cfg(test)]
    pub fn sample() -> Self {
        let ms = Duration::from_millis;
        let span = |name, start, end| Span::new(name, ms(start), ms(end));
        Self {
            title: "localhost/my-os".into(),
            host: vec![
                span("find the image", 0, 150),
                span("prepare boot files", 150, 2150),
                span("create the VM", 2150, 2160),
                span("start the VM", 2160, 2300),
                span("boot", 2300, 20_300),
            ],
            guest: Guest::Booted {
                phases: vec![
                    span("kernel", 3300, 9300),
                    span("initrd", 9300, 12_300),
                    span("userspace", 12_300, 20_300),
                ],
                units: vec![span("a<b>&\"c\".service", 13_000, 18_000)],
                is_whole: false,
            },
        }
    }
}
