//! Shares: host folders in the guest.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::units;
use crate::guest::shell::{quote, script_as_root};
use crate::host::fs::path;
use crate::hypervisor::{Credential, Shares};

/// The service that mounts the shares.
const SERVICE: &str = "podman-bootc-shares";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The folder on the host; absolute once [`Share::resolve`] returned it.
    pub source: PathBuf,
    /// The absolute path at which the guest mounts it.
    pub target: String,
    pub read_only: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum InvalidShare {
    #[error(
        "invalid share `{0}`: expected SRC:DST[:ro], where DST is an absolute path below `/` without `..`"
    )]
    Form(String),
    #[error("can't share {path}: {source}")]
    Source {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("can't share {0}: only folders can be shared")]
    NotFolder(PathBuf),
    /// Neither `vm.json` nor the guest's unit can hold the path.
    #[error("can't share {0:?}: the path has control characters or is not UTF-8")]
    Characters(String),
}

impl FromStr for Share {
    type Err = InvalidShare;

    /// Parses `SRC:DST[:ro|:rw]`, where SRC may contain colons.
    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        let invalid = || InvalidShare::Form(text.to_owned());
        let (rest, read_only) = match path::rsplit_colon(text) {
            Some((rest, "ro")) => (rest, true),
            Some((rest, "rw")) => (rest, false),
            _ => (text, false),
        };
        let (source, target) = path::rsplit_colon(rest).ok_or_else(invalid)?;
        if source.is_empty() || !target.starts_with('/') {
            return Err(invalid());
        }
        let target = format!("/{}", target.trim_matches('/'));
        if target == "/" || target.split('/').any(|part| part == "..") {
            return Err(invalid());
        }
        if target.chars().any(char::is_control) {
            return Err(InvalidShare::Characters(target));
        }
        Ok(Self {
            source: source.into(),
            target,
            read_only,
        })
    }
}

impl Share {
    /// Makes the source path absolute, and checks that it is a readable folder.
    pub fn resolve(self) -> Result<Self, InvalidShare> {
        let error = |source| InvalidShare::Source {
            path: self.source.clone(),
            source,
        };
        let source = path::canonical(&self.source).map_err(error)?;
        if !source.is_dir() {
            return Err(InvalidShare::NotFolder(source));
        }
        std::fs::read_dir(&source).map_err(error)?;
        if source.to_str().is_none() {
            return Err(InvalidShare::Characters(
                source.to_string_lossy().into_owned(),
            ));
        }
        Ok(Self { source, ..self })
    }

    /// Checks that the folder still exists.
    pub fn check(&self) -> Result<(), InvalidShare> {
        self.clone().resolve().map(drop)
    }
}

/// Returns the name by which the guest mounts the share at `index`.
pub fn tag(index: usize) -> String {
    format!("share{index}")
}

/// A share with its number.
pub type Numbered<'a> = (usize, &'a Share);

/// Makes the guest mount the shares at boot (systemd 256 and newer; older ones ignore it).
pub fn credentials(shares: &[Numbered], transport: Shares) -> Vec<Credential> {
    if shares.is_empty() {
        return vec![];
    }
    units::add_unit(SERVICE, &unit(shares, transport), "sysinit.target").into()
}

fn unit(shares: &[Numbered], transport: Shares) -> String {
    let mut unit = "[Unit]\n\
        Description=Mount the host's folders\n\
        DefaultDependencies=no\n\
        ConditionPathExists=!/etc/initrd-release\n\
        After=local-fs.target systemd-tmpfiles-setup.service\n\
        Before=sysinit.target\n\
        \n\
        [Service]\n\
        Type=oneshot\n\
        RemainAfterExit=yes\n\
        TimeoutStartSec=60\n"
        .to_owned();
    for &(index, share) in shares {
        let target = word(&share.target);
        let mount = mount(share, transport);
        // The minus makes systemd go on after a failure. The host checks the mounts later.
        unit.push_str(&format!(
            "ExecStart=-mkdir -p {target}\nExecStart=-{mount} {} {target}\n",
            tag(index)
        ));
    }
    unit
}

/// Returns the command that mounts a share, without its tag and target.
pub fn mount(share: &Share, transport: Shares) -> String {
    let mode = if share.read_only { "ro" } else { "rw" };
    match transport {
        Shares::NineP => {
            format!("mount -t 9p -o {mode},trans=virtio,version=9p2000.L,msize=131072")
        }
        Shares::Virtiofsd | Shares::Virtiofs | Shares::None => {
            format!("mount -t virtiofs -o {mode}")
        }
    }
}

/// Quotes a word for the command line of a unit.
/// <https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#Command%20lines>
fn word(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%")
        .replace('$', "$$");
    format!("\"{escaped}\"")
}

/// Returns a shell line that mounts the shares which the guest has not mounted yet, and prints
/// `TAG MESSAGE` for each failure. It needs root (or sudo) only if a share is missing.
pub fn mount_line(shares: &[Numbered], transport: Shares) -> String {
    let is_mounted = |index| format!("grep -q '^{} ' /proc/mounts", tag(index));
    let all: Vec<String> = shares.iter().map(|(index, _)| is_mounted(*index)).collect();
    let mut script = format!("systemctl --quiet start {SERVICE}.service 2>/dev/null\n");
    for &(index, share) in shares {
        let (tag, target, mount) = (tag(index), quote(&share.target), mount(share, transport));
        script.push_str(&format!(
            "{} || {{ message=$(mkdir -p {target} 2>&1 && {mount} {tag} {target} 2>&1) || \
             echo {tag} $message; }}\n",
            is_mounted(index)
        ));
    }
    format!("{{ {}; }} || {}", all.join(" && "), script_as_root(&script))
}

/// Explains the failures that [`mount_line`]'s shell line printed.
pub fn failures(shares: &[Numbered], transport: Shares, output: &str) -> Vec<String> {
    let failure = |line: &str| {
        let (tag, message) = line.split_once(' ')?;
        let wanted = |(number, _): &&Numbered| self::tag(*number) == tag;
        let (_, share) = shares.iter().find(wanted)?;
        Some(explain(share, transport, &crate::text::plain(message)))
    };
    output.lines().filter_map(failure).collect()
}

fn explain(share: &Share, transport: Shares, message: &str) -> String {
    let (source, target) = (share.source.display(), &share.target);
    let lower = message.to_lowercase();
    let why = if lower.contains("unknown filesystem type") || lower.contains("no such device") {
        match transport {
            Shares::NineP => {
                "the guest's kernel has no 9p (kernels of Enterprise Linux have none): use `--hypervisor \
                vfkit`, which has virtiofs, or mount the VM's files by SSHFS"
                    .to_owned()
            }
            _ => "the guest's kernel has no virtiofs".to_owned(),
        }
    } else if lower.contains("cannot create directory") && lower.contains("read-only") {
        let name = Path::new(target)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        format!(
            "the image's root is read-only, so the guest can't create {target}: \
             use a folder of the image, or /var/{name}, /var/mnt/{name} or /srv/{name}"
        )
    } else {
        message.to_owned()
    };
    format!("can't mount {source} at {target}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(text: &str) -> Share {
        text.parse().unwrap()
    }

    #[test]
    fn shares_have_podmans_form() {
        for (text, source, target, read_only) in [
            ("/a:/b", "/a", "/b", false),
            ("/a:/b:ro", "/a", "/b", true),
            ("/a:/b:rw", "/a", "/b", false),
            (".:/src/", ".", "/src", false),
            ("/with:colon:/b c:ro", "/with:colon", "/b c", true),
            ("/a,\"b\":/c,d", "/a,\"b\"", "/c,d", false),
        ] {
            let wanted = Share {
                source: source.into(),
                target: target.into(),
                read_only,
            };
            assert_eq!(share(text), wanted, "{text}");
        }
        for text in [
            "",
            "/a",
            "/a:",
            ":/b",
            "/a:b",
            "/a:/b:z",
            "/a:/",
            "/a:/b/../c",
            "/a:/b\nc",
            "/a:/b:ro:ro",
        ] {
            assert!(text.parse::<Share>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_folders_can_be_shared() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let resolve = |path: &Path| share(&format!("{}:/x", path.display())).resolve();
        assert!(resolve(dir.path()).unwrap().source.is_absolute());
        assert!(matches!(resolve(&file), Err(InvalidShare::NotFolder(_))));
        assert!(
            resolve(&dir.path().join("none"))
                .unwrap_err()
                .to_string()
                .contains("none")
        );
    }

    #[test]
    fn the_unit_quotes_paths() {
        let (first, second) = (share("/a:/x y\"%$\\:ro"), share("/b:/z"));
        let unit = |transport| unit(&[(0, &first), (1, &second)], transport);
        let nine = unit(Shares::NineP);
        assert!(
            nine.contains(
                "mount -t 9p -o rw,trans=virtio,version=9p2000.L,msize=131072 share1 \"/z\"\n"
            ),
            "{nine}"
        );
        let unit = unit(Shares::Virtiofsd);
        assert!(
            unit.contains("ExecStart=-mount -t virtiofs -o ro share0 \"/x y\\\"%%$$\\\\\"\n"),
            "{unit}"
        );
        assert!(
            unit.contains("ExecStart=-mount -t virtiofs -o rw share1 \"/z\"\n"),
            "{unit}"
        );
        assert!(credentials(&[], Shares::Virtiofs).is_empty());
    }

    #[test]
    fn failures_are_explained() {
        let (first, second) = (share("/a:/data"), share("/b:/var/x"));
        let shares = [(0, &first), (1, &second)];
        let output = "share0 mkdir: cannot create directory '/data': Read-only file system\n\
            noise\nshare1 mount: /var/x: unknown filesystem type 'virtiofs'.\nshare7 x\n";
        let nine = failures(
            &shares,
            Shares::NineP,
            "share1 mount: /var/x: unknown filesystem type '9p'.\n",
        );
        assert!(
            nine[0].contains("no 9p") && nine[0].contains("vfkit"),
            "{nine:?}"
        );
        let failures = failures(&shares, Shares::Virtiofsd, output);
        assert!(
            failures[0].contains("/srv/data") && failures[0].contains("/var/mnt/data"),
            "{failures:?}"
        );
        assert!(failures[1].contains("no virtiofs"), "{failures:?}");
        assert_eq!(failures.len(), 2);
    }
}
