//! The folders of one test, the tool that runs in them, and the search for leftovers at the end.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::target::target;
use crate::common::tool::Tool;

use super::program::{Output, Running};
use super::{BOOT, Process, SOON, image, wait_for};

/// The tool's folder below each XDG folder.
const NAME: &str = "podman-bootc";
/// Time limit for the end of processes that are ending when a test ends.
const GRACE: Duration = Duration::from_secs(15);

/// The folders of one test. When it is dropped, a process, VM, mount or temporary file that is left
/// fails the test.
pub struct Sandbox {
    /// Holds `data`, and `cache` if the test has its own.
    root: TempDir,
    tool: Tool,
    /// Below the temporary folder, because paths of sockets must be short.
    runtime: TempDir,
    cache: PathBuf,
    begun: SystemTime,
}

impl Sandbox {
    /// Creates a sandbox with the cache that tests share. The first test that needs a base disk
    /// makes it.
    pub fn new(test: &str) -> Self {
        Self::with(test, target().join("e2e-cache"))
    }

    /// Creates a sandbox for a test that isn't about a boot: its VMs resume from the templates that
    /// such tests share. The first one makes them.
    pub fn warm(test: &str) -> Self {
        let mut sandbox = Self::new(test);
        sandbox.tool.set("PODMAN_BOOTC_WARM", "always");
        sandbox
    }

    /// Creates a sandbox with an empty cache.
    pub fn with_empty_cache(test: &str) -> Self {
        Self::with(test, PathBuf::from("cache"))
    }

    /// Creates a sandbox with the base disks that tests share, and with no knowledge of this host.
    pub fn without_memory(test: &str) -> Self {
        let sandbox = Self::with_empty_cache(test);
        let shared = target().join("e2e-cache").join(NAME);
        fs::create_dir_all(sandbox.cache()).unwrap();
        for folder in ["disks", "roots"] {
            fs::create_dir_all(shared.join(folder)).unwrap();
            symlink(shared.join(folder), sandbox.cache().join(folder)).unwrap();
        }
        sandbox
    }

    fn with(test: &str, cache: PathBuf) -> Self {
        let folder = target().join("e2e");
        fs::create_dir_all(&folder).unwrap();
        let prefix = format!("{test}-");
        let root = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(folder)
            .unwrap();
        let runtime = tempfile::Builder::new().prefix("pb-").tempdir().unwrap();
        let cache = root.path().join(cache);
        fs::create_dir_all(&cache).unwrap();
        let mut tool = Tool::new(root.path());
        tool.set("XDG_DATA_HOME", tool.path("data"));
        tool.set("XDG_CACHE_HOME", &cache);
        tool.set("XDG_RUNTIME_DIR", runtime.path());
        tool.set("CONTAINERS_CONF", image::containers_conf());
        // The files of the person who runs the tests don't count.
        tool.set("PODMAN_BOOTC_NO_CONFIG", "1");
        // Most tests are about a boot.
        tool.set("PODMAN_BOOTC_WARM", "never");
        Self {
            root,
            tool,
            runtime,
            cache,
            begun: SystemTime::now(),
        }
    }

    /// Returns the folder of the tool's sockets.
    pub fn runtime(&self) -> PathBuf {
        self.runtime.path().join(NAME)
    }

    /// Returns the folder of the tool's cache.
    pub fn cache(&self) -> PathBuf {
        self.cache.join(NAME)
    }

    /// Returns the folder of the tool's data.
    pub fn data(&self) -> PathBuf {
        self.tool.path("data").join(NAME)
    }

    /// Returns the folders of the base disks in the cache.
    pub fn base_disks(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.cache().join("disks"))
            .into_iter()
            .flatten()
            .flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.join("disk.json").exists())
            .collect()
    }

    /// Returns the folder of a VM.
    pub fn vm_folder(&self, vm: &str) -> PathBuf {
        self.vms().join(vm)
    }

    fn vms(&self) -> PathBuf {
        self.data().join("vms")
    }

    /// Returns any program with the test's environment.
    pub fn command(&self, program: &str, args: &[impl AsRef<OsStr>]) -> Command {
        self.tool.other_command(program, args)
    }

    /// Returns the tool with the test's environment.
    pub fn tool(&self, args: &[impl AsRef<OsStr>]) -> Command {
        self.tool.command(args)
    }

    /// Returns the folder of all that the test creates.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Starts the tool with empty standard input.
    pub fn start(&self, args: &[impl AsRef<OsStr>]) -> Running {
        Running::start(self.tool(args), Some(vec![]))
    }

    /// Starts the tool with this as its standard input.
    pub fn start_with_input(&self, args: &[impl AsRef<OsStr>], input: Vec<u8>) -> Running {
        Running::start(self.tool(args), Some(input))
    }

    /// Starts the tool on a terminal of its own; [`Running::type_keys`] types on it.
    pub fn start_on_terminal(&self, args: &[&str]) -> Running {
        self.start_on_terminal_after("", args)
    }

    /// Starts the tool on a terminal of its own, in which a shell first runs this line.
    pub fn start_on_terminal_after(&self, before: &str, args: &[&str]) -> Running {
        let tool = self.tool(args);
        let words = std::iter::once(tool.get_program()).chain(tool.get_args());
        let quoted =
            words.map(|word| format!("'{}'", word.to_str().unwrap().replace('\'', r"'\''")));
        // The tool takes the place of the shell in between.
        let line = format!("{before} exec {}", quoted.collect::<Vec<_>>().join(" "));
        self.run_on_terminal(&line).of_tool(args)
    }

    /// Runs a shell's command line on a terminal of its own, with the test's environment.
    pub fn run_on_terminal(&self, line: &str) -> Running {
        let words = [
            "--quiet",
            "--flush",
            "--return",
            "--command",
            line,
            "/dev/null",
        ];
        Running::start(self.command("script", &words), None)
    }

    /// Runs the tool; it may boot a VM.
    #[track_caller]
    pub fn run(&self, args: &[impl AsRef<OsStr>]) -> Output {
        self.start(args).finish(BOOT)
    }

    /// Runs the tool, asserts that it succeeds, and returns its standard output.
    #[track_caller]
    pub fn ok(&self, args: &[impl AsRef<OsStr>]) -> String {
        self.run(args).expect(0).text()
    }

    /// Returns the rows of `list`.
    #[track_caller]
    pub fn list(&self) -> Vec<Value> {
        let text = self
            .start(&["list", "--format", "json"])
            .finish(SOON)
            .expect(0)
            .text();
        serde_json::from_str(&text).unwrap()
    }

    /// Returns the VM's row of `list`.
    #[track_caller]
    pub fn vm(&self, name: &str) -> Option<Value> {
        self.list().into_iter().find(|row| row["name"] == name)
    }

    /// Returns the VM's state, or nothing.
    #[track_caller]
    pub fn state(&self, name: &str) -> String {
        self.vm(name)
            .map(|row| row["state"].as_str().unwrap().to_owned())
            .unwrap_or_default()
    }

    /// Waits until a VM runs, and returns its row of `list`.
    #[track_caller]
    pub fn wait_running(&self, name: &str) -> Value {
        wait_for("the VM to run", BOOT, || {
            self.vm(name).filter(|row| row["ssh_port"].is_u64())
        })
    }

    /// Returns the processes that the test started, directly or not.
    pub fn processes(&self) -> Vec<Process> {
        // The second search finds processes that have cleared their environment.
        let mut all = Process::of(self.root());
        for process in Process::of(self.runtime.path()) {
            if all.iter().all(|other| other.pid != process.pid) {
                all.push(process);
            }
        }
        all
    }

    /// Returns the only process of the test with this text in its command line.
    #[track_caller]
    pub fn process(&self, text: &str) -> Process {
        let mut found = self.processes();
        found.retain(|process| process.command.contains(text));
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        found.remove(0)
    }

    /// Waits for the QEMU of the test's only VM.
    #[track_caller]
    pub fn wait_qemu(&self) -> Process {
        wait_for("a QEMU", BOOT, || {
            self.processes()
                .into_iter()
                .find(|p| p.command.contains("-accel"))
        })
    }

    /// Asserts that no process, socket or temporary file is left, and only these VMs.
    #[track_caller]
    pub fn assert_clean(&self, vms: &[&str]) {
        let mut left = self.left(vms);
        let start = std::time::Instant::now();
        while !left.is_empty() && start.elapsed() < GRACE {
            std::thread::sleep(Duration::from_millis(20));
            left = self.left(vms);
        }
        assert!(left.is_empty(), "left behind:\n{}", left.join("\n"));
    }

    fn left(&self, vms: &[&str]) -> Vec<String> {
        let mut left: Vec<String> = self
            .processes()
            .iter()
            .map(|process| format!("{process:?}"))
            .collect();
        let show = |path: PathBuf| path.display().to_string();
        left.extend(
            entries(&self.runtime.path().join(NAME))
                .into_iter()
                .map(show),
        );
        let others = entries(&self.vms())
            .into_iter()
            .filter(|path| !vms.iter().any(|vm| path.ends_with(vm)));
        left.extend(others.map(show));
        // The shared cache is left out: other tests use it at the same time.
        for folder in ["data", "cache"].map(|name| self.tool.path(name)) {
            temporary_files(&folder, &mut left);
        }
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let mine = |line: &&str| line.contains(self.root().to_str().unwrap());
        left.extend(mounts.lines().filter(mine).map(str::to_owned));
        left
    }

    /// Prints the test's processes and the ends of its logs, and copies the logs of its VMs and of
    /// the installs since its start to `target/e2e-failed`.
    fn tell(&self) {
        for process in self.processes() {
            // A command line of QEMU is longer than the rest together.
            const CHARACTERS: usize = 300;
            let name: String = format!("{process:?}").chars().take(CHARACTERS).collect();
            eprintln!("--- {name} {}", process.doing());
        }
        for folder in entries(&self.runtime()) {
            if let Ok(state) = fs::read_to_string(folder.join("guest")) {
                eprintln!("--- the state that a guest reported last\n{state}");
            }
        }
        let kept = target()
            .join("e2e-failed")
            .join(self.root().file_name().unwrap());
        let installs = entries(&self.cache().join("disks"));
        for folder in entries(&self.vms()).into_iter().chain(installs) {
            let kept = kept.join(folder.file_name().unwrap());
            for log in [
                "state.json",
                "supervisor.log",
                "qemu.log",
                "console.log",
                "install.log",
            ] {
                const BYTES: usize = 3000;
                let file = folder.join(log);
                let changed = fs::metadata(&file).and_then(|data| data.modified());
                let (Ok(changed), Ok(text)) = (changed, fs::read(&file)) else {
                    continue;
                };
                if changed < self.begun {
                    continue;
                }
                fs::create_dir_all(&kept).unwrap();
                fs::write(kept.join(log), &text).unwrap();
                let end = String::from_utf8_lossy(&text[text.len().saturating_sub(BYTES)..])
                    .replace('\r', "");
                eprintln!("--- the end of {}\n{end}", kept.join(log).display());
            }
        }
    }
}

impl Sandbox {
    /// With `E2E_KEEP` set, keeps the VMs and folders of a failed test, and prints how to use and
    /// remove them.
    fn keep(&mut self) -> bool {
        if std::env::var_os("E2E_KEEP").is_none() {
            return false;
        }
        self.root.disable_cleanup(true);
        self.runtime.disable_cleanup(true);
        let tool = self.tool(&["list"]);
        let program = tool.get_program().display();
        let variables = tool.get_envs().map(|(name, value)| {
            format!(
                "{}='{}'",
                name.display(),
                value.unwrap_or_default().display()
            )
        });
        let variables = variables.collect::<Vec<_>>().join(" ");
        let (root, runtime) = (self.root().display(), self.runtime.path().display());
        eprintln!("--- E2E_KEEP is set: the test's VMs are kept. Use them in a shell:");
        eprintln!("export {variables}\n{program} list");
        eprintln!("--- and remove them:\n{program} rm --all --force; rm -rf {root} {runtime}");
        true
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
            if self.keep() {
                return;
            }
            self.processes().iter().for_each(Process::kill);
            // They hold files in the folders that are removed next.
            let start = std::time::Instant::now();
            while !self.processes().is_empty() && start.elapsed() < GRACE {
                std::thread::sleep(Duration::from_millis(20));
            }
            return;
        }
        let clean =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.assert_clean(&[])));
        if let Err(panic) = clean {
            self.tell();
            if !self.keep() {
                self.processes().iter().for_each(Process::kill);
            }
            std::panic::resume_unwind(panic);
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

/// Adds the temporary files below `folder`.
fn temporary_files(folder: &Path, found: &mut Vec<String>) {
    for path in entries(folder) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with(".new-") || name.ends_with("partial") || name.starts_with("partial") {
            found.push(path.display().to_string());
        } else if path.is_dir() && !path.is_symlink() {
            temporary_files(&path, found);
        }
    }
}
