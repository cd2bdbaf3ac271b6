//! Parses the command line, together with the configuration of the commands that have one.

use std::ffi::{OsStr, OsString};

use clap::{CommandFactory, FromArgMatches};

use super::{Cli, help};
use crate::config::{self, COMMANDS, Files, Flags, Layers, Line, Resolved};
use crate::text::plain;
use crate::ui;

/// A command line without a command to run.
#[derive(Debug)]
pub enum Stop {
    /// Help, or a mistake of the user.
    Usage(clap::Error),
    Configuration(config::Error),
}

/// Parses the words, of which the first is the program's name. Only the commands that can be
/// configured read the configuration.
pub(super) fn parse(words: Vec<OsString>) -> Result<Cli, Stop> {
    let Some(name) = configurable(&words) else {
        return try_parse(&words).map_err(Stop::Usage);
    };
    let files = Files::find();
    let resolved = join(&words, name, &files, &variable)?;
    let cli = try_parse(&resolved.words).map_err(|error| {
        // An error in the user's own words must quote those words.
        Stop::Usage(try_parse(&words).err().unwrap_or(error))
    })?;
    if let Some(file) = files.foreign {
        let file = file.display();
        ui::tell(plain(&format!(
            "{file} belongs to another user and is ignored"
        )));
    }
    resolved.notes.iter().for_each(ui::tell);
    Ok(cli)
}

fn try_parse(words: &[OsString]) -> Result<Cli, clap::Error> {
    let matches = help::fit(Cli::command()).try_get_matches_from(words)?;
    Cli::from_arg_matches(&matches)
}

/// Joins the words of a command with its configuration.
fn join(
    words: &[OsString],
    name: &'static str,
    files: &Files,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Resolved, Stop> {
    let unchanged = || Resolved {
        words: words.to_vec(),
        ..Resolved::default()
    };
    let program = Cli::command();
    let Some(flags) = Flags::of(&program, name) else {
        return Ok(unchanged());
    };
    let tolerant = program.clone().mut_subcommand(name, config::tolerant);
    // What a tolerant command refuses, the command refuses with a better message. So does help.
    let Ok(matches) = tolerant.try_get_matches_from(words) else {
        return Ok(unchanged());
    };
    let Some((_, matches)) = matches.subcommand() else {
        return Ok(unchanged());
    };
    let line = Line::read(&flags, matches);
    let layers = load(&program, files, variable).map_err(Stop::Configuration)?;
    let begin = [words.first().cloned().unwrap_or_default(), name.into()];
    let check = |rest: &[OsString]| {
        let words = begin.iter().chain(rest);
        program.clone().try_get_matches_from(words).map(drop)
    };
    let resolved = config::resolve(&flags, &line, &layers, &check);
    Ok(Resolved {
        words: [&begin[..], &resolved.words].concat(),
        ..resolved
    })
}

/// Reads the configuration of all commands.
pub(super) fn load(
    program: &clap::Command,
    files: &Files,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Layers, config::Error> {
    let commands = COMMANDS.iter();
    let commands: Vec<Flags> = commands
        .filter_map(|name| Flags::of(program, name))
        .collect();
    Layers::load(&commands, files, variable)
}

/// Returns a variable of the environment.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Returns an error of the configuration without the control characters of a stranger's file.
pub(super) fn explain(error: &config::Error) -> String {
    plain(&crate::text::error_chain(error))
}

/// Returns the command in the words, if it can be configured. Only the program's own flags stand
/// before it.
fn configurable(words: &[OsString]) -> Option<&'static str> {
    let mut words = words.iter().skip(1).map(OsString::as_os_str);
    while let Some(word) = words.next() {
        match word.to_str()? {
            "--log-level" => drop::<Option<&OsStr>>(words.next()),
            word if word.starts_with('-') => {}
            word => return COMMANDS.into_iter().find(|name| *name == word),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};

    use clap::Parser;

    use super::*;

    /// A project and a user with these files, and one variable.
    struct Place {
        folder: tempfile::TempDir,
        files: Files,
        variable: (&'static str, &'static str),
    }

    impl Place {
        fn new(project: &str, user: &str, variable: (&'static str, &'static str)) -> Self {
            let folder = tempfile::tempdir().unwrap();
            create_dir_all(folder.path().join("src")).unwrap();
            let file = |name: &str, text: &str| {
                let path = folder.path().join(name);
                write(&path, text).unwrap();
                Some(path)
            };
            let files = Files {
                project: file(".podman-bootc.toml", project),
                user: file("config.toml", user),
                ..Files::default()
            };
            Self {
                folder,
                files,
                variable,
            }
        }

        fn join(&self, line: &str) -> Result<Resolved, Stop> {
            let words: Vec<OsString> = ["podman-bootc"]
                .into_iter()
                .chain(line.split(' '))
                .map(OsString::from)
                .collect();
            let (name, value) = self.variable;
            let variable = |asked: &str| (asked == name).then(|| value.to_owned());
            join(
                &words,
                configurable(&words).unwrap(),
                &self.files,
                &variable,
            )
        }

        /// Returns the words after the command's name, with `.` for the folder.
        fn words(&self, line: &str) -> String {
            let resolved = self.join(line).unwrap();
            let cli = Cli::try_parse_from(&resolved.words);
            assert!(cli.is_ok(), "{line}: {:?}", cli.err());
            let words: Vec<_> = resolved.words.iter().map(|w| w.to_string_lossy()).collect();
            let folder = self.folder.path().to_string_lossy();
            words[2..].join(" ").replace(&*folder, ".")
        }

        fn error(&self) -> String {
            match self.join("run x") {
                Err(Stop::Configuration(error)) => explain(&error),
                other => panic!("{other:?}"),
            }
        }
    }

    const NONE: (&str, &str) = ("", "");

    #[test]
    fn the_strongest_layer_counts() {
        let project = "[run]\nmemory = '2G'\nname = 'p'\nkarg = ['a=b c', 'd']\n";
        let user = "[run]\nmemory = '1G'\ncpus = 7\nrm = true\nkarg = 'e'\nuser = 'u'\n";
        let place = Place::new(project, user, ("PODMAN_BOOTC_MEMORY", "3G"));
        for (line, wanted) in [
            (
                "run x",
                "--user=u --rm --cpus=7 --name=p --karg=a=b c --karg=d --memory=3G -- x",
            ),
            (
                "run --rm=false -m 4G --cpus 1 --name n --karg=-f -u w x ls --rm=false -l",
                "--cpus=1 --karg=-f --memory=4G --name=n --user=w -- x ls --rm=false -l",
            ),
            (
                "--log-level debug run --rm --karg= --name=n --cpus=1 --user=v x -- -L 1",
                "--memory=3G --cpus=1 --karg= --log-level=debug --name=n --rm --user=v -- x -L 1",
            ),
        ] {
            assert_eq!(place.words(line), wanted, "{line}");
        }
    }

    #[test]
    fn without_a_configuration_nothing_changes() {
        let place = Place::new("", "", NONE);
        for line in [
            "run x",
            "run x ls -l --rm",
            "run x ls -- -x",
            "run x -- -L 8080:localhost:80",
            "run -- x ls",
            "run --disk d -- ls -l",
            "run -dqB x",
            "run -itT x ls --rm=false",
            "run --warm x",
            "run --warm=never --karg -x --karg --rm -v a:/b -p 1:2 x",
            "--log-level info run -u=root -m4G x",
            "run --root-size-max 4G x",
        ] {
            let typed = Cli::try_parse_from(["podman-bootc"].into_iter().chain(line.split(' ')));
            let joined = Cli::try_parse_from(place.join(line).unwrap().words);
            let debug = |cli: Result<Cli, clap::Error>| format!("{:?}", cli.map_err(|e| e.kind()));
            assert_eq!(debug(joined), debug(typed), "{line}");
        }
    }

    #[test]
    #[cfg_attr(windows, ignore = "compares paths of Unix")]
    fn a_stronger_flag_beats_a_weaker_one_that_contradicts_it() {
        for (project, user, line, wanted) in [
            ("warm = 'always'", "", "run --cold x", "--cold -- x"),
            ("cold = true", "", "run --warm x", "--warm=always -- x"),
            ("warm = true", "cold = true", "run x", "--warm -- x"),
            ("warm = false", "warm = 'never'", "run x", "-- x"),
            (
                "filesystem = 'xfs'",
                "",
                "run --ephemeral x",
                "--ephemeral -- x",
            ),
            (
                "ephemeral = true",
                "",
                "run --filesystem xfs x",
                "--filesystem=xfs -- x",
            ),
            (
                "ephemeral = true",
                "filesystem = 'xfs'",
                "run x",
                "--ephemeral -- x",
            ),
            (
                "ephemeral = true",
                "filesystem = 'xfs'",
                "run --ephemeral=false x",
                "--filesystem=xfs -- x",
            ),
            (
                "ephemeral = true",
                "",
                "run --ephemeral=false --filesystem=xfs x",
                "--filesystem=xfs -- x",
            ),
            (
                "pull = 'always'\nephemeral = true",
                "",
                "run --disk d",
                "--disk=d",
            ),
            ("root-transport = 'virtiofs'", "", "run x", "-- x"),
            (
                "root-transport = 'virtiofs'",
                "ephemeral = true",
                "run x",
                "--ephemeral --root-transport=virtiofs -- x",
            ),
            (
                "ephemeral = true",
                "",
                "run --root-transport virtiofs x",
                "--ephemeral --root-transport=virtiofs -- x",
            ),
            ("", "disk = 'd'", "run ls", "--disk=./d -- ls"),
            ("", "disk = 'd'", "run", "--disk=./d"),
            (
                "publish = [80, '8080:80']",
                "",
                "run --nic none x",
                "--nic=none -- x",
            ),
            ("nic = 'none'", "", "run -p 80 x", "--publish=80 -- x"),
            ("timeout = 90", "", "run -d x", "--detach -- x"),
            ("timeout = 90\ndetach = true", "", "run x", "--detach -- x"),
            (
                "timeout = 90",
                "",
                "run -d --wait ssh x",
                "--timeout=90 --detach --wait=ssh -- x",
            ),
            ("detach = true", "", "run --timeout 9 x", "--timeout=9 -- x"),
            ("tty = true", "", "run -T x", "--tty --no-tty -- x"),
            (
                "quiet = true",
                "rm = true",
                "run -qd --rm=false x",
                "--detach --quiet -- x",
            ),
            ("background = true", "", "run -d=false x", "-- x"),
        ] {
            let table = |keys: &str| format!("[run]\n{keys}\n");
            let place = Place::new(&table(project), &table(user), NONE);
            assert_eq!(place.words(line), wanted, "{project} {user} {line}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_file_line_and_key() {
        for (project, user, wanted) in [
            (
                "[run]\nmemroy = 1",
                "",
                &[".podman-bootc.toml:2: ", "`memroy`", "`memory`"][..],
            ),
            (
                "",
                "[run]\n\nmemory = 'x'",
                &["config.toml:3: ", "`run.memory`", "512M"],
            ),
            ("[run]\nnic = 'x'", "", &[":2: ", "user, none"]),
            ("[run]\ntpm = 1", "", &[":2: ", "true or false"]),
            ("[rnu]", "", &[":1: ", "[rnu]", "[run]"]),
            ("cpus = 2", "", &[":1: ", "`cpus`", "[run]"]),
            ("[run", "", &[":1: "]),
            (
                "[run]\ncold = true\nwarm = 'always'",
                "",
                &["`run.cold`", "`run.warm`"],
            ),
            ("[run]\ndetach = true\nbackground = true", "", &["twice"]),
            (
                "[run]\nvolume = '/etc:/etc'",
                "",
                &[":2: ", "config.toml", "-volume"],
            ),
            ("[run]\nconnection = 'prod'", "", &[":2: ", "must not"]),
        ] {
            let error = Place::new(project, user, NONE).error();
            for part in wanted {
                assert!(error.contains(part), "{part} in {error}");
            }
            assert!(!error.contains('\n'), "{error}");
        }
        let error = Place::new("", "", ("PODMAN_BOOTC_WARM", "yes")).error();
        assert!(error.starts_with("PODMAN_BOOTC_WARM: "), "{error}");
    }

    #[test]
    fn a_mistake_on_the_command_line_is_told_in_the_users_words() {
        let place = Place::new("[run]\nmemory = '4G'\n", "", NONE);
        for (line, wanted) in [
            ("run --cold --warm x", "cannot be used with"),
            ("run --no-such x", "--no-such"),
            ("run", "IMAGE"),
            ("run --root-transport virtiofs x", "--ephemeral"),
        ] {
            let resolved = place.join(line).unwrap();
            let error = Cli::try_parse_from(resolved.words).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error}");
        }
    }

    #[test]
    fn a_project_gives_its_folders_to_a_guest_only_with_a_note() {
        let place = Place::new("[run]\nvolume = 'src:/src'\nquiet = true\n", "", NONE);
        let notes = |line: &str| place.join(line).unwrap().notes;
        assert_eq!(notes("run x").len(), 1);
        assert!(notes("run x")[0].contains(".podman-bootc.toml:2 "));
        assert!(notes("run x")[0].contains("src:/src"));
        assert!(notes("run -q x").is_empty());
        assert!(
            notes("run -v /a:/a x").is_empty(),
            "the project's share doesn't count"
        );
    }

    #[test]
    fn only_some_commands_are_configured() {
        for (line, wanted) in [
            ("run x", Some("run")),
            ("--log-level debug run x", Some("run")),
            ("--log-level=debug run x", Some("run")),
            ("list", None),
            ("ssh run", None),
            ("--help", None),
            ("", None),
        ] {
            let words = ["podman-bootc"].into_iter().chain(line.split(' '));
            let words: Vec<OsString> = words.map(OsString::from).collect();
            assert_eq!(configurable(&words), wanted, "{line}");
        }
    }
}
