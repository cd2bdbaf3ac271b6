//! Host blocks for the host's OpenSSH: they make `ssh NAME.bootc`, `scp` and `rsync` work.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use super::keys::Keys;
use super::session::{KEEPALIVE, KEEPALIVES};
use crate::host::process;

/// The data of a VM's `Host` block in OpenSSH's configuration.
#[derive(Debug, Clone)]
pub struct HostBlock {
    pub name: String,
    pub user: String,
    pub keys: Keys,
    /// This program: its `proxy` command connects to the VM.
    pub program: PathBuf,
}

impl HostBlock {
    /// Returns the VM's name for OpenSSH.
    pub fn host(&self) -> String {
        format!("{}.bootc", self.name)
    }

    pub fn text(&self) -> String {
        let mut text = format!("Host {}\n", self.host());
        for (name, value) in self.options().into_iter().chain([self.proxy()]) {
            // Writing to a string can't fail.
            let _ = writeln!(text, "  {name} {value}");
        }
        text
    }

    /// Returns the options except [`Self::proxy`].
    pub fn options(&self) -> Vec<(&'static str, String)> {
        let identities = self.keys.identities();
        let mut options = vec![("User", self.user.clone())];
        options.extend(identities.iter().map(|file| ("IdentityFile", path(file))));
        options.extend([
            ("IdentitiesOnly", "yes".into()),
            ("IdentityAgent", "none".into()),
            // OpenSSH looks names up in lower case, and writes them so.
            ("HostKeyAlias", self.name.to_ascii_lowercase()),
            ("UserKnownHostsFile", path(&self.keys.known_hosts())),
            // The first session pins the host key, OpenSSH's or ours. Keys::is_expected_host reads
            // plain names only.
            ("StrictHostKeyChecking", "accept-new".into()),
            ("HashKnownHosts", "no".into()),
            ("UpdateHostKeys", "no".into()),
            ("LogLevel", "ERROR".into()),
            ("ServerAliveInterval", KEEPALIVE.as_secs().to_string()),
            ("ServerAliveCountMax", KEEPALIVES.to_string()),
        ]);
        options
    }

    /// Returns the option that makes OpenSSH connect through this program.
    pub fn proxy(&self) -> (&'static str, String) {
        let program = process::quote_program(&self.program).replace('%', "%%");
        ("ProxyCommand", format!("{program} proxy {}", self.name))
    }
}

/// Quotes a path for OpenSSH's configuration, where `%` begins a token.
fn path(path: &Path) -> String {
    let text = path
        .to_string_lossy()
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%");
    format!("\"{text}\"")
}

/// Quotes a folder for `Include`. OpenSSH removes the quotes, then passes the word to glob(3).
/// OpenSSH 9.9 and newer also expand `%` and `${` in between; a set such as `[$]` means the same to
/// all versions.
fn pattern(folder: &Path) -> String {
    let text = folder.to_string_lossy();
    let quoted = text.chars().map(|c| match c {
        '"' => r#"\""#.to_owned(),
        '\\' if !std::path::is_separator(c) => r"\\\\".to_owned(),
        '%' => "[%%]".to_owned(),
        '*' | '?' | '[' | '$' => format!("[{c}]"),
        c => c.to_string(),
    });
    quoted.collect()
}

/// Adds a line to `config` that includes the `ssh_config` of each VM in `folder`. Returns false if
/// the line exists.
pub fn include(config: &Path, folder: &Path) -> io::Result<bool> {
    let line = format!(
        "Include \"{}\"",
        Path::new(&pattern(folder)).join("*/ssh_config").display()
    );
    // The file may be a link into a folder of dotfiles: keep the link.
    let config = config.canonicalize().unwrap_or_else(|_| config.to_owned());
    let old = match std::fs::read_to_string(&config) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    if old.lines().any(|l| l.trim() == line) {
        return Ok(false);
    }
    let folder = config.parent().ok_or(io::ErrorKind::InvalidInput)?;
    crate::host::fs::file::create_private_dir(folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".config-")
        .tempfile_in(folder)?;
    // The line must precede the first `Host`, or it would apply to that host only.
    let gap = if old.is_empty() { "" } else { "\n" };
    io::Write::write_all(&mut file, format!("{line}\n{gap}{old}").as_bytes())?;
    if let Ok(metadata) = config.metadata() {
        file.as_file().set_permissions(metadata.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(&config).map_err(|error| error.error)?;
    Ok(true)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn openssh_understands_the_host_block() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a b%c\"d");
        std::fs::create_dir(&folder).unwrap();
        let keys = Keys::in_folder(&folder);
        keys.create().unwrap();
        let block = HostBlock {
            name: "Web".into(),
            user: "core".into(),
            keys,
            program: "/opt/my tools/100%/podman-bootc".into(),
        };
        let file = folder.join("ssh_config");
        std::fs::write(&file, block.text()).unwrap();
        let output = std::process::Command::new("ssh")
            .args(["-G", "-F"])
            .arg(&file)
            .arg("Web.bootc")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let has = |line: &str| {
            assert!(
                text.lines().any(|l| l == line),
                "{line}\nis not in\n{text}{output:?}"
            )
        };
        has("user core");
        has("hostkeyalias web");
        has("stricthostkeychecking accept-new");
        has("serveraliveinterval 15");
        has("serveralivecountmax 6");
        has("proxycommand '/opt/my tools/100%%/podman-bootc' proxy Web");
        for key in ["id_ed25519", "id_ecdsa"] {
            let has = |folder: &str| text.contains(&format!("{folder}/{key}"));
            assert!(has("a b%%c\"d") || has("a b%c\"d"), "{text}");
        }
    }

    #[test]
    fn openssh_includes_files_from_a_folder_of_any_name() {
        for name in [
            "plain", "a b", "a%b", "a%%h", "a\"b", "a\\b", "[ab]", "a*b?", "${HOME}$", "a'b#", "~",
        ] {
            let dir = tempfile::tempdir().unwrap();
            let (config, vm) = (dir.path().join("config"), dir.path().join(name).join("web"));
            std::fs::create_dir_all(&vm).unwrap();
            std::fs::write(vm.join("ssh_config"), "Host web.bootc\n  User core\n").unwrap();
            assert!(include(&config, &dir.path().join(name)).unwrap());
            let mut ssh = std::process::Command::new("ssh");
            let output = ssh
                .args(["-G", "-F"])
                .arg(&config)
                .arg("web.bootc")
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(
                text.lines().any(|line| line == "user core"),
                "{name}: {output:?}"
            );
        }
    }

    #[test]
    fn the_include_line_is_added_once_before_all_others() {
        let dir = tempfile::tempdir().unwrap();
        let (real, config) = (dir.path().join("real"), dir.path().join("config"));
        std::fs::write(&real, "Host x\n  User y\n").unwrap();
        std::os::unix::fs::symlink(&real, &config).unwrap();
        assert!(include(&config, Path::new("/d")).unwrap());
        assert!(!include(&config, Path::new("/d")).unwrap());
        let text = std::fs::read_to_string(&real).unwrap();
        assert_eq!(text, "Include \"/d/*/ssh_config\"\n\nHost x\n  User y\n");
        assert!(std::fs::symlink_metadata(&config).unwrap().is_symlink());
        let fresh = dir.path().join("none/config");
        assert!(include(&fresh, Path::new("/d")).unwrap() && fresh.exists());
    }
}
