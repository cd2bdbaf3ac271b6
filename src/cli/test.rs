//! `podman-bootc test`

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::ArgAction;

use super::args::new_vm::NewVmArgs;
use super::{Context, TEST_FAILED};
use crate::host::process::interrupt;
use crate::host::usable_memory;
use crate::hypervisor::features;
use crate::image::Pull;
use crate::provision::{self, FoundImage, ImageSource};
use crate::testing::checks::Check;
use crate::testing::system::Skip;
use crate::testing::{self, Artifacts, Job, Plan, Report, Step};
use crate::text::{Progress, parse_time};
use crate::timeline::{Recorder, START};
use crate::ui::{Format, StderrProgress, Table, print, say, tell};
use crate::upgrade::ImageWish;
use crate::vm::{self, Vm, lifecycle};

/// Memory of a machine beside the guest's. Bytes.
const OVERHEAD: u64 = 512 << 20;

/// Test images in VMs
///
/// Boots each image in a new VM, waits for the end of its boot, and looks for failed units,
/// ordering cycles, SELinux denials, kernel faults, emergency mode and slow units. Runs `bootc
/// container lint`, then your checks in the guest. They see PODMAN_BOOTC_PHASE (boot, upgrade,
/// reboot, rollback), PODMAN_BOOTC_IMAGE and PODMAN_BOOTC_BOOT (1, 2, ...). A running VM is tested
/// in place, and kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc test --ephemeral localhost/my-os --cmd 'systemctl is-active nginx'
  podman-bootc test --checks tests --junit report.xml --artifacts out localhost/my-os
  podman-bootc test --upgrade-from quay.io/example/os:latest localhost/my-os

Exit codes: 0 all checks passed, 1 a check failed, 125 the tool failed")]
pub struct Args {
    /// Images, or running VMs
    #[arg(required = true, value_name = "IMAGE|VM")]
    targets: Vec<String>,
    /// A shell command line that must succeed in the guest; can be repeated
    #[arg(long = "cmd", value_name = "CMD", action = ArgAction::Append)]
    commands: Vec<String>,
    /// A script or a program of the host that must succeed in the guest; can be repeated
    ///
    /// Exit code 77 skips it. Each test of a script that prints TAP counts.
    #[arg(long = "script", value_name = "FILE", action = ArgAction::Append)]
    scripts: Vec<PathBuf>,
    /// A folder of scripts (*.sh) and executable files; can be repeated
    ///
    /// The guest gets the whole folder. Names that start with `.` or `_` are not checks.
    #[arg(long = "checks", value_name = "DIR", action = ArgAction::Append)]
    folders: Vec<PathBuf>,
    /// Time limit for each of these checks, in seconds or as in 90s, 5m
    #[arg(long, value_name = "TIME", value_parser = parse_time, default_value = "5m")]
    check_timeout: Duration,
    /// Time limit for each boot, until the system has settled [default: 5m, under emulation 20m]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,
    /// A unit that takes longer to start is too slow [default: 1m, under emulation 5m]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    slow_unit: Option<Duration>,
    /// Leave out a check of the system; can be repeated
    #[arg(long, value_enum, value_name = "CHECK", action = ArgAction::Append)]
    skip: Vec<Skip>,
    /// Boot this image and test it, upgrade to IMAGE and test that, roll back and test again
    #[arg(long, value_name = "IMAGE", conflicts_with = "ephemeral")]
    upgrade_from: Option<String>,
    /// Test once more after a reboot
    #[arg(long)]
    reboot: bool,
    /// The number of VMs at once, as far as the host's memory allows
    #[arg(short, long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    /// Write a JUnit report to this file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a report in Markdown to this file, for the summary of a CI job
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Show where the time of each test went, also in the guest
    #[arg(long)]
    timeline: bool,
    /// Save the console, the journal, the report, the timeline and a picture of a screen that hangs
    /// in this folder
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
    /// Print TAP
    #[arg(long, conflicts_with = "format")]
    tap: bool,
    /// Print the reports as JSON, or by a template such as '{{.target}} {{.result}}'
    #[arg(long, value_name = "json|TEMPLATE")]
    format: Option<Format>,
    /// Don't show progress
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    new_vm: NewVmArgs,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<u8> {
        let plan = self.plan()?;
        if self
            .targets
            .iter()
            .any(|target| context.store.find(target).is_ok())
        {
            self.check_for_vms()?;
        }
        // Before the work, which would be lost without the files.
        self.write_reports("", "")?;
        let reports = match self.jobs(&self.targets) {
            1 => self.one_by_one(context, &plan),
            jobs => self.at_once(context, &plan, jobs)?,
        };
        self.print(&reports)?;
        self.write_reports(&testing::junit(&reports)?, &testing::markdown(&reports))?;
        interrupt::check()?;
        if let Some(error) = reports.iter().find_map(|report| report.error.as_ref()) {
            bail!("{error}");
        }
        let passed = reports.iter().all(|report| report.result() == "passed");
        Ok(if passed { 0 } else { TEST_FAILED })
    }

    /// Writes the files that the user named.
    fn write_reports(&self, junit: &str, markdown: &str) -> Result<()> {
        for (file, text) in [(&self.junit, junit), (&self.markdown, markdown)] {
            if let Some(file) = file {
                std::fs::write(file, text)
                    .with_context(|| format!("can't write {}", file.display()))?;
            }
        }
        Ok(())
    }

    fn plan(&self) -> Result<Plan> {
        let mut checks: Vec<Check> = self
            .commands
            .iter()
            .map(|line| Check::command(line))
            .collect();
        for file in &self.scripts {
            checks.push(Check::script(file)?);
        }
        for folder in &self.folders {
            checks.extend(Check::folder(folder)?);
        }
        Ok(Plan {
            checks,
            check_limit: self.check_timeout,
            boot_limit: self.timeout,
            slow: self.slow_unit,
            skip: self.skip.clone(),
        })
    }

    /// Checks that no flag would have no effect on a VM that runs already.
    fn check_for_vms(&self) -> Result<()> {
        if self.upgrade_from.is_some() {
            bail!("--upgrade-from tests a new VM: name an image in place of a VM");
        }
        let new_vm = <NewVmArgs as clap::Args>::augment_args(clap::Command::new("test"));
        let ids: Vec<&str> = new_vm
            .get_arguments()
            .map(|arg| arg.get_id().as_str())
            .collect();
        if let Some(flag) = super::given("test", &ids) {
            bail!("--{flag} is for new VMs: leave it out, or name an image in place of a VM");
        }
        Ok(())
    }

    /// Returns the number of VMs that run at once.
    fn jobs(&self, targets: &[String]) -> usize {
        let wanted = usize::from(self.jobs).min(targets.len());
        let each = (self.new_vm.memory << 20) + OVERHEAD;
        let room = usable_memory().map_or(wanted, |bytes| {
            usize::try_from(bytes / each).unwrap_or(wanted).max(1)
        });
        if room < wanted && !self.quiet {
            tell(format!("the host has memory for {room} VMs at once"));
        }
        wanted.min(room)
    }

    fn one_by_one(&self, context: &Context, plan: &Plan) -> Vec<Report> {
        let progress = StderrProgress::new(self.quiet);
        let mut reports = Vec::new();
        for target in &self.targets {
            let report = self.test(context, plan, target, &progress);
            self.say(&report);
            reports.push(report);
            if interrupt::check().is_err() {
                break;
            }
        }
        reports
    }

    /// Tests several targets at once, each on a thread of its own.
    fn at_once(&self, context: &Context, plan: &Plan, jobs: usize) -> Result<Vec<Report>> {
        let waiting: VecDeque<(usize, &String)> = self.targets.iter().enumerate().collect();
        let waiting = Mutex::new(waiting);
        let done = Mutex::new(Vec::new());
        let next = || {
            waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front()
        };
        let work = |context: Context| {
            while let (Some((number, target)), Ok(())) = (next(), interrupt::check()) {
                let progress = StderrProgress::new(true);
                let report = self.test(&context, plan, target, &progress);
                if !self.quiet {
                    tell(format!("{target}: {}", report.result()));
                }
                self.say(&report);
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done.push((number, report));
            }
        };
        let contexts: Result<Vec<Context>> = (0..jobs).map(|_| context.for_thread()).collect();
        std::thread::scope(|scope| {
            for context in contexts? {
                scope.spawn(|| work(context));
            }
            Ok::<_, anyhow::Error>(())
        })?;
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(number, _)| *number);
        Ok(done.into_iter().map(|(_, report)| report).collect())
    }

    /// Prints a report for people, if that is the format.
    fn say(&self, report: &Report) {
        if self.tap || self.format.is_some() {
            return;
        }
        let mut text = testing::text(report);
        if self.timeline {
            text += &report.timeline.text();
        }
        say(text);
    }

    fn print(&self, reports: &[Report]) -> Result<()> {
        if let Some(format) = &self.format {
            return print(reports, format);
        }
        if self.tap {
            say(testing::tap(reports));
        } else if self.targets.len() > 1 {
            let mut table =
                Table::new(&["TARGET", "RESULT", "PASSED", "FAILED", "SKIPPED", "TIME"]);
            reports
                .iter()
                .for_each(|report| table.row(testing::row(report)));
            say(table);
        }
        Ok(())
    }

    /// Tests one image or VM. A failure of the tool is in the report.
    fn test(
        &self,
        context: &Context,
        plan: &Plan,
        target: &str,
        progress: &dyn Progress,
    ) -> Report {
        let start = Instant::now();
        let progress = &Recorder::new(progress);
        let mut report = Report::new(target);
        let found = context.store.find(target);
        let result = self.artifacts(target).and_then(|mut artifacts| {
            if let (Some(artifacts), Ok(vm)) = (&mut artifacts, &found) {
                artifacts.hold(vm);
            }
            let artifacts = artifacts.as_ref();
            let test = Test {
                args: self,
                context,
                plan,
                artifacts,
                progress,
            };
            let result = match found {
                Ok(vm) => test.vm(vm, &mut report),
                Err(_) => test.image(target, &mut report),
            };
            report.time = start.elapsed();
            report.timeline.host = progress.spans();
            report.error = result.err().map(|error| super::message(&error));
            artifacts.map_or(Ok(()), |artifacts| Ok(artifacts.report(&report)?))
        });
        if let Err(error) = result {
            report.error.get_or_insert(super::message(&error));
        }
        report
    }

    /// Creates the folder for a target's artifacts: one of several has a folder of its own.
    fn artifacts(&self, target: &str) -> Result<Option<Artifacts>> {
        let Some(folder) = &self.artifacts else {
            return Ok(None);
        };
        let folder = match self.targets.len() {
            1 => folder.clone(),
            _ => folder.join(folder_name(target)),
        };
        Ok(Some(Artifacts::create(&folder)?))
    }
}

/// Returns a name for a folder on all systems.
fn folder_name(target: &str) -> String {
    let keep = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name = target.chars().map(|c| if keep(c) { c } else { '-' });
    name.collect::<String>().trim_start_matches('.').to_owned()
}

/// The test of one target.
struct Test<'a> {
    args: &'a Args,
    context: &'a Context,
    plan: &'a Plan,
    artifacts: Option<&'a Artifacts>,
    progress: &'a Recorder<'a>,
}

impl Test<'_> {
    /// Tests a running VM in place.
    fn vm(&self, mut vm: Vm, report: &mut Report) -> Result<()> {
        let context = self.context;
        let mut client = context.block_on(lifecycle::attach(&vm, &context.store))?;
        let mut steps = vec![Step::Boot];
        steps.extend(self.args.reboot.then_some(Step::Reboot));
        // An image that podman doesn't have any more has no lint.
        let image = vm.spec.running_image().filter(|_| self.lints());
        let lint = image.cloned().and_then(|image| {
            let source = ImageSource {
                name: image.id,
                pull: Pull::Never,
                arch: Some(vm.spec.arch),
                connection: None,
            };
            let quiet = StderrProgress::new(true);
            let found = context.provisioner(&quiet).ok()?.find_image(&source).ok()?;
            Some((found.podman, found.image))
        });
        let user = vm.spec.user.clone();
        let mut job = Job {
            vm: &mut vm,
            store: &context.store,
            user: &user,
            progress: self.progress,
            plan: self.plan,
            artifacts: self.artifacts,
            lint,
            asks_guest: self.asks_guest(),
        };
        let result = context.block_on(job.run(&mut client, &steps, report));
        if let Some(artifacts) = self.artifacts {
            artifacts.logs(&vm)?;
        }
        Ok(result?)
    }

    fn asks_guest(&self) -> bool {
        self.args.timeline || self.artifacts.is_some()
    }

    fn lints(&self) -> bool {
        !self.args.skip.contains(&Skip::Lint)
    }

    /// Tests an image in a new VM, which is removed at the end.
    fn image(&self, target: &str, report: &mut Report) -> Result<()> {
        let (args, context) = (self.args, self.context);
        let source = args.new_vm.image_source.source(target);
        let find = |progress: &dyn Progress| {
            Ok::<_, anyhow::Error>(context.provisioner(progress)?.find_image(&source)?)
        };
        // An image that is missing is known before the first boot. It isn't kept: the image of the VM may
        // need the storage that this one locks.
        if args.upgrade_from.is_some() {
            find(self.progress)?;
        }
        let (mut vm, creating) = self.create(target)?;
        self.progress.phase(START);
        let started = context.block_on(lifecycle::start(&vm, &context.store, true));
        drop(creating);
        let result = started.map_err(Into::into).and_then(|mut client| {
            let found = find(&StderrProgress::new(true))?;
            self.steps(&mut vm, &mut client, &found, report)
        });
        self.progress.phase("remove the VM");
        // Also after an interrupt. The machine's last messages are there before its power is cut.
        let logs = self
            .artifacts
            .map_or(Ok(()), |artifacts| artifacts.logs(&vm));
        let removed = context.block_on(lifecycle::remove_now(&vm, &context.store));
        result?;
        logs?;
        removed.context("can't remove the VM")
    }

    fn steps(
        &self,
        vm: &mut Vm,
        client: &mut vm::supervisor::client::Client,
        found: &FoundImage,
        report: &mut Report,
    ) -> Result<()> {
        let (args, context) = (self.args, self.context);
        let first = vm.spec.running_image().map(|image| image.reference.clone());
        let reference = &found.image.reference;
        let upgrade = Step::Upgrade(ImageWish {
            podman: &found.podman,
            image: &found.image,
            reference: (first.as_ref() != Some(reference)).then_some(reference),
        });
        let upgrades = args.upgrade_from.is_some();
        let mut steps = vec![Step::Boot];
        steps.extend(upgrades.then_some(upgrade));
        steps.extend(args.reboot.then_some(Step::Reboot));
        steps.extend(upgrades.then_some(Step::Rollback));
        let mut job = Job {
            vm,
            store: &context.store,
            user: &args.new_vm.user,
            progress: self.progress,
            plan: self.plan,
            artifacts: self.artifacts,
            lint: self
                .lints()
                .then(|| (found.podman.clone(), found.image.clone())),
            asks_guest: self.asks_guest(),
        };
        Ok(context.block_on(job.run(client, &steps, report))?)
    }

    /// Creates the VM, with its journal on this host if its hypervisor and its systemd can.
    fn create(&self, target: &str) -> Result<(Vm, vm::store::Creating)> {
        let new_vm = &self.args.new_vm;
        let name = self.args.upgrade_from.as_deref().unwrap_or(target);
        let source = new_vm.image_source.source(name);
        let hypervisor = new_vm.choose_hypervisor(&[])?;
        let provisioner = self.context.provisioner(self.progress)?;
        let choices = new_vm.install.choices();
        let create = |journal| {
            let mut new = new_vm.new_vm(hypervisor, false)?;
            new.settings.journal |= journal;
            // Its logs are read after its end.
            new.remove = false;
            let boot = new_vm.boot(&choices);
            Ok::<_, anyhow::Error>(provisioner.vm_from_image(None, &source, boot, new))
        };
        let wish = [features::Wish::Device("--journal")];
        let journal = features::check(hypervisor, crate::host::Os::current(), &wish).is_ok();
        let created = match create(journal && self.artifacts.is_some())? {
            Err(provision::Error::Vm(vm::Error::OldSystemd { .. })) => create(false)?,
            created => created,
        };
        Ok(created?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_a_folder_of_its_own() {
        assert_eq!(folder_name("localhost/my-os:v1"), "localhost-my-os-v1");
        assert_eq!(folder_name("../x y"), "-x-y");
        assert_eq!(folder_name("a/../b"), "a-..-b");
    }
}
