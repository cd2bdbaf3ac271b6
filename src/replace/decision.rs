//! The way to another image, as the VM and the image decide it.

use std::fmt;

use crate::direct_boot::BOUND_WORD;

/// The first systemd that starts a userspace from another root.
const FIRST_SYSTEMD: u32 = 254;
/// Words of a kernel's command line that are about the root alone.
const ROOT_WORDS: [&str; 2] = ["podman-bootc.root=", "podman-bootc.userxattr"];

/// What decides.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    pub old: Side<'a>,
    pub new: Side<'a>,
    pub same_kernel: bool,
    pub same_initramfs: bool,
    /// The guest's root is a stack of just the image's block images.
    pub same_root: bool,
    /// A running machine takes disks.
    pub plugs: bool,
    /// The user wants a new start.
    pub restart: bool,
}

/// The system that runs, or the image.
#[derive(Debug, Clone)]
pub struct Side<'a> {
    pub systemd: Option<u32>,
    /// The root is a stack of block images.
    pub blocks: bool,
    pub scratch: bool,
    pub cmdline: &'a str,
}

/// The way that a VM takes to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// The VM runs it already.
    None,
    /// The userspace starts again.
    Userspace,
    /// The machine starts anew.
    Machine(Reason),
    /// The VM doesn't run, and its next start boots the image.
    NextStart,
}

impl Way {
    /// The name in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Userspace => "userspace",
            Self::Machine(_) => "machine",
            Self::NextStart => "next-start",
        }
    }
}

/// The reason why the machine starts anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    Asked,
    NoPlugs,
    Kernel,
    Initramfs,
    Arguments,
    Bound,
    /// The systemd of the guest, or of the image.
    Systemd(Option<u32>),
    Served,
    Memory,
    /// The hypervisor's words.
    Ports(String),
    Unseen,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("--restart was given"),
            Self::NoPlugs => f.write_str("this hypervisor gives no disks to a machine that runs"),
            Self::Kernel => f.write_str("the image has another kernel"),
            Self::Initramfs => f.write_str("the image has another initramfs"),
            Self::Arguments => f.write_str("the image has other kernel arguments"),
            Self::Bound => f.write_str("the image has other bound images"),
            Self::Systemd(Some(version)) => write!(
                f,
                "systemd {version} can't restart the userspace from another root: {FIRST_SYSTEMD} can"
            ),
            Self::Systemd(None) => f.write_str("the version of systemd is unknown"),
            Self::Served => f.write_str("its root is a shared folder, not a stack of disks"),
            Self::Memory => f.write_str("its /var is in memory, not on a scratch disk"),
            Self::Ports(why) => write!(f, "the machine takes no more disks ({why})"),
            Self::Unseen => f.write_str("the guest's kernel has no PCI hot plug"),
        }
    }
}

/// Returns the way for a VM that runs.
pub fn decide(facts: &Facts) -> Way {
    let Facts { old, new, .. } = facts;
    let is_old = |version: &Option<u32>| version.is_none_or(|version| version < FIRST_SYSTEMD);
    let systemd = [old.systemd, new.systemd].into_iter().find(is_old);
    let same_boot =
        facts.same_kernel && facts.same_initramfs && same_words(old.cmdline, new.cmdline);
    let obstacles = [
        (facts.restart, Reason::Asked),
        (!facts.same_kernel, Reason::Kernel),
        (!facts.same_initramfs, Reason::Initramfs),
        (bound(old) != bound(new), Reason::Bound),
        (!same_words(old.cmdline, new.cmdline), Reason::Arguments),
        (!old.blocks || !new.blocks, Reason::Served),
        (!old.scratch || !new.scratch, Reason::Memory),
        (!facts.plugs, Reason::NoPlugs),
        (systemd.is_some(), Reason::Systemd(systemd.flatten())),
    ];
    if same_boot && facts.same_root && old.blocks && new.blocks && !facts.restart {
        return Way::None;
    }
    let obstacle = obstacles.into_iter().find(|(holds, _)| *holds);
    match obstacle {
        Some((_, reason)) => Way::Machine(reason),
        None => Way::Userspace,
    }
}

/// Returns the word for the bound images.
fn bound<'a>(side: &Side<'a>) -> Option<&'a str> {
    let mut words = side.cmdline.split_whitespace();
    words.find(|word| word.starts_with(BOUND_WORD))
}

fn same_words(a: &str, b: &str) -> bool {
    let words = |line: &'_ str| -> Vec<String> {
        let is_root = |word: &&str| ROOT_WORDS.iter().any(|root| word.starts_with(root));
        let words = line.split_whitespace();
        words
            .filter(|word| !is_root(word))
            .map(str::to_owned)
            .collect()
    };
    words(a) == words(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(cmdline: &str) -> Side<'_> {
        Side {
            systemd: Some(257),
            blocks: true,
            scratch: true,
            cmdline,
        }
    }

    fn facts() -> Facts<'static> {
        Facts {
            old: side("a podman-bootc.root=root1,root0 b"),
            new: side("a podman-bootc.root=root2,root1,root0 podman-bootc.userxattr b"),
            same_kernel: true,
            same_initramfs: true,
            same_root: false,
            plugs: true,
            restart: false,
        }
    }

    #[test]
    fn the_userspace_restarts_only_where_that_is_enough() {
        type Change = fn(&mut Facts);
        let cases: [(Change, Way); 22] = [
            (|_| {}, Way::Userspace),
            (|f| f.new.systemd = Some(254), Way::Userspace),
            (|f| f.same_root = true, Way::None),
            // The VM runs the image already, whatever its systemd is.
            (
                |f| (f.same_root, f.old.systemd, f.new.systemd) = (true, None, None),
                Way::None,
            ),
            (|f| f.restart = true, Way::Machine(Reason::Asked)),
            (
                |f| (f.restart, f.same_root) = (true, true),
                Way::Machine(Reason::Asked),
            ),
            (
                |f| (f.restart, f.same_kernel) = (true, false),
                Way::Machine(Reason::Asked),
            ),
            (|f| f.same_kernel = false, Way::Machine(Reason::Kernel)),
            (
                |f| (f.same_kernel, f.same_root) = (false, true),
                Way::Machine(Reason::Kernel),
            ),
            (
                |f| f.same_initramfs = false,
                Way::Machine(Reason::Initramfs),
            ),
            (
                |f| f.new.cmdline = "a b c podman-bootc.root=root0",
                Way::Machine(Reason::Arguments),
            ),
            (
                |f| f.old.cmdline = "a b podman-bootc.bound=1",
                Way::Machine(Reason::Bound),
            ),
            (
                |f| {
                    f.old.cmdline = "podman-bootc.bound=1";
                    f.new.cmdline = f.old.cmdline;
                },
                Way::Userspace,
            ),
            (
                |f| (f.same_root, f.new.cmdline) = (true, "b a"),
                Way::Machine(Reason::Arguments),
            ),
            (
                |f| f.old.systemd = Some(253),
                Way::Machine(Reason::Systemd(Some(253))),
            ),
            (
                |f| f.new.systemd = Some(252),
                Way::Machine(Reason::Systemd(Some(252))),
            ),
            (
                |f| f.old.systemd = None,
                Way::Machine(Reason::Systemd(None)),
            ),
            (|f| f.old.blocks = false, Way::Machine(Reason::Served)),
            (|f| f.new.blocks = false, Way::Machine(Reason::Served)),
            (|f| f.old.scratch = false, Way::Machine(Reason::Memory)),
            (|f| f.new.scratch = false, Way::Machine(Reason::Memory)),
            (|f| f.plugs = false, Way::Machine(Reason::NoPlugs)),
        ];
        for (number, (change, way)) in cases.into_iter().enumerate() {
            let mut facts = facts();
            change(&mut facts);
            assert_eq!(decide(&facts), way, "case {number}");
        }
    }
}
