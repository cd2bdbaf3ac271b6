//! virtiofsd: shares host folders with a guest.
//! <https://gitlab.com/virtio-fs/virtiofsd>

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::host::{self, process};
use crate::hypervisor::Launch;

/// Paths in distributions, which are not on PATH.
const HIDDEN: [&str; 3] = [
    "/usr/libexec/virtiofsd",
    "/usr/lib/virtiofsd",
    "/usr/lib/qemu/virtiofsd",
];
/// The number of user IDs: they have 32 bits, and the last one is not a user.
const ALL_IDS: u32 = u32::MAX;

/// The virtiofsd of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Virtiofsd {
    pub program: PathBuf,
    /// It is the one in Rust. QEMU's older one in C has other options.
    pub rust: bool,
    /// It can refuse all writes.
    pub readonly: bool,
    /// It can translate user IDs by itself.
    pub translate: bool,
    /// It can enter a user namespace with certain IDs.
    pub id_maps: bool,
    /// It can name files by handles.
    pub handles: bool,
    /// The host allows it to enter namespaces of its own.
    pub namespaces: bool,
}

/// The user and group IDs of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    pub user: u32,
    pub group: u32,
}

/// virtiofsd is missing, or can't do what a VM needs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("shared folders need virtiofsd, which is not installed; install the package virtiofsd")]
    Missing,
    #[error("can't run `virtiofsd --help`")]
    Help(#[source] process::Error),
    #[error("{0} can't serve an image's root; install virtiofsd 1.12 or newer")]
    NoRoot(PathBuf),
    #[error(
        "{0} can't share a folder read-only; leave out :ro, or install virtiofsd 1.12 or newer"
    )]
    NoReadOnly(PathBuf),
    /// The virtiofsd in C can't quote a comma.
    #[error(
        "this virtiofsd can't share {0}: the path contains a comma; install the virtiofsd written in Rust"
    )]
    Comma(PathBuf),
}

impl Virtiofsd {
    pub fn program() -> Option<PathBuf> {
        process::find("virtiofsd", &HIDDEN)
    }

    /// Finds the program and reads its features from its help.
    pub fn find() -> Result<Self, Error> {
        let program = Self::program().ok_or(Error::Missing)?;
        let help = process::output(Command::new(&program).arg("--help")).map_err(Error::Help)?;
        Ok(Self::from_help(
            program,
            &String::from_utf8_lossy(&help),
            namespaces_work(),
        ))
    }

    fn from_help(program: PathBuf, help: &str, namespaces: bool) -> Self {
        let has = |option: &str| help.split([' ', '\n', '=', ',']).any(|word| word == option);
        Self {
            program,
            rust: has("--shared-dir"),
            readonly: has("--readonly"),
            translate: has("--translate-uid"),
            id_maps: has("--uid-map"),
            handles: has("--inode-file-handles") && has("--modcaps"),
            namespaces,
        }
    }

    /// The command line that shares `folder`. The listening socket is the standard input.
    ///
    /// An unprivileged user owns all files that the guest creates, as with rootless podman. The
    /// guest sees `guest` as the owner of that user's files: the guest's root can write to them all
    /// the same, as to any file there. Older versions of virtiofsd can only show root.
    ///
    /// # Errors
    /// It can't share read-only, or can't take this path.
    pub fn launch(
        &self,
        folder: &Path,
        read_only: bool,
        owner: Owner,
        guest: Owner,
    ) -> Result<Launch, Error> {
        let mut args: Vec<OsString> = vec!["--fd=0".into()];
        if self.rust {
            args.extend(["--shared-dir".into(), folder.into()]);
        } else {
            // It can't quote a comma: the rest of the path would be an option.
            if folder.as_os_str().as_encoded_bytes().contains(&b',') {
                return Err(Error::Comma(folder.to_owned()));
            }
            let mut source = OsString::from("source=");
            source.push(folder);
            args.extend(["-o".into(), source]);
        }
        if read_only {
            if !self.readonly {
                return Err(Error::NoReadOnly(self.program.clone()));
            }
            args.push("--readonly".into());
        }
        if self.rust && !self.namespaces {
            args.push("--sandbox=none".into());
        }
        if owner.user == 0 && self.handles {
            // Otherwise it keeps a descriptor for each file that the guest knows, and can run out
            // of them.
            args.extend([
                "--inode-file-handles=prefer".into(),
                "--modcaps=+dac_read_search".into(),
            ]);
        }
        if owner.user != 0 {
            for (kind, id, seen) in [
                ("uid", owner.user, guest.user),
                ("gid", owner.group, guest.group),
            ] {
                if self.translate {
                    args.push(format!("--translate-{kind}=squash-guest:0:{id}:{ALL_IDS}").into());
                    args.push(format!("--translate-{kind}=host:{id}:{seen}:1").into());
                } else if self.id_maps && self.namespaces {
                    args.push(format!("--{kind}-map=:0:{id}:1:").into());
                }
            }
        }
        Ok(Launch {
            program: self.program.clone(),
            args,
        })
    }

    /// The command that serves an image's root, mounted on `folder` in its own namespace. The root
    /// never changes.
    ///
    /// # Errors
    /// This virtiofsd is too old.
    pub fn serve_root(&self, folder: &Path) -> Result<Command, Error> {
        if !self.rust || !self.readonly {
            return Err(Error::NoRoot(self.program.clone()));
        }
        let mut command = Command::new(&self.program);
        command.args([
            "--fd=0",
            "--readonly",
            "--xattr",
            "--cache=always",
            "--sandbox=chroot",
        ]);
        command.arg("--shared-dir").arg(folder);
        Ok(command)
    }
}

/// Whether a process like ours can enter namespaces of its own. Most containers don't allow it.
fn namespaces_work() -> bool {
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--pid", "--net", "--fork"]);
    if host::user_id() != 0 {
        unshare.arg("--user");
    }
    process::output(unshare.arg("true")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str =
        "Usage: virtiofsd --shared-dir <SHARED_DIR>\n      --readonly\n      --translate-uid <X>\n";
    const ROOT: Owner = Owner { user: 0, group: 0 };
    const USER: Owner = Owner {
        user: 1000,
        group: 100,
    };

    fn line(
        help: &str,
        namespaces: bool,
        folder: &str,
        read_only: bool,
        owner: Owner,
    ) -> Result<String, Error> {
        let virtiofsd = Virtiofsd::from_help("/usr/libexec/virtiofsd".into(), help, namespaces);
        let launch = virtiofsd.launch(Path::new(folder), read_only, owner, ROOT)?;
        Ok(launch
            .args
            .iter()
            .map(|arg| arg.to_string_lossy())
            .collect::<Vec<_>>()
            .join("|"))
    }

    #[test]
    fn each_feature_has_its_arguments() {
        let old = "Usage: virtiofsd --shared-dir <DIR>\n  --uid-map <UID_MAP>\n";
        let cases = [
            (
                HELP,
                true,
                "/a b,c\n\"d'",
                false,
                ROOT,
                "--fd=0|--shared-dir|/a b,c\n\"d'",
            ),
            (
                HELP,
                true,
                "/s",
                true,
                ROOT,
                "--fd=0|--shared-dir|/s|--readonly",
            ),
            (
                HELP,
                false,
                "/s",
                false,
                ROOT,
                "--fd=0|--shared-dir|/s|--sandbox=none",
            ),
            (
                HELP,
                true,
                "/s",
                false,
                USER,
                "--fd=0|--shared-dir|/s|--translate-uid=squash-guest:0:1000:4294967295|--translate-uid=host:1000:0:1|\
                 --translate-gid=squash-guest:0:100:4294967295|--translate-gid=host:100:0:1",
            ),
            (
                old,
                true,
                "/s",
                false,
                USER,
                "--fd=0|--shared-dir|/s|--uid-map=:0:1000:1:|--gid-map=:0:100:1:",
            ),
            (
                "--shared-dir --inode-file-handles=<X> --modcaps <X>",
                true,
                "/s",
                false,
                ROOT,
                "--fd=0|--shared-dir|/s|--inode-file-handles=prefer|--modcaps=+dac_read_search",
            ),
            (
                "-o source=PATH  shared directory tree",
                true,
                "/s",
                false,
                ROOT,
                "--fd=0|-o|source=/s",
            ),
        ];
        for (help, namespaces, folder, read_only, owner, want) in cases {
            assert_eq!(
                line(help, namespaces, folder, read_only, owner).unwrap(),
                want
            );
        }
        let error = line(old, true, "/s", true, ROOT).unwrap_err().to_string();
        assert!(error.contains("read-only"), "{error}");
        let error = line("-o source=PATH", true, "/a,xattr", false, ROOT)
            .unwrap_err()
            .to_string();
        assert!(error.contains("/a,xattr"), "{error}");
    }

    #[test]
    fn the_vms_user_owns_the_host_users_files() {
        let virtiofsd = Virtiofsd::from_help("/v".into(), HELP, true);
        let core = Owner {
            user: 1500,
            group: 1600,
        };
        let rules = |host: Owner| {
            let launch = virtiofsd
                .launch(Path::new("/s"), false, host, core)
                .unwrap();
            let args = launch.args.iter().map(|arg| arg.to_string_lossy());
            args.filter(|arg| arg.contains("=host:"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let told = "--translate-uid=host:1000:1500:1 --translate-gid=host:100:1600:1";
        assert_eq!(rules(USER), told);
        assert_eq!(rules(ROOT), "", "root's IDs are those of the guest");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_is_not_utf8_stays_as_it_is() {
        use std::os::unix::ffi::{OsStrExt, OsStringExt};
        let folder = PathBuf::from(OsString::from_vec(b"/\xff".to_vec()));
        let virtiofsd = Virtiofsd::from_help("/v".into(), HELP, true);
        let launch = virtiofsd.launch(&folder, false, ROOT, ROOT).unwrap();
        assert!(launch.args.iter().any(|arg| arg.as_bytes() == b"/\xff"));
    }
}
