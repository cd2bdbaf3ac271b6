//! Installs in a VM that boots directly from the image.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::channel;
use super::channel::{Config, Line, Lines};
use super::error::Error;
use super::job::{Failure, Install, Made};
use crate::direct_boot::{BootCache, BootImage, Transport};
use crate::disk::{Cache, Installed};
use crate::engine::console_text::NewestLine;
use crate::engine::{Ended, Engine, Event, Order};
use crate::host::fs::dirs::Dirs;
use crate::host::fs::file;
use crate::host::process::interrupt;
use crate::host::{Os, fault};
use crate::hypervisor::{
    Arch, Boot, Channel, Disk, DiskFormat, Hypervisor, Kind, Machine, accelerator,
};
use crate::image::{Facts, Podman};
use crate::text::Stage;
use crate::{direct_boot, engine, host};

/// bootc unpacks layers into memory before it writes them to the disk.
const MEMORY_MIB: u64 = 4096;
/// An install was never seen to work with less.
const MEMORY_MIN_MIB: u64 = 1024;
const CPUS: u32 = 2;
/// Time limit for the start of the install; an emulated guest takes a minute.
const BOOT_TIME: Duration = Duration::from_secs(600);

pub(super) fn install(install: &Install, stage: &mut dyn Stage) -> Result<Made, Failure> {
    let image = install.image;
    let arch = Arch::from_oci(&image.architecture).ok_or_else(|| Error::Architecture {
        image: image.reference.clone(),
        architecture: image.architecture.clone(),
    })?;
    let folder = install.partial.folder();
    let boots = BootCache::open(&install.host.dirs.roots())
        .map_err(|error| install.direct_boot_error(error))?;
    // To the end: the hypervisor opens the files again when it falls back to emulation.
    let _lease = boots
        .lease()
        .map_err(|error| install.direct_boot_error(error))?;
    let boot = boots
        .prepare(&install.host.podman, image, arch, Transport::Erofs, stage)
        .map_err(|error| install.direct_boot_error(error))?;
    install.check(&boot.facts)?;
    stage.step("saving the image's content");
    let installed = save_content(install)?;
    // The image is in files of our own now, so other processes may use the storage.
    drop(install.in_use.take());

    let key = install.partial.key().to_string();
    let runtime = install
        .host
        .dirs
        .runtime_of(&format!("{RUNTIME}{}", &key[..KEY_DIGITS]));
    let runtime = TemporaryFolder::create(runtime)?;
    let name = format!("install-{}", image.short_id());
    let memory_mib = install
        .memory_mib
        .unwrap_or_else(|| default_memory(host::usable_memory()));
    let machine = machine(
        name,
        arch,
        memory_mib,
        &boot,
        folder.join(CONTENT),
        install.partial.disk(),
        &runtime.0,
    );
    let os = Os::current();
    let hypervisor = Hypervisor::find(Kind::Qemu, arch, os)?;
    let cache = &install.host.dirs.cache;
    let engine = Engine {
        input: None,
        warm: None,
        accelerators: hypervisor.accelerators(install.host.accelerator, arch, os, cache)?,
        hypervisor: &hypervisor,
        machine: &machine,
        cache,
        log: folder.join("qemu.log"),
        ssh_port: None,
        forwards: vec![],
        helpers: vec![],
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::EventLoop)?;
    stage.step("booting the image");
    fault::point("install-boots");
    runtime.block_on(drive(install, engine, &boot.facts, stage))?;
    Ok(Made {
        facts: boot.facts,
        installed: Some(installed),
    })
}

/// Returns the memory of an install on a host with this many usable bytes: a quarter stays for the
/// host.
fn default_memory(usable: Option<u64>) -> u64 {
    let share = usable.map_or(MEMORY_MIB, |bytes| (bytes >> 20) / 4 * 3);
    share.clamp(MEMORY_MIN_MIB, MEMORY_MIB)
}

/// The machine that installs an image's `content` to the disk `output`.
fn machine(
    name: String,
    arch: Arch,
    memory_mib: u64,
    boot: &BootImage,
    content: PathBuf,
    output: PathBuf,
    runtime: &Path,
) -> Machine {
    let disk = |file, serial: &str, read_only| Disk {
        file,
        format: DiskFormat::Raw,
        serial: serial.to_owned(),
        read_only,
        durable: false,
        fresh_over: None,
    };
    Machine {
        name,
        arch,
        cpus: CPUS,
        memory_mib,
        boot: Boot::Kernel {
            kernel: boot.kernel(),
            initrd: boot.initramfs(),
            cmdline: boot.cmdline(arch.serial_console(), Some(direct_boot::INSTALL_UNIT)),
        },
        disks: boot
            .roots()
            .map(|(serial, file)| disk(file.to_owned(), &serial, true))
            .chain([
                disk(content, direct_boot::IMAGE_SERIAL, true),
                disk(output, direct_boot::OUTPUT_SERIAL, false),
            ])
            .collect(),
        doors: vec![],
        channels: vec![Channel {
            name: direct_boot::INSTALL_CHANNEL.into(),
            socket: runtime.join("install"),
        }],
        credentials: vec![],
        network: false,
        devices: Default::default(),
        saved: None,
        control: runtime.join("qmp"),
    }
}

/// A runtime folder's name is this and the first digits of the disk's key. It is as long as a VM's
/// ID, and never one.
const RUNTIME: &str = "i";
const KEY_DIGITS: usize = 11;
const CONTENT: &str = "content.erofs";

/// Saves the image's content as a block image.
fn save_content(install: &Install) -> Result<Installed, Failure> {
    let folder = install.partial.folder();
    let content = folder.join("content");
    install
        .host
        .podman
        .save(install.image, &content)
        .map_err(Error::from)?;
    fault::point("install-saved");
    let installed = Installed::read(&content).map_err(|source| Error::Io {
        path: content.clone(),
        source,
    })?;
    direct_boot::pack(&content, &folder.join(CONTENT))
        .map_err(|error| install.direct_boot_error(error))?;
    file::remove_dir(&content).map_err(|source| Error::Io {
        path: content,
        source,
    })?;
    Ok(installed)
}

/// Runs the machine and answers the install script in it.
async fn drive(
    install: &Install<'_>,
    engine: Engine<'_>,
    facts: &Facts,
    stage: &mut dyn Stage,
) -> Result<(), Failure> {
    let log = install.partial.log();
    let mut dialog = Dialog {
        install,
        facts,
        log: file::create_private(&log).map_err(|source| Error::Io { path: log, source })?,
        lines: Lines::default(),
        newest: NewestLine::default(),
        exit: None,
        begun: false,
        answered: false,
        failure: None,
    };
    let (event_sender, mut events) = mpsc::channel(64);
    let (orders, order_receiver) = mpsc::unbounded_channel();
    let run = engine.run(event_sender, order_receiver);
    tokio::pin!(run);
    let deadline = Instant::now() + BOOT_TIME;
    let mut interrupted = None;
    let ended = loop {
        tokio::select! {
            ended = &mut run => break ended.map_err(Error::Machine)?,
            Some(event) = events.recv() => {
                for order in dialog.on_event(event, stage) {
                    // An engine that has ended takes no orders.
                    let _ = orders.send(order);
                }
            }
            signal = interrupt::wait(), if interrupted.is_none() => {
                interrupted = Some(signal);
                let _ = orders.send(Order::Quit);
            }
            () = tokio::time::sleep_until(deadline), if !dialog.begun && dialog.failure.is_none() => {
                dialog.failure = Some(format!("the install didn't start within {} s", BOOT_TIME.as_secs()));
                let _ = orders.send(Order::Quit);
            }
        }
    };
    if let Some(signal) = interrupted {
        return Err(signal.into());
    }
    dialog.result(&ended)
}

/// The state of the dialog with the install script.
struct Dialog<'a> {
    install: &'a Install<'a>,
    facts: &'a Facts,
    log: File,
    lines: Lines,
    newest: NewestLine,
    exit: Option<i32>,
    /// The script has sent a line.
    begun: bool,
    /// The script has its command line, which it gets once.
    answered: bool,
    /// The reason why we ended the machine.
    failure: Option<String>,
}

impl Dialog<'_> {
    fn on_event(&mut self, event: Event, stage: &mut dyn Stage) -> Vec<Order> {
        match event {
            // The machine has neither helpers nor forwards.
            Event::Started { .. }
            | Event::Problem(_)
            | Event::Cold { .. }
            | Event::Changed { .. }
            | Event::Hopeless(_)
            | Event::Reset => {
                vec![]
            }
            // The script in the next boot asks again.
            Event::Fallback { reason } => {
                (self.answered, self.lines) = (false, Lines::default());
                stage.note(&accelerator::fallback_message(&reason));
                vec![]
            }
            Event::Restarting => {
                (self.answered, self.lines) = (false, Lines::default());
                stage.note(engine::RESTARTING);
                vec![]
            }
            Event::NoSpace => {
                let folder = self.install.partial.folder().display();
                self.failure = Some(format!("no space left on the host for {folder}"));
                vec![Order::Quit]
            }
            Event::Console(bytes) => {
                self.on_console(&bytes, stage);
                vec![]
            }
            Event::Channel(_, bytes) => {
                let lines = self.lines.push(&bytes);
                lines
                    .into_iter()
                    .filter_map(|line| self.on_line(line, stage))
                    .collect()
            }
        }
    }

    fn on_console(&mut self, bytes: &[u8], stage: &mut dyn Stage) {
        if self.begun {
            return;
        }
        self.write_log(bytes);
        if let Some(line) = self.newest.push(bytes) {
            stage.update(line);
        }
    }

    fn on_line(&mut self, line: Line, stage: &mut dyn Stage) -> Option<Order> {
        let first = !std::mem::replace(&mut self.begun, true);
        match line {
            Line::Text(text) => {
                self.write_log(format!("{text}\n").as_bytes());
                if is_step(&text) {
                    stage.step(&text);
                } else {
                    stage.update(&text);
                }
                first.then_some(Order::GuestIsUp)
            }
            // A guest that asks or ends again gets no answer.
            Line::Config(_) if self.answered => None,
            Line::Exit(_) if self.exit.is_some() => None,
            Line::Config(config) => {
                fault::point("install-begins");
                self.answered = true;
                Some(Order::Channel(
                    0,
                    channel::answer(&self.command(&config, stage)),
                ))
            }
            Line::Exit(code) => {
                self.exit = Some(code);
                // The script has synced the disk, so nothing is lost when the guest loses its
                // power.
                Some(Order::Quit)
            }
        }
    }

    fn command(&mut self, config: &Config, stage: &mut dyn Stage) -> Vec<String> {
        let mut words = self.install.command(self.facts, config, stage);
        words.extend(
            [
                "--wipe",
                "--source-imgref",
                &format!("oci:{}:{}", direct_boot::IMAGE_MOUNT, Podman::SAVED_TAG),
                &format!("/dev/disk/by-id/virtio-{}", direct_boot::OUTPUT_SERIAL),
            ]
            .map(str::to_owned),
        );
        self.write_log(format!("+ {}\n", words.join(" ")).as_bytes());
        words
    }

    fn write_log(&mut self, bytes: &[u8]) {
        if let Err(error) = self.log.write_all(bytes) {
            tracing::warn!(%error, "can't write the install's log");
        }
    }

    fn result(&self, ended: &Ended) -> Result<(), Failure> {
        let reason = match (self.exit, &self.failure, ended) {
            (Some(0), ..) => return Ok(()),
            (Some(code), ..) => format!("bootc install exited with code {code}"),
            (None, Some(reason), _) => reason.clone(),
            (None, None, Ended::Panic(panic)) => format!("the kernel panicked: {panic}"),
            (None, None, Ended::Failed(reason)) => reason.clone(),
            (None, None, Ended::ByGuest | Ended::ByOrder) => {
                "the VM shut down before the install was done".into()
            }
        };
        Err(self.install.failed(reason))
    }
}

/// True for one of bootc's own steps, as opposed to the output of the programs that it calls.
fn is_step(line: &str) -> bool {
    line.split(' ')
        .next()
        .is_some_and(|word| word.ends_with("ing") && word.starts_with(char::is_uppercase))
}

/// Removes the runtime folders of installs whose process was killed.
pub(super) fn sweep(dirs: &Dirs, cache: &Cache) {
    for entry in file::entries(&dirs.runtime) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(key) = name
            .strip_prefix(RUNTIME)
            .filter(|key| key.len() == KEY_DIGITS)
        else {
            continue;
        };
        if !cache.is_being_made(key) {
            drop(TemporaryFolder(entry.path()));
        }
    }
}

/// A folder that is removed when the value is dropped.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn create(path: PathBuf) -> Result<Self, Error> {
        file::create_private_dir(&path).map_err(|source| Error::Io {
            path: path.clone(),
            source,
        })?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = file::remove_dir(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "can't remove a temporary folder");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::accelerator::Accelerator;
    use crate::hypervisor::{golden, qemu};

    #[test]
    fn the_host_keeps_a_quarter_of_its_memory() {
        let of = |gib: u64| default_memory(Some(gib << 30));
        assert_eq!((of(16), of(4), of(2), of(1)), (4096, 3072, 1536, 1024));
        assert_eq!(default_memory(None), 4096);
    }

    #[test]
    fn the_machine_of_an_install_is_the_golden_one() {
        let (content, output) = ("/partial/content.erofs".into(), "/partial/disk.raw".into());
        let name = "install-0123456789ab".into();
        let machine = machine(
            name,
            Arch::X86_64,
            MEMORY_MIB,
            &BootImage::sample(Transport::Erofs),
            content,
            output,
            Path::new("/run/i0123456789a"),
        );
        let qemu = qemu::Qemu {
            program: "qemu-system-x86_64".into(),
            arch: Arch::X86_64,
            version: (10, 0),
            os: Os::Linux,
        };
        golden::assert_launch(
            "qemu-install",
            &qemu::launch(&qemu, &machine, Accelerator::Kvm).unwrap(),
        );
    }

    #[test]
    fn bootcs_steps_differ_from_other_output() {
        for step in [
            "Installing image: docker://localhost/x",
            "Creating ESP filesystem",
            "Trimming root",
        ] {
            assert!(is_step(step), "{step}");
        }
        for other in [
            "       Size: 10737418240",
            "> mkfs.fat /dev/vdc2",
            "mke2fs 1.47.4",
            "",
            "sing along",
        ] {
            assert!(!is_step(other), "{other}");
        }
    }
}
