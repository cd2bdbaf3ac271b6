//! `podman-bootc watch`

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{ArgAction, ValueEnum};

use super::Context;
use super::args::new_vm::NewVmArgs;
use crate::guest::shell::shell_line;
use crate::host::Os;
use crate::host::terminal::Keys;
use crate::hypervisor::qemu::firmware;
use crate::image::{Podman, Pull, Service};
use crate::provision::{Boot, ImageSource};
use crate::text::parse_time;
use crate::ui::{StatusLine, StderrProgress};
use crate::vm::Name;
use crate::watch::alert::Alert;
use crate::watch::build::{Builder, Work};
use crate::watch::checks::ChecksSetup;
use crate::watch::screen::{KEYS, Screen};
use crate::watch::sources::Sources;
use crate::watch::vms::{Setup, Way};
use crate::watch::{self, Watch};

/// Build an image on each change of its sources, and bring a VM to it
///
/// Builds CONTEXT with `podman build`, boots the image and runs the checks. A change to a file that
/// the build reads starts a new cycle, and each cycle prints one line. The VM gets a new image in
/// the quickest way that works. A failed build doesn't touch the VM. The VM is removed at the end.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Keys on a terminal:
  r rebuild   t test again   f fresh VM   s shell   l logs   q quit

Examples:
  podman-bootc watch                                       build and boot the current folder
  podman-bootc watch -- systemctl is-active nginx          ... and run a command in each image
  podman-bootc watch -f web.Containerfile --checks tests   ... and the checks in a folder
  podman-bootc watch --upgrade -t localhost/my-os          upgrade a VM with a disk
  podman-bootc watch --build 'make image' -t localhost/my-os")]
pub struct Args {
    /// The build's context
    #[arg(value_name = "CONTEXT", default_value = ".")]
    folder: PathBuf,
    /// A command to run in the VM after each change, as a check
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
    /// Upgrade a VM with a disk, as production machines do it [default: a VM without a disk gets
    /// the new layers]
    #[arg(long, conflicts_with_all = ["ephemeral", "fresh"])]
    upgrade: bool,
    /// Make a new VM for each image
    #[arg(long)]
    fresh: bool,
    /// The VM's name [default: generated]
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
    /// Leave the VM running at the end
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    build: BuildArgs,
    #[command(flatten)]
    checks: ChecksArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation
    /// 20m]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,
    // The last field, because its headings apply to all options after it.
    #[command(flatten)]
    new_vm: NewVmArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Build options")]
struct BuildArgs {
    /// The Containerfile [default: Containerfile or Dockerfile in CONTEXT]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The image's name
    #[arg(short, long, value_name = "NAME")]
    tag: Option<String>,
    /// Build with this shell command line instead of `podman build`; it makes the image --tag
    #[arg(long, value_name = "CMD", requires = "tag", conflicts_with_all = BuildArgs::OF_PODMAN)]
    build: Option<String>,
    /// As in `podman build`; can be repeated
    #[arg(long, value_name = "NAME=VALUE", action = ArgAction::Append)]
    build_arg: Vec<String>,
    /// As in `podman build`
    #[arg(long, value_name = "FILE")]
    build_arg_file: Vec<PathBuf>,
    /// As in `podman build`; a folder is watched, too; can be repeated
    #[arg(long, value_name = "NAME=CONTEXT", action = ArgAction::Append)]
    build_context: Vec<String>,
    /// As `--volume` in `podman build`; the folder is watched, too; can be repeated
    #[arg(long, value_name = "SRC:DST[:OPTIONS]", action = ArgAction::Append)]
    build_volume: Vec<String>,
    /// As in `podman build`; a file is watched, too; can be repeated
    #[arg(long, value_name = "id=ID,src=FILE", action = ArgAction::Append)]
    secret: Vec<String>,
    /// As in `podman build`
    #[arg(long, value_name = "STAGE")]
    target: Option<String>,
    /// As in `podman build`
    #[arg(long, value_name = "MODE")]
    network: Option<String>,
    /// The file that says which files to ignore, as in `podman build`
    #[arg(long, value_name = "FILE")]
    ignorefile: Option<PathBuf>,
    /// Pass one more word to `podman build`, as in --build-option=--squash; can be repeated
    #[arg(long, value_name = "WORD", action = ArgAction::Append, allow_hyphen_values = true)]
    build_option: Vec<OsString>,
    /// Watch this file or folder, too; can be repeated
    #[arg(long, value_name = "PATH", action = ArgAction::Append)]
    watch: Vec<PathBuf>,
    /// Look at all files from time to time, where the system reports no changes [default: on
    /// network folders]
    #[arg(long)]
    poll: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Check options")]
struct ChecksArgs {
    /// A shell command line that must succeed in the VM; can be repeated
    #[arg(long = "cmd", value_name = "CMD", action = ArgAction::Append)]
    commands: Vec<String>,
    /// A script that must succeed in the VM; can be repeated
    #[arg(long = "script", value_name = "FILE", action = ArgAction::Append)]
    scripts: Vec<PathBuf>,
    /// A folder of scripts and programs that must succeed in the VM; can be repeated
    #[arg(long = "checks", value_name = "DIR", action = ArgAction::Append)]
    folders: Vec<PathBuf>,
    /// Time limit for each check
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_time)]
    check_timeout: Duration,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output options")]
struct OutputArgs {
    /// Print events as JSON, one a line
    #[arg(long, value_enum, value_name = "json")]
    format: Option<Format>,
    /// Ring the terminal's bell at the end of each cycle
    #[arg(long)]
    bell: bool,
    /// Show a desktop notification at the end of each cycle
    #[arg(long)]
    notify: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
}

impl Args {
    pub(super) fn run(mut self, context: &Context) -> Result<()> {
        self.new_vm.ephemeral = !self.upgrade;
        let choices = self.new_vm.install.choices();
        let has_firmware = self.new_vm.machine.firmware != firmware::Choice::default();
        if !self.upgrade && (choices.needs_disk() || has_firmware) {
            bail!("--firmware and install options need a VM with a disk: pass --upgrade");
        }
        let alert = Alert {
            bell: self.output.bell,
            notify: self.output.notify,
        };
        alert.check()?;
        let folder = absolute(&self.folder)?;
        if !folder.is_dir() {
            bail!(
                "{} is not a folder: pass the build's context",
                self.folder.display()
            );
        }
        let hypervisor = self.new_vm.choose_hypervisor(&[])?;
        let new = self.new_vm.new_vm(hypervisor, true)?;
        let tag = self.tag(&folder);
        let source = ImageSource {
            pull: Pull::Never,
            ..self
                .new_vm
                .image_source
                .source(tag.as_deref().unwrap_or_default())
        };
        let transport = match self.new_vm.boot(&choices) {
            Boot::Direct { transport, .. } => transport,
            Boot::Disk(_) => Default::default(),
        };
        let podman = match Service::chosen(source.connection.as_deref()) {
            Some(service) if Os::current() == Os::Linux => Podman::find()?.with_service(service),
            chosen => Podman::for_images(Os::current(), chosen)?,
        };
        let quiet = StderrProgress::new(true);
        let cache_limit = context.provisioner(&quiet)?.cache_limit;
        let watch = Watch {
            sources: self.build.sources(&folder)?,
            poll: self.build.poll,
            builder: Builder {
                podman,
                work: self.work(folder),
                tag,
            },
            setup: Setup {
                dirs: context.dirs.clone(),
                cache_limit,
                name: self.name.clone(),
                new,
                way: match (self.upgrade, self.fresh) {
                    (true, _) => Way::Upgrade,
                    (false, true) => Way::Fresh,
                    (false, false) => Way::Replace,
                },
                choices,
                transport,
                source,
                timeout: self.timeout,
                keep: self.keep,
                checks: self.checks()?,
            },
            alert,
        };
        let line = match self.output.format {
            Some(Format::Json) => None,
            None => StatusLine::new(KEYS),
        };
        let screen = match (self.output.format, line) {
            (Some(Format::Json), _) => Screen::Json,
            (None, Some(line)) => Screen::Terminal(Box::new(line)),
            (None, None) => Screen::Plain,
        };
        let is_terminal = matches!(screen, Screen::Terminal(_));
        context.block_on(async {
            let keys = match is_terminal {
                true => Keys::open().context("can't read keys from the terminal")?,
                false => None,
            };
            Ok(watch::run(watch, screen, keys).await?)
        })
    }

    /// An upgrade needs a name that stays.
    fn tag(&self, folder: &Path) -> Option<String> {
        let default = || {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            let letters = name.to_lowercase();
            let is_good = |letter: &char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
            let letters: String = letters.chars().filter(is_good).collect();
            format!("localhost/podman-bootc-watch:{letters}")
        };
        let named = self.build.tag.clone();
        named.or_else(|| {
            self.upgrade
                .then(default)
                .map(|name| match name.ends_with(':') {
                    true => name + "latest",
                    false => name,
                })
        })
    }

    fn work(&self, folder: PathBuf) -> Work {
        match &self.build.build {
            Some(line) => Work::Shell {
                line: line.clone(),
                folder,
            },
            None => Work::Podman {
                options: self.build.options(&self.new_vm.image_source.source("")),
                context: folder,
            },
        }
    }

    fn checks(&self) -> Result<ChecksSetup> {
        let paths = |paths: &[PathBuf]| {
            let paths = paths.iter().map(|path| absolute(path));
            paths.collect::<Result<Vec<_>>>()
        };
        let command = match self.command.is_empty() {
            true => None,
            false => Some(shell_line(&self.command)?),
        };
        let checks = ChecksSetup {
            commands: command
                .into_iter()
                .chain(self.checks.commands.clone())
                .collect(),
            scripts: paths(&self.checks.scripts)?,
            folders: paths(&self.checks.folders)?,
            limit: self.checks.check_timeout,
        };
        checks.read()?;
        Ok(checks)
    }
}

impl BuildArgs {
    /// Options that `--build` doesn't use.
    const OF_PODMAN: [&str; 10] = [
        "pull",
        "file",
        "build_arg",
        "build_arg_file",
        "build_context",
        "build_volume",
        "secret",
        "target",
        "network",
        "build_option",
    ];

    /// Returns the files that the build reads.
    fn sources(&self, context: &Path) -> Result<Sources> {
        let mut more: Vec<&Path> = self.watch.iter().map(PathBuf::as_path).collect();
        more.extend(self.build_arg_file.iter().map(PathBuf::as_path));
        let secrets = self.secret.iter().flat_map(|secret| secret.split(','));
        let files = secrets.filter_map(|word| {
            word.strip_prefix("src=")
                .or_else(|| word.strip_prefix("source="))
        });
        more.extend(files.map(Path::new));
        let contexts = self.build_context.iter();
        let contexts = contexts.filter_map(|word| Some(Path::new(word.split_once('=')?.1)));
        more.extend(contexts.filter(|path| path.is_dir()));
        let volumes = self.build_volume.iter().filter_map(|volume| {
            let (source, _) = crate::host::fs::path::split_colon(volume)?;
            Some(Path::new(source))
        });
        more.extend(volumes.filter(|path| path.exists()));
        let containerfiles = match (&self.build, &self.file) {
            (Some(_), _) => vec![],
            // podman looks in the context, too.
            (None, Some(file)) if !file.exists() => vec![context.join(file)],
            (None, Some(file)) => vec![absolute(file)?],
            (None, None) => ["Containerfile", "Dockerfile"]
                .map(|name| context.join(name))
                .into(),
        };
        Ok(Sources {
            context: context.to_owned(),
            containerfiles,
            ignore_file: self.ignorefile.as_deref().map(absolute).transpose()?,
            more: more.into_iter().map(absolute).collect::<Result<_>>()?,
        })
    }

    /// Returns the words for `podman build`.
    fn options(&self, source: &ImageSource) -> Vec<OsString> {
        let pull = Some(source.pull).filter(|pull| *pull != Pull::Missing);
        let pull = pull.and_then(|pull| pull.to_possible_value());
        let of_image = |word: Option<&str>| word.into_iter().map(OsString::from).collect();
        let mut words: Vec<OsString> = vec![];
        let texts = |list: &[String]| list.iter().map(OsString::from).collect::<Vec<_>>();
        let paths = |list: &[PathBuf]| list.iter().map(OsString::from).collect::<Vec<_>>();
        let one = |text: &Option<String>| text.iter().map(OsString::from).collect::<Vec<_>>();
        let file = |path: &Option<PathBuf>| path.iter().map(OsString::from).collect::<Vec<_>>();
        for (flag, values) in [
            ("--file", file(&self.file)),
            ("--ignorefile", file(&self.ignorefile)),
            ("--build-arg", texts(&self.build_arg)),
            ("--build-arg-file", paths(&self.build_arg_file)),
            ("--build-context", texts(&self.build_context)),
            ("--volume", texts(&self.build_volume)),
            ("--secret", texts(&self.secret)),
            ("--target", one(&self.target)),
            ("--network", one(&self.network)),
            ("--arch", of_image(source.arch.map(|arch| arch.oci_name()))),
            (
                "--pull",
                of_image(pull.as_ref().map(|pull| pull.get_name())),
            ),
        ] {
            for value in values {
                words.extend([OsString::from(flag), value]);
            }
        }
        words.extend(self.build_option.iter().cloned());
        words
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("can't find {}", path.display()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &str) -> Args {
        let words = std::iter::once("watch").chain(line.split_whitespace());
        Cli::try_parse_from(words).unwrap().args
    }

    #[test]
    fn options_of_podman_are_passed_on() {
        let args = parse(
            "-f Cf --build-arg A=1 --build-arg B=2 --target t --secret id=x,src=/s \
             --build-volume /v:/v:ro --build-option=--squash --arch arm64 --pull always ctx -- a b",
        );
        let Work::Podman { options, context } = args.work("/ctx".into()) else {
            panic!()
        };
        assert_eq!(context, Path::new("/ctx"));
        let words: Vec<_> = options.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(
            words.join(" "),
            "--file Cf --build-arg A=1 --build-arg B=2 --volume /v:/v:ro --secret id=x,src=/s \
             --target t --arch arm64 --pull always --squash"
        );
        assert_eq!(args.checks().unwrap().commands, ["a b"]);
        assert_eq!(args.folder, Path::new("ctx"));
    }

    #[test]
    #[cfg_attr(windows, ignore = "compares paths of Unix")]
    fn files_outside_of_the_context_that_options_name_are_sources() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let args = parse(&format!(
            "--secret id=x,src=/s --build-context a={path} --build-context b=docker://x \
             --build-volume {path}:/v --build-volume named:/w --watch /w"
        ));
        let sources = args.build.sources(Path::new("/c")).unwrap();
        assert_eq!(sources.more, ["/w", "/s", path, path].map(PathBuf::from));
        assert_eq!(
            sources.containerfiles,
            ["/c/Containerfile", "/c/Dockerfile"].map(PathBuf::from)
        );
    }

    #[test]
    fn an_upgrade_has_a_name() {
        let tag = |line: &str| parse(line).tag(Path::new("/x/My OS_1"));
        assert_eq!(tag(""), None);
        assert_eq!(
            tag("--upgrade").unwrap(),
            "localhost/podman-bootc-watch:myos1"
        );
        assert_eq!(tag("--upgrade -t a").unwrap(), "a");
        let root = parse("--upgrade").tag(Path::new("/"));
        assert_eq!(root.unwrap(), "localhost/podman-bootc-watch:latest");
    }
}
