//! `podman-bootc events`

use anyhow::Result;
use clap::ArgAction;
use jiff::Timestamp;

use super::Context;
use super::args::time::parse_since;
use crate::ui::{Format, print, say};
use crate::vm::events::{Event, Kind};
use crate::vm::filter::{Filter, InvalidFilter};
use crate::vm::follow::follow;

/// Show what happens to VMs, a line for each event
///
/// The events: created, started, ready (a client has reached the guest's SSH server), rebooted,
/// stopped, crashed, upgraded, suspended,
/// resumed, renamed, removed. Ctrl-C ends the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc events --format json --filter label=env=test
  podman-bootc events --since 1h --stream=false    what happened in the last hour")]
pub struct Args {
    /// Print as JSON, an object a line, or by a template such as '{{.event}} {{.name}}'
    #[arg(long, value_name = "json|TEMPLATE")]
    format: Option<Format>,
    /// Also show past events since this time: an age, in seconds or as in 90s, 5m, 2h, or a date
    /// such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    since: Option<Timestamp>,
    /// Show only events with this: event=EVENT, name=REGEX, label=KEY[=VALUE] or image=IMAGE; can be
    /// repeated
    #[arg(long = "filter", value_name = "KEY=VALUE", value_parser = parse_filter)]
    filters: Vec<Filter>,
    /// Wait for further events
    #[arg(long, value_name = "true|false", default_value_t = true, action = ArgAction::Set)]
    stream: bool,
}

fn parse_filter(text: &str) -> Result<Filter, InvalidFilter> {
    Filter::of_events(text, &Kind::NAMES)
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let mut printed = Ok(());
        let show = |event: Event| {
            if event.passes(&self.filters) && printed.is_ok() {
                printed = self.show(&event);
            }
        };
        let shown = follow(&context.store, self.since, self.stream, show);
        context.block_on(shown)?;
        printed
    }

    fn show(&self, event: &Event) -> Result<()> {
        match &self.format {
            Some(Format::Json) => say(serde_json::to_string(event)? + "\n"),
            Some(template) => print(std::slice::from_ref(event), template)?,
            None => say(line(event) + "\n"),
        }
        Ok(())
    }
}

fn line(event: &Event) -> String {
    let Event {
        at,
        event,
        name,
        id,
        old_name,
        image,
        reason,
        ..
    } = event;
    let old_name = old_name.iter().map(|old| format!("was {old}"));
    let reason = reason.iter().map(|reason| format!("({reason})"));
    let rest = image.iter().cloned().chain(reason).chain(old_name);
    let rest: Vec<String> = rest.collect();
    format!("{at:.3} {:8} {name} {id} {}", event.name(), rest.join(" "))
        .trim_end()
        .to_owned()
}
