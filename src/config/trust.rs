//! What a project's file may set. The file comes with a checkout, perhaps a stranger's, and must
//! neither open the host to a guest nor run anything on it.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::host::fs::path::{canonical, rsplit_colon};
use crate::hypervisor::Forward;

/// A port below this one is for root.
const FIRST_FREE_PORT: u16 = 1024;

/// What a flag gives to the guest or does on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// It changes the guest, or output.
    Guest,
    /// It names a file or a folder of the host.
    Path,
    /// It opens a port of the host.
    Port,
    /// Without `=VALUE` it passes a variable of the host on.
    Assignment,
    /// It may do anything else on the host.
    Host,
}

/// A new flag is out of a project file's reach until it is listed here.
fn reach(flag: &str) -> Reach {
    match flag {
        "accel" | "arch" | "bell" | "bootloader" | "bound-images" | "check-timeout" | "cmd"
        | "cold" | "composefs-backend" | "cpus" | "detach" | "disk-size" | "ephemeral"
        | "filesystem" | "firmware" | "format" | "fresh" | "gui" | "hostname" | "hypervisor"
        | "install-memory" | "interactive" | "jobs" | "journal" | "karg" | "keep" | "log-level"
        | "memory" | "name" | "nic" | "no-tty" | "notify" | "poll" | "pull" | "quiet"
        | "reboot" | "rebuild" | "rm" | "root-size" | "root-transport" | "skip" | "slow-unit"
        | "ssh" | "tap" | "target" | "target-imgref" | "target-transport" | "timeout" | "tpm"
        | "tty" | "upgrade" | "upgrade-from" | "user" | "wait" | "warm" => Reach::Guest,
        "add-disk" | "artifacts" | "build-arg-file" | "checks" | "cloudinit" | "credential"
        | "disk" | "file" | "ignition" | "ignorefile" | "junit" | "markdown" | "script"
        | "ssh-key" | "timeline" | "volume" | "watch" => Reach::Path,
        "build-arg" => Reach::Assignment,
        "publish" => Reach::Port,
        _ => Reach::Host,
    }
}

/// The path in a value, between the text before and after it.
struct Parts<'a> {
    before: &'a str,
    path: &'a str,
    after: &'a str,
}

/// Returns the path in a flag's value, if it has one. `is_path` is true for a flag whose value is a
/// path as a whole.
fn parts<'a>(flag: &str, is_path: bool, value: &'a str) -> Option<Parts<'a>> {
    let (before, path) = match flag {
        "add-disk" if value.starts_with("new:") => return None,
        "credential" => value.split_at(value.find("=@")? + 2),
        _ => ("", value),
    };
    let path = match flag {
        "volume" => {
            let (rest, last) = rsplit_colon(path)?;
            match matches!(last, "ro" | "rw") {
                true => rsplit_colon(rest)?.0,
                false => rest,
            }
        }
        "add-disk" => path.strip_suffix(":ro").unwrap_or(path),
        "credential" => path,
        _ if is_path => path,
        _ => return None,
    };
    let after = &value[before.len() + path.len()..];
    (!path.is_empty()).then_some(Parts {
        before,
        path,
        after,
    })
}

/// Returns the value with an absolute path: a file's relative paths begin at its folder, and `~/`
/// is the home folder.
pub fn absolute(
    flag: &str,
    is_path: bool,
    value: &str,
    folder: &Path,
    home: Option<&Path>,
) -> String {
    let Some(Parts {
        before,
        path,
        after,
    }) = parts(flag, is_path, value)
    else {
        return value.to_owned();
    };
    let path = match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => folder.join(path),
    };
    // A path that is not UTF-8 can't stand in a command line of ours: keep the user's words.
    match path.to_str() {
        Some(path) => format!("{before}{path}{after}"),
        None => value.to_owned(),
    }
}

/// Checks a value of a project's file. Its path is absolute.
///
/// # Errors
/// Says why the file must not set it.
pub fn check(flag: &str, is_path: bool, value: &str, folder: &Path) -> Result<(), String> {
    match reach(flag) {
        Reach::Guest => Ok(()),
        Reach::Host => Err("it reaches beyond the project".to_owned()),
        Reach::Port => match value.parse::<Forward>() {
            Ok(port) if !port.address.is_loopback() => Err(format!(
                "{} is an address that other machines reach",
                port.address
            )),
            Ok(port) if (1..FIRST_FREE_PORT).contains(&port.host) => {
                Err(format!("port {} is below {FIRST_FREE_PORT}", port.host))
            }
            _ => Ok(()),
        },
        Reach::Assignment if value.contains('=') => Ok(()),
        Reach::Assignment => Err(format!(
            "`{value}` has no value, which the host's variable gives"
        )),
        Reach::Path => match parts(flag, is_path, value) {
            Some(parts) => below(Path::new(parts.path), folder),
            None => Ok(()),
        },
    }
}

/// True for a flag that gives a file or folder of the host to the guest.
pub fn is_worth_a_note(flag: &str) -> bool {
    matches!(
        flag,
        "add-disk" | "cloudinit" | "credential" | "disk" | "ignition" | "ssh-key" | "volume"
    )
}

/// Checks that a path is below the project's folder, also after all links, and that git doesn't own
/// it.
fn below(path: &Path, folder: &Path) -> Result<(), String> {
    let outside = || format!("`{}` is not below the project's folder", path.display());
    let root = canonical(folder).map_err(|_| outside())?;
    let target = existing(path).map_err(|_| outside())?;
    let inner = target.strip_prefix(&root).map_err(|_| outside())?;
    let is_git = |part: Component| part.as_os_str().eq_ignore_ascii_case(".git");
    if inner.components().any(is_git) {
        return Err(format!("`{}` belongs to git", path.display()));
    }
    Ok(())
}

/// Checks each file of a folder whose files the tool itself reads: none may be a link that leads
/// out of the project.
pub fn check_files(flag: &str, value: &str, folder: &Path) -> Result<(), String> {
    if !matches!(flag, "checks" | "cloudinit") {
        return Ok(());
    }
    let mut folders = vec![PathBuf::from(value)];
    while let Some(next) = folders.pop() {
        for entry in next.read_dir().into_iter().flatten().flatten() {
            below(&entry.path(), folder)?;
            // Not a link to a folder, which may lead in a circle.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

/// Returns a path without links. Its end may be missing, because a later error tells of that.
fn existing(path: &Path) -> io::Result<PathBuf> {
    let mut missing = vec![];
    let mut path = path;
    loop {
        match canonical(path) {
            Ok(found) => return Ok(missing.iter().rev().fold(found, |at, name| at.join(name))),
            // A link to a missing file, which a program would create.
            Err(error) if path.symlink_metadata().is_ok() => return Err(error),
            Err(error) => {
                let name = path.file_name().ok_or(error)?;
                missing.push(name);
                path = path.parent().unwrap_or(Path::new("/"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(windows, ignore = "compares paths of Unix")]
    fn relative_paths_begin_at_the_files_folder() {
        for (flag, value, wanted) in [
            ("volume", "src:/src:ro", "/p/src:/src:ro"),
            ("volume", "~/src:/src", "/home/me/src:/src"),
            ("volume", "/abs:/src", "/abs:/src"),
            ("volume", "nonsense", "nonsense"),
            ("add-disk", "new:5G", "new:5G"),
            ("add-disk", "d.img:ro", "/p/d.img:ro"),
            ("credential", "a=@secret", "a=@/p/secret"),
            ("credential", "a=b", "a=b"),
            ("ssh-key", "k.pub", "/p/k.pub"),
            ("hostname", "box", "box"),
        ] {
            let is_path = flag == "ssh-key";
            let home = Some(Path::new("/home/me"));
            let found = absolute(flag, is_path, value, Path::new("/p"), home);
            assert_eq!(found, wanted, "{flag}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_project_names_only_paths_below_its_folder() {
        use std::os::unix::fs::symlink;
        let top = tempfile::tempdir().unwrap();
        let project = top.path().join("project");
        for name in ["project/src", "project/.git/hooks", "project/seed", "other"] {
            std::fs::create_dir_all(top.path().join(name)).unwrap();
        }
        symlink("/etc", project.join("link")).unwrap();
        symlink("../other/missing", project.join("dangling")).unwrap();
        symlink("/etc/passwd", project.join("seed/user-data")).unwrap();
        for (flag, value, is_allowed) in [
            ("volume", "src:/src", true),
            ("volume", ".:/src", true),
            ("volume", "missing:/src", true),
            ("volume", "..:/src", false),
            ("volume", "../other:/src", false),
            ("volume", "/etc:/src:ro", false),
            ("volume", "link:/src", false),
            ("volume", "link/missing:/src", false),
            ("volume", "missing/../../other:/src", false),
            ("volume", ".git/hooks:/src", false),
            ("volume", "~/x:/src", false),
            ("credential", "a=@link/passwd", false),
            ("credential", "a=/etc/passwd", true),
            ("add-disk", "/dev/sda", false),
            ("add-disk", "new:5G", true),
            ("ssh-key", "dangling", false),
            ("ssh-key", "src/key.pub", true),
            ("publish", "8080:80", true),
            ("publish", "80", true),
            ("publish", "0.0.0.0:8080:80", false),
            ("publish", "80:80", false),
            ("memory", "4G", true),
            ("build-arg", "A=b", true),
            ("build-arg", "TOKEN", false),
            ("build", "make", false),
            ("secret", "id=x,src=y", false),
            ("connection", "prod", false),
            ("install-in", "container", false),
            ("install-arg", "--x", false),
            ("no-such-flag", "x", false),
        ] {
            let is_path = flag == "ssh-key";
            let home = Some(top.path());
            let value = absolute(flag, is_path, value, &project, home);
            let checked = check(flag, is_path, &value, &project);
            assert_eq!(checked.is_ok(), is_allowed, "{flag} {value} {checked:?}");
        }
        let seed = project.join("seed");
        assert!(check_files("cloudinit", seed.to_str().unwrap(), &project).is_err());
        assert!(check_files("checks", project.to_str().unwrap(), &project).is_err());
    }
}
