//! The texts on a console that mean that a guest won't come up without a person. A table: each text
//! with its place in a line and its meaning. The texts are from the sources of each program.

use super::console_lines::Line;

/// The part of a line that a text must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The start of the line.
    Start,
    /// The start of a line of the kernel's log.
    Kernel,
    /// The start of the line behind systemd's mark, such as `[  OK  ] `.
    Status,
    /// The whole line, which has no end yet and gets none: a prompt.
    Prompt,
    /// The end of the line.
    End,
}

use Place::{End, Kernel, Prompt, Start, Status};

const EMERGENCY: &str = "the guest is in emergency mode";
const RESCUE: &str = "the guest is in rescue mode";
const INITRAMFS: &str = "the guest's initramfs stopped in its emergency shell";
const WIZARD: &str = "the guest's first-boot setup waits for a key at the console";
const QUESTION: &str = "a program in the guest asks a question at the console";
const PASSPHRASE: &str = "the guest asks for a passphrase at the console";
const GRUB: &str = "GRUB can't boot any entry and waits in its menu";
const GRUB_SHELL: &str = "GRUB waits at its command line";
const GRUB_RESCUE: &str = "GRUB can't read its files and waits at its rescue prompt";
const FIRMWARE: &str = "the firmware found no bootable disk";
const UEFI_SHELL: &str = "the firmware found no bootable disk and waits in the UEFI shell";
const BOOT_SECTOR: &str = "the disk's boot sector can't load the boot loader";
const NO_ENTRY: &str = "systemd-boot found no boot loader entry";
const FROZEN: &str = "the guest's systemd stopped";
const HALTED: &str = "the guest halted";

/// A text, its place, and what it means.
type Row = (Place, &'static str, &'static str);

const TABLE: &[Row] = &[
    // systemd: sulogin-shell.c, units/emergency.target
    (
        Start,
        "You are in emergency mode. After logging in",
        EMERGENCY,
    ),
    (Start, "You are in rescue mode. After logging in", RESCUE),
    (Status, "Reached target emergency.target", EMERGENCY),
    (Status, "Reached target Emergency Mode", EMERGENCY),
    (Status, "Reached target rescue.target", RESCUE),
    (Status, "Reached target Rescue Mode", RESCUE),
    (Start, "[!!!!!!] ", FROZEN),
    (Kernel, "systemd[1]: Freezing execution", FROZEN),
    // util-linux: sulogin.c
    (Start, "Give root password for maintenance", EMERGENCY),
    (
        Start,
        "Give root password for system maintenance",
        EMERGENCY,
    ),
    (
        Start,
        "Enter root password for system maintenance",
        EMERGENCY,
    ),
    (Start, "Press Enter for maintenance", EMERGENCY),
    (Start, "Press Enter for system maintenance", EMERGENCY),
    (
        Start,
        "Cannot open access to console, the root account is locked",
        EMERGENCY,
    ),
    // dracut: dracut-emergency.sh, dracut-lib.sh
    (
        Start,
        "Entering emergency mode. Exit the shell to continue.",
        INITRAMFS,
    ),
    (Kernel, "dracut: Refusing to continue", INITRAMFS),
    (Start, "dracut: Refusing to continue", INITRAMFS),
    // initramfs-tools: scripts/functions, scripts/local
    (End, "Dropping to a shell!", INITRAMFS),
    (Prompt, "(initramfs) ", INITRAMFS),
    // mkinitcpio: init_functions
    (
        Start,
        "You are now being dropped into an emergency shell.",
        INITRAMFS,
    ),
    // systemd: firstboot.c, homectl.c, terminal-util.c, ask-password-api.c
    (Start, "-- Press any key to proceed --", WIZARD),
    (Start, "Please configure your system!", WIZARD),
    (Start, "Please configure your new system!", WIZARD),
    (Start, "Please create your user account!", WIZARD),
    (Start, "Please enter passphrase for disk", PASSPHRASE),
    (Start, "Please enter LUKS2 token PIN", PASSPHRASE),
    (Start, "Please enter security token PIN", PASSPHRASE),
    // initial-setup (Anaconda), jeos-firstboot
    (Start, "Please make your choice from", WIZARD),
    (Start, "Please make a selection from the above", WIZARD),
    (Start, "JeOS Firstboot", WIZARD),
    // GRUB: menu.c, normal/main.c, kern/rescue_reader.c
    (
        Start,
        "Failed to boot both default and fallback entries",
        GRUB,
    ),
    (
        Start,
        "Minimal BASH-like line editing is supported",
        GRUB_SHELL,
    ),
    (Prompt, "grub> ", GRUB_SHELL),
    (Prompt, "grub rescue> ", GRUB_RESCUE),
    // EDK II: BdsEntry.c, ShellProtocol.c; SeaBIOS: boot.c; syslinux: mbr.S; GRUB: boot.S
    (
        Start,
        "BdsDxe: No bootable option or device was found",
        FIRMWARE,
    ),
    (Prompt, "Shell> ", UEFI_SHELL),
    (Start, "No bootable device.", FIRMWARE),
    (Start, "No bootable medium found", FIRMWARE),
    (Start, "Missing operating system", BOOT_SECTOR),
    (Start, "Missing OS", BOOT_SECTOR),
    (Start, "Operating system load error", BOOT_SECTOR),
    (Start, "GRUB Geom Error", BOOT_SECTOR),
    (Start, "GRUB Hard Disk Error", BOOT_SECTOR),
    (Start, "GRUB Read Error", BOOT_SECTOR),
    // systemd: boot.c
    (Start, "No loader found. Configuration files in", NO_ENTRY),
    // Linux: reboot.c
    (Kernel, "reboot: System halted", HALTED),
];

/// The texts at the start of a line that say why.
const CAUSES: &[(&str, Weight)] = &[
    ("[ TIME ] ", Weight::Root),
    ("[FAILED] ", Weight::Root),
    ("[!!!!!!] ", Weight::Root),
    ("[DEPEND] ", Weight::Consequence),
    ("ALERT!  ", Weight::Root),
    ("ERROR: device ", Weight::Root),
    ("error: ", Weight::Root),
    ("BdsDxe: failed to load ", Weight::Root),
    ("BdsDxe: failed to start ", Weight::Root),
    ("Boot failed: ", Weight::Root),
    ("Warning: /dev/", Weight::Root),
];
/// A network boot. It follows the last disk that the firmware couldn't boot: no disk is left.
const NETWORK_BOOT: &[&str] = &[">>Start PXE over IPv", ">>Start HTTP Boot over IPv"];
const DISK_FAILED: &str = "BdsDxe: failed to ";
/// Causes that are kept, and those that a reason names.
const KEPT: usize = 16;
const NAMED: usize = 3;

/// The distance of a failure from the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Root,
    Consequence,
}

/// Reads the lines of one boot.
#[derive(Debug, Default)]
pub struct Signs {
    causes: Vec<(Weight, String)>,
}

/// What a line means for the guest.
#[derive(Debug, PartialEq, Eq)]
pub enum Sign {
    /// The guest won't come up, for this reason.
    Hopeless(String),
    /// The same, if nothing follows: a script can go on behind a prompt.
    Prompt(String),
}

impl Signs {
    /// Returns what a line means.
    pub fn read(&mut self, line: &Line) -> Option<Sign> {
        match line {
            Line::Kernel(message) => {
                self.note(kernel_cause(message));
                let row = find(|place, text| place == Kernel && message.starts_with(text))?;
                Some(self.sign(row))
            }
            Line::Program(text) => {
                self.note(cause(bare(text)));
                self.read_program(bare(text), true)
            }
        }
    }

    /// Returns what a program's line means that has no end yet.
    pub fn read_unfinished(&self, text: &str) -> Option<Sign> {
        self.read_program(bare(text), false)
    }

    fn read_program(&self, line: &str, complete: bool) -> Option<Sign> {
        let status = line.strip_prefix("[  OK  ] ").unwrap_or_default();
        let is = |place, text: &str| match place {
            Start => line.starts_with(text),
            Kernel => false,
            Status => status.starts_with(text),
            Prompt => !complete && line == text,
            End => complete && line.trim_end().ends_with(text),
        };
        let row = find(is)
            .or_else(|| Some((Start, "", question(line)?)))
            .or_else(|| Some((Start, "", self.network_boot(line)?)))?;
        Some(self.sign(row))
    }

    fn sign(&self, (place, text, meaning): Row) -> Sign {
        // Other programs may have written to the console since, so the last lines may lack it.
        let asked = match meaning {
            WIZARD | PASSPHRASE if !text.is_empty() => format!(" (\"{text}\")"),
            _ => String::new(),
        };
        let reason = format!("{meaning}{asked}{}", self.causes());
        match place {
            Prompt => Sign::Prompt(reason),
            _ => Sign::Hopeless(reason),
        }
    }

    fn note(&mut self, cause: Option<(Weight, &str)>) {
        if let Some((weight, text)) = cause
            && self.causes.len() < KEPT
            && !self.causes.iter().any(|(_, known)| known == text)
        {
            self.causes.push((weight, text.to_owned()));
        }
    }

    /// Returns the first failures, and what they brought about where they are few.
    fn causes(&self) -> String {
        let of = |weight| {
            let causes = self.causes.iter();
            causes.filter(move |(other, _)| *other == weight)
        };
        let causes: Vec<&str> = of(Weight::Root)
            .chain(of(Weight::Consequence))
            .map(|(_, text)| text.trim_end_matches('.'))
            .take(NAMED)
            .collect();
        crate::text::colon(&causes.join("; "))
    }

    fn network_boot(&self, line: &str) -> Option<&'static str> {
        let starts = NETWORK_BOOT.iter().any(|text| line.starts_with(text));
        let failed = |(_, cause): &(_, String)| cause.starts_with(DISK_FAILED);
        (starts && self.causes.iter().any(failed)).then_some(FIRMWARE)
    }
}

/// Returns the first row of the table whose place and text match.
fn find(is: impl Fn(Place, &str) -> bool) -> Option<Row> {
    TABLE
        .iter()
        .copied()
        .find(|(place, text, _)| is(*place, text))
}

/// Returns a line without the decoration of a question.
fn bare(line: &str) -> &str {
    line.trim_start_matches(['‣', '🔐', '🔑', ' '])
}

fn cause(line: &str) -> Option<(Weight, &str)> {
    CAUSES.iter().find_map(|(mark, weight)| {
        let text = line.strip_prefix(mark)?;
        // The reason quotes a mark such as `error: `, but not one in brackets.
        let quoted = if mark.starts_with('[') { text } else { line };
        Some((*weight, quoted.trim()))
    })
}

/// Returns why dracut stops, or the device that it waited for in vain. The names of its own
/// programs precede the device.
fn kernel_cause(message: &str) -> Option<(Weight, &str)> {
    let missing = || {
        let (_, text) = message.split_once("dracut-initqueue")?;
        let (_, text) = text.split_once("Warning: ")?;
        text.trim_end().ends_with("does not exist").then_some(text)
    };
    let text = message.strip_prefix("dracut: FATAL: ").or_else(missing)?;
    Some((Weight::Root, text.trim()))
}

/// Returns the meaning of systemd's questions: a sentence with a hint in brackets.
fn question(line: &str) -> Option<&'static str> {
    let question = line.trim_start_matches(['>', ' ']);
    if !question.starts_with("Please enter ") {
        return None;
    }
    if question.contains("(press TAB for no echo)") {
        return Some(QUESTION);
    }
    question.contains("(empty to skip").then_some(WIZARD)
}
