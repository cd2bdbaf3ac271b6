//! The option that shows where the time of a run went.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::cli::Context;
use crate::guest::ssh::session::Session;
use crate::host::fs::file;
use crate::text::error_chain;
use crate::timeline::{self, Guest, Recorder, Timeline};
use crate::ui::tell;

#[derive(Debug, clap::Args)]
pub struct TimelineArgs {
    /// Show where the time until the VM was ready went, and draw it in a file
    #[arg(
        long,
        value_name = "FILE.svg",
        num_args = 0..=1,
        require_equals = true,
        value_parser = parse_file
    )]
    timeline: Option<Option<PathBuf>>,
}

impl TimelineArgs {
    /// Checks before any work that the picture has a place.
    ///
    /// # Errors
    /// The file's folder doesn't exist.
    pub fn check(&self) -> Result<()> {
        let Some(Some(file)) = &self.timeline else {
            return Ok(());
        };
        let folder = file.parent().filter(|folder| *folder != Path::new(""));
        if folder.is_some_and(|folder| !folder.is_dir()) {
            bail!(
                "can't draw the timeline in {}: its folder doesn't exist",
                file.display()
            );
        }
        Ok(())
    }

    /// Shows the timeline so far, if the user asked for it, with the guest's part if there is a
    /// session. A failure is only told: the VM runs, and the user's command follows.
    pub fn show(
        &self,
        context: &Context,
        title: &str,
        recorder: &Recorder,
        session: Option<&Session>,
    ) {
        let Some(file) = &self.timeline else {
            return;
        };
        let host = recorder.spans();
        let guest = match session {
            None => Guest::Unknown("there was no session".to_owned()),
            Some(session) => context.block_on(timeline::ask(recorder, session)),
        };
        let timeline = Timeline {
            title: title.to_owned(),
            host,
            guest,
        };
        tell(timeline.text().trim_end());
        if let Some(file) = file
            && let Err(error) = file::write_atomic(file, timeline.svg().as_bytes())
        {
            let why = error_chain(&error);
            tell(format!(
                "can't draw the timeline in {}: {why}",
                file.display()
            ));
        }
    }
}

/// A picture in another format would be a surprise, and so would an overwritten source file.
fn parse_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().is_some_and(|extension| extension == "svg") {
        true => Ok(path),
        false => Err("expected a file that ends with .svg".to_owned()),
    }
}
