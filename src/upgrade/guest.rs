//! The scripts in the guest, and what they print.

use super::decision::Action;
use super::drop_in;
use super::status::{self, Status};
use crate::guest::shell::quote;
use crate::vm::boot;

/// A line of this beginning is ours; all others are of the guest's programs.
const MARK: &str = "@podman-bootc-";
/// Lines of the guest's programs that an error quotes.
const LAST_LINES: usize = 6;
const STATUS: &str = "bootc status --format=json --format-version=1";

/// Something that an upgrade needs in the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Need {
    #[error("the user needs root's rights: log in as root, or let `sudo -n` work")]
    Root,
    #[error("the image has no `bootc`")]
    Bootc,
    #[error("the image has no `skopeo`, with which bootc pulls: install skopeo in the image")]
    Skopeo,
    #[error(
        "the image has no `podman`, which bootc needs for each pull: install podman in the image"
    )]
    Podman,
    #[error(
        "the image has no `/etc/containers/policy.json`, which skopeo needs: install \
         containers-common in the image"
    )]
    Policy,
    #[error(
        "root's own `.config/containers/registries.conf` hides `/etc/containers/registries.conf.d`: \
         move it away"
    )]
    OwnRegistries,
}

/// The guest before the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    pub status: Status,
    /// Free bytes of the root filesystem, if the guest tells.
    pub free: Option<u64>,
}

/// The guest after `bootc` has run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// None if `bootc` failed.
    pub status: Option<Status>,
    /// The last lines of the guest's programs.
    pub lines: Vec<String>,
}

impl Done {
    /// Returns whether `bootc rollback` with ostree has left the booted version as the next.
    pub fn takes_rollback_back(&self) -> bool {
        let status = self.status.as_ref();
        status.is_some_and(|status| !status.booted.composefs && !status.rollback_queued)
    }
}

/// An answer of the guest that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error(transparent)]
    Need(#[from] Need),
    #[error(transparent)]
    Status(#[from] status::Error),
    #[error("`bootc status` failed in the guest{}", crate::text::colon(.0))]
    NoStatus(String),
}

/// Returns the script that looks at the guest. It also prints what [`boot::Seen`] reads.
pub fn look() -> String {
    let script = as_root(&format!(
        "for program in bootc skopeo podman; do
    command -v $program >/dev/null || echo {MARK}missing $program
done
[ -e /etc/containers/policy.json ] || echo {MARK}missing policy
[ ! -e ~/.config/containers/registries.conf ] || echo {MARK}missing registries
echo {MARK}free $(df --output=avail -B1 /sysroot 2>/dev/null | tail -n 1)
{PRINT_STATUS}",
        PRINT_STATUS = print_status(),
    ));
    // All in one: each command costs an emulated guest a part of a second.
    format!("{}; {script}", boot::LINE)
}

/// Returns the script that asks bootc for the deployments only.
pub fn deployments() -> String {
    as_root(&print_status())
}

/// Returns the script that also tells whether the next root is mounted, which
/// `systemctl soft-reboot` enters.
pub fn next_root() -> String {
    as_root(&format!(
        "echo {MARK}next $(grep -c ' /run/nextroot ' /proc/self/mountinfo)
{}",
        print_status()
    ))
}

/// Returns the script that shows why a staged deployment didn't become the default.
pub fn finalization() -> String {
    as_root(
        "journalctl --boot=-1 --no-pager --output=cat --lines=6 \
         --unit=bootc-finalize-staged --unit=ostree-finalize-staged",
    )
}

/// Lets bootc prepare a reboot without the kernel.
pub const SOFT_REBOOT: &str = "--soft-reboot=auto";

/// Returns the script that runs bootc, with the drop-in for it alone. It ends bootc when the
/// session breaks, which it sees as the end of its input.
pub fn change(action: &Action, words: &[&str], drop_in: Option<&str>) -> String {
    let verb = match action {
        Action::Switch => "switch",
        Action::Rollback => "rollback",
        Action::None | Action::Reboot | Action::Unlock | Action::Upgrade => "upgrade",
    };
    let (soft, words): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| **word == SOFT_REBOOT);
    let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
    // bootc before 1.7 doesn't know the option.
    let soft = match soft.first() {
        Some(word) => {
            format!("$(bootc {verb} --help 2>&1 | grep -q -e --soft-reboot && echo {word})")
        }
        None => String::new(),
    };
    let command = format!("bootc {verb} {soft} {}", words.join(" "));
    let command = match drop_in {
        Some(content) => drop_in::with(content, &command),
        None => format!("exec {command}"),
    };
    as_root(&format!(
        "trap 'exit 129' HUP INT TERM
exec 3<&0
({command}) </dev/null 3<&- &
bootc=$!
(while read -r line <&3; do :; done; kill $bootc; sleep 2; kill -9 $bootc) >/dev/null 2>&1 &
watch=$!
wait $bootc
code=$?
kill -9 $watch 2>/dev/null
[ $code = 0 ] || exit $code
{PRINT_STATUS}",
        PRINT_STATUS = print_status(),
    ))
}

/// bootc needs what udev knows of the disk, so it can fail in a system that still starts.
fn print_status() -> String {
    format!(
        "is_starting() {{
    case $(systemctl is-system-running 2>/dev/null) in initializing|starting) ;; *) false ;; esac
}}
until status=$({STATUS} 2>/dev/null) || ! is_starting; do sleep 1; done
[ -n \"$status\" ] || status=$({STATUS}) || :
echo {MARK}status \"$(echo \"$status\" | tr -d '\\n')\""
    )
}

/// Runs a script with root's rights.
fn as_root(script: &str) -> String {
    let script = quote(&format!("echo {MARK}root; {script}"));
    format!(
        "if [ \"$(id -u)\" = 0 ]; then exec sh -c {script}; else exec sudo -n sh -c {script}; fi"
    )
}

/// Reads what [`look`] printed.
///
/// # Errors
/// The guest lacks something, or its bootc doesn't tell its deployments.
pub fn read_look(output: &str) -> Result<Look, Unfit> {
    must_be_root(output)?;
    if let Some(what) = value(output, "missing") {
        return Err(match what {
            "bootc" => Need::Bootc,
            "skopeo" => Need::Skopeo,
            "podman" => Need::Podman,
            "registries" => Need::OwnRegistries,
            _ => Need::Policy,
        }
        .into());
    }
    Ok(Look {
        free: value(output, "free").and_then(|text| text.parse().ok()),
        status: read_status(output)?,
    })
}

/// Reads what [`deployments`] printed.
///
/// # Errors
/// As for [`read_look`].
pub fn read_deployments(output: &str) -> Result<Status, Unfit> {
    must_be_root(output)?;
    read_status(output)
}

/// Reads what [`next_root`] printed: whether the guest can restart its userspace into what is
/// staged.
///
/// # Errors
/// As for [`read_look`].
pub fn read_next_root(output: &str) -> Result<bool, Unfit> {
    must_be_root(output)?;
    // bootc may have staged it without a wish for a soft reboot.
    let is_mounted = value(output, "next").is_some_and(|count| !matches!(count, "" | "0"));
    let staged = read_status(output)?.staged;
    Ok(is_mounted && staged.is_some_and(|staged| staged.soft_reboot))
}

/// Reads what [`change`] printed.
///
/// # Errors
/// The guest's bootc doesn't tell its deployments.
pub fn read_change(code: i32, output: &str) -> Result<Done, Unfit> {
    must_be_root(output)?;
    Ok(Done {
        status: match code {
            0 => Some(read_status(output)?),
            _ => None,
        },
        lines: last_lines(output),
    })
}

/// Returns the last lines of the guest's programs.
pub fn last_lines(output: &str) -> Vec<String> {
    let lines = output.lines().map(crate::text::plain);
    let mut lines: Vec<String> = lines
        .map(|line| line.trim_end().to_owned())
        .filter(|line| !line.is_empty() && !line.starts_with(MARK))
        .collect();
    lines.split_off(lines.len().saturating_sub(LAST_LINES))
}

fn read_status(output: &str) -> Result<Status, Unfit> {
    match value(output, "status") {
        None | Some("") => Err(Unfit::NoStatus(last_lines(output).join("; "))),
        Some(text) => Ok(Status::parse(text)?),
    }
}

fn must_be_root(output: &str) -> Result<(), Need> {
    value(output, "root").map(drop).ok_or(Need::Root)
}

fn value<'a>(output: &'a str, name: &str) -> Option<&'a str> {
    output.lines().find_map(|line| {
        let rest = line.strip_prefix(MARK)?.strip_prefix(name)?;
        Some(rest.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::super::status::tests::output;
    use super::*;

    fn text(lines: &[&str]) -> String {
        lines.join("\n").replace('@', MARK)
    }

    #[test]
    fn each_need_of_the_guest_has_its_error() {
        let status = format!("@status {}", output(["a", "", ""], true).replace('\n', ""));
        let look = |lines: &[&str]| read_look(&text(lines));
        let fit = look(&["@root", "@free  1048576", &status]).unwrap();
        assert_eq!(fit.free, Some(1 << 20));
        assert_eq!(fit.status.booted.digest, "sha256:a");
        for (lines, need) in [
            (&["sudo: a password is required"][..], Need::Root),
            (&["@root", "@missing bootc", "@status"], Need::Bootc),
            (&["@root", "@missing skopeo", &status], Need::Skopeo),
            (&["@root", "@missing podman", &status], Need::Podman),
            (&["@root", "@missing policy", &status], Need::Policy),
            (
                &["@root", "@missing registries", &status],
                Need::OwnRegistries,
            ),
        ] {
            assert_eq!(look(lines), Err(need.into()), "{lines:?}");
        }
        let failed = look(&["@root", "@free", "error: no", "@status "]);
        assert_eq!(failed, Err(Unfit::NoStatus("error: no".into())));
    }

    #[test]
    fn only_a_root_that_bootc_has_prepared_is_reached_without_the_kernel() {
        let status = |slots, capable: bool| {
            let text = output(slots, true).replace('\n', "");
            let capable = format!("\"softRebootCapable\":{capable}");
            format!(
                "@status {}",
                text.replace("\"softRebootCapable\":false", &capable)
            )
        };
        for (next, slots, capable, is_soft) in [
            ("@next 1", ["a", "b", ""], true, true),
            ("@next 0", ["a", "b", ""], true, false),
            ("@next", ["a", "b", ""], true, false),
            ("@next 1", ["a", "b", ""], false, false),
            ("@next 1", ["a", "", "b"], true, false),
        ] {
            let output = text(&["@root", next, &status(slots, capable)]);
            assert_eq!(
                read_next_root(&output),
                Ok(is_soft),
                "{next} {slots:?} {capable}"
            );
        }
    }

    #[test]
    fn a_rollback_that_ostree_takes_back_is_noticed() {
        for (composefs, queued, is_back) in [
            (false, false, true),
            (false, true, false),
            (true, false, false),
        ] {
            let text = output(["a", "", "b"], composefs).replace('\n', "");
            let status = text.replace(
                "\"rollbackQueued\":false",
                &format!("\"rollbackQueued\":{queued}"),
            );
            let done = read_change(0, &format!("{MARK}root\n{MARK}status {status}")).unwrap();
            assert_eq!(done.takes_rollback_back(), is_back, "{composefs} {queued}");
        }
    }

    #[test]
    fn the_last_lines_of_the_guests_programs_are_kept() {
        let lines: Vec<String> = (1..=9).map(|n| format!("line {n}\r")).collect();
        let output = format!("{MARK}root\n{}\n\n", lines.join("\n"));
        let done = read_change(1, &output).unwrap();
        assert_eq!(done.status, None);
        assert_eq!(done.lines.first().unwrap(), "line 4");
        assert_eq!(done.lines.len(), 6);
    }

    /// Runs a script with these programs in place of the guest's. Returns its exit code, its
    /// output, and the files that are left in `/etc/containers`.
    #[cfg(target_os = "linux")]
    fn run(script: &str, bootc: &str, input: std::process::Stdio) -> (i32, String, Vec<String>) {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let program = |name: &str, text: &str| {
            let file = dir.path().join(name);
            std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        let etc = dir.path().join("etc");
        std::fs::create_dir(&etc).unwrap();
        std::fs::write(etc.join("policy.json"), "{}").unwrap();
        let (etc_path, cover) = (etc.to_str().unwrap(), dir.path().join("cover"));
        program("bootc", &bootc.replace("ETC", etc_path));
        program("id", "echo 0");
        let path = format!(
            "{}:{}",
            dir.path().display(),
            std::env::var("PATH").unwrap()
        );
        // A user who isn't root mounts in a namespace of users.
        let script = script
            .replace(drop_in::ETC, etc_path)
            .replace(drop_in::COVER, cover.to_str().unwrap())
            .replace("unshare", "unshare --map-root-user");
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .env("PATH", path)
            .stdin(input)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let left = crate::host::fs::file::entries(&etc);
        (
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&said).into_owned(),
            left.map(|entry| entry.file_name().into_string().unwrap())
                .collect(),
        )
    }

    #[cfg(target_os = "linux")]
    #[test]
    #[cfg_attr(
        not(target_arch = "x86_64"),
        ignore = "`tests/cross.sh` runs in a chroot, where nobody makes namespaces of mounts"
    )]
    fn the_drop_in_is_there_for_bootc_alone() {
        use std::process::Stdio;
        let content = "prefix = \"it's $HOME\"\n";
        let script = change(&Action::Switch, &["--quiet", "a b"], Some(content));
        // A pipe whose other end stays open, as in a session that lasts.
        let open = || {
            let mut sleep = std::process::Command::new("sleep");
            let mut child = sleep.arg("20").stdout(Stdio::piped()).spawn().unwrap();
            (Stdio::from(child.stdout.take().unwrap()), child)
        };
        let see = "cat ETC/policy.json ETC/registries.conf.d/zz-podman-bootc.conf";
        let works = format!("[ \"$1\" = status ] && echo '{{}}' && exit; echo \"$@\"; {see}");
        for (bootc, code, says) in [
            (
                &*works,
                0,
                "switch --quiet a b\n{}prefix = \"it's $HOME\"\n",
            ),
            (
                &format!("{see}; echo no >&2; exit 3"),
                3,
                "prefix = \"it's $HOME\"\n",
            ),
            ("kill -9 $$", 137, ""),
            // Whoever kills the script, nothing remains.
            ("kill -9 $PPID", -1, ""),
        ] {
            let (input, mut child) = open();
            let (exit, text, left) = run(&script, bootc, input);
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(
                (exit, &*left),
                (code, &["policy.json".into()][..]),
                "{text}"
            );
            assert!(text.contains(says), "{bootc}: {text}");
        }
        // The session breaks.
        let (code, text, left) = run(&script, "exec sleep 60", Stdio::null());
        assert!(
            matches!(code, 137 | 143) && left == ["policy.json"],
            "{code} {text}"
        );
    }
}
