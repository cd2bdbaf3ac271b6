//! A user of the host that one test creates.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::fs::chown;
use rustix::process::{Gid, Uid};

use super::program::Running;
use super::{BOOT, Process, SOON, image, podman, wait_for};

/// An ordinary user, in no other group than their own. The user's processes and files are removed
/// when it is dropped.
pub struct User {
    name: String,
    id: u32,
    group: u32,
    home: PathBuf,
    runtime: PathBuf,
}

impl User {
    /// Creates a user. It needs root, and `uidmap` for rootless podman.
    pub fn new() -> Self {
        let name = format!("pb{}", std::process::id());
        let run = |program: &str, args: &[&str]| {
            let mut command = Command::new(program);
            command.args(args).arg(&name);
            Running::start(command, Some(vec![]))
                .finish(SOON)
                .expect(0)
                .text()
                .trim()
                .to_owned()
        };
        run("useradd", &["--create-home", "--shell", "/bin/sh"]);
        let id = run("id", &["-u"]).parse().unwrap();
        let group = run("id", &["-g"]).parse().unwrap();
        assert!(
            fs::read_to_string("/etc/subuid")
                .unwrap()
                .contains(&format!("{name}:")),
            "no subordinate IDs"
        );
        let user = Self {
            id,
            group,
            home: Path::new("/home").join(&name),
            runtime: Path::new("/run/user").join(id.to_string()),
            name,
        };
        user.mkdir(&user.runtime);
        fs::set_permissions(&user.runtime, fs::Permissions::from_mode(0o700)).unwrap();
        fs::copy(image::containers_conf(), user.home.join("containers.conf")).unwrap();
        user
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn id(&self) -> u32 {
        self.id
    }

    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Creates a folder that belongs to the user.
    pub fn mkdir(&self, path: &Path) {
        fs::create_dir_all(path).unwrap();
        chown(
            path,
            Some(Uid::from_raw(self.id)),
            Some(Gid::from_raw(self.group)),
        )
        .unwrap();
    }

    /// Copies a program to a folder from which the user can run it, and returns its path.
    pub fn install(&self, program: &Path) -> String {
        let copy = self.home.join(program.file_name().unwrap());
        fs::copy(program, &copy).unwrap();
        copy.to_str().unwrap().to_owned()
    }

    /// Copies an image from root's storage into the user's, where it has this name only.
    pub fn give_image(&self, image: &str, name: &str) {
        let archive = self.home.join("image.tar");
        let archive = archive.to_str().unwrap();
        let save = [
            "save",
            "--quiet",
            "--format",
            "oci-archive",
            "--uncompressed",
            "--output",
            archive,
            image,
        ];
        podman(&save, vec![]).expect(0);
        let from = format!("oci-archive:{archive}");
        fs::set_permissions(archive, fs::Permissions::from_mode(0o644)).unwrap();
        let id = self
            .start("podman", &["pull", "--quiet", &from])
            .finish(BOOT)
            .expect(0)
            .text();
        self.start("podman", &["tag", id.trim(), name])
            .finish(SOON)
            .expect(0);
        let names = self
            .start(
                "podman",
                &["image", "inspect", "--format", "{{.RepoTags}}", name],
            )
            .finish(SOON);
        for other in names
            .expect(0)
            .text()
            .trim_matches(['[', ']', '\n'])
            .split(' ')
            .filter(|n| *n != name)
        {
            self.start("podman", &["untag", id.trim(), other])
                .finish(SOON)
                .expect(0);
        }
        fs::remove_file(archive).unwrap();
    }

    /// Starts a program as this user, with the environment of a new login.
    pub fn start(&self, program: &str, args: &[&str]) -> Running {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid",
            &self.name,
            "--regid",
            &self.group.to_string(),
            "--clear-groups",
            "--",
        ]);
        command
            .arg(program)
            .args(args)
            .current_dir(&self.home)
            .env_clear();
        command
            .env("HOME", &self.home)
            .env("USER", &self.name)
            .env("XDG_RUNTIME_DIR", &self.runtime);
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        command.env("CONTAINERS_CONF", self.home.join("containers.conf"));
        Running::start(command, Some(vec![]))
    }

    /// Returns the user's processes, in no order. podman keeps one that holds its namespace; it is
    /// left out.
    pub fn processes(&self) -> Vec<Process> {
        let mut mine = Process::all(|pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let uid = status
                .lines()
                .find_map(|line| line.strip_prefix("Uid:"))
                .unwrap_or_default();
            uid.split_whitespace().next() == Some(self.id.to_string().as_str())
        });
        mine.retain(|process| process.command.trim() != "podman");
        mine
    }

    /// Waits until all of the user's processes have ended.
    pub fn wait_idle(&self) {
        wait_for("the end of the user's processes", SOON, || {
            self.processes().is_empty().then_some(())
        });
    }
}

impl Drop for User {
    /// Never panics, because a failed test may be unwinding.
    fn drop(&mut self) {
        let mine = |pid: u32| {
            fs::metadata(format!("/proc/{pid}")).is_ok_and(|process| process.uid() == self.id)
        };
        Process::all(mine).iter().for_each(Process::kill);
        let start = Instant::now();
        while !Process::all(mine).is_empty() && start.elapsed() < SOON {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = Command::new("userdel")
            .args(["--force", &self.name])
            .output();
        // Root may also remove files that belong to the IDs of the user's containers.
        for folder in [&self.runtime, &self.home] {
            let _ = fs::remove_dir_all(folder);
        }
    }
}
