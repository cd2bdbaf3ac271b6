//! All layers of the configuration of all commands.

use std::path::{Path, PathBuf};

use super::file::{File, Table};
use super::project::{self, Found};
use super::{Error, Flags, Setting, Value, environment};
use crate::host::fs::dirs;

/// The variable that leaves out both files.
const NO_FILES: &str = "PODMAN_BOOTC_NO_CONFIG";

/// The files that the tool looks at.
#[derive(Debug, Default)]
pub struct Files {
    pub project: Option<PathBuf>,
    /// A project's file of another user, which doesn't count.
    pub foreign: Option<PathBuf>,
    /// The user's file, also if it doesn't exist.
    pub user: Option<PathBuf>,
    /// The home folder, for `~/` in a path.
    pub home: Option<PathBuf>,
}

impl Files {
    /// Finds the files for the current folder.
    pub fn find() -> Self {
        if std::env::var_os(NO_FILES).is_some_and(|value| !value.is_empty()) {
            return Self::default();
        }
        let home = dirs::home();
        // A shell may stand in a folder that was removed. Then no project applies.
        let found = std::env::current_dir().map_or(Found::Nothing, |folder| {
            project::find(&folder, home.as_deref())
        });
        let (project, foreign) = match found {
            Found::File(file) => (Some(file), None),
            Found::Foreign(file) => (None, Some(file)),
            Found::Nothing => (None, None),
        };
        Self {
            project,
            foreign,
            user: dirs::user_config(),
            home,
        }
    }
}

/// The layers of the configuration, the strongest first: the environment, the project's file, the
/// user's file.
#[derive(Debug)]
pub struct Layers(Vec<Vec<Table>>);

impl Layers {
    /// Reads all layers, for all commands: a mistake in a file shows at the first chance.
    ///
    /// # Errors
    /// A file or a variable is invalid.
    pub fn load(
        commands: &[Flags],
        files: &Files,
        get: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let environment = commands
            .iter()
            .map(|flags| {
                Ok((
                    flags.command().to_owned(),
                    environment::settings(flags, get)?,
                ))
            })
            .collect::<Result<Vec<Table>, Error>>()?;
        let mut layers = vec![environment];
        let project = files.project.as_deref();
        let user = files.user.as_deref().filter(|file| file.exists());
        for (path, is_project) in [(project, true), (user, false)] {
            if let Some(path) = path {
                layers.push(Self::file(path, is_project, commands, files)?);
            }
        }
        let layers = Self(layers);
        layers.check(commands)?;
        Ok(layers)
    }

    fn file(
        path: &Path,
        is_project: bool,
        commands: &[Flags],
        files: &Files,
    ) -> Result<Vec<Table>, Error> {
        let file = File {
            path,
            is_project,
            home: files.home.as_deref(),
            user_file: files.user.as_deref(),
        };
        file.read(commands)
    }

    /// Checks that no layer contradicts itself.
    fn check(&self, commands: &[Flags]) -> Result<(), Error> {
        for (command, settings) in self.0.iter().flatten() {
            let Some(flags) = commands.iter().find(|flags| flags.command() == command) else {
                continue;
            };
            let active: Vec<&Setting> = settings.iter().filter(|s| s.value != Value::Off).collect();
            for (index, one) in active.iter().enumerate() {
                let contradicts = |other: &&&Setting| flags.are_exclusive(&one.flag, &other.flag);
                if let Some(other) = active[index + 1..].iter().find(contradicts) {
                    return Err(Error::Contradiction {
                        at: one.source.clone(),
                        command: command.clone(),
                        flag: one.flag.clone(),
                        other: other.flag.clone(),
                        other_at: other.source.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Returns the settings of a command, the strongest layer first.
    pub fn of(&self, command: &str) -> impl Iterator<Item = &Setting> {
        let tables = self.0.iter().flatten();
        tables
            .filter(move |(table, _)| table == command)
            .flat_map(|(_, settings)| settings)
    }

    /// True without any setting.
    pub fn is_empty(&self) -> bool {
        self.0
            .iter()
            .flatten()
            .all(|(_, settings)| settings.is_empty())
    }
}
