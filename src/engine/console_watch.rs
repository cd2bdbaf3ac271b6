//! Watches a guest's serial console for an end that the guest announces, for a boot that needs a
//! person, and for a lost timer.

use super::console_lines::{ConsoleLines, Line};
use super::hopeless::{Sign, Signs};
use super::kernel_phase::KernelPhase;
use super::outcome::Ended;

/// The first program of a direct boot prints this when it fails: see `vm-assets/direct/init`.
const BOOT_FAILURE: &str = "podman-bootc: direct boot failed: ";
/// The kernel's check for stalls prints this about its thread `rcu_preempt` or `rcu_sched`
/// (tree_stall.h).
const TIMER_LOST: &str = "kthread timer wakeup didn't happen";
/// The kernel's panic when the timer of an emulated machine is late (`check_timer` in its
/// io_apic.c).
const TIMER_LATE: &str = "IO-APIC + timer doesn't work";

/// Reads the output of a serial console.
#[derive(Default)]
pub struct ConsoleWatch {
    lines: ConsoleLines,
    signs: Signs,
    kernel: KernelPhase,
    /// The unfinished line was a sign already.
    told: bool,
    /// The kernel's message about a panic whose end marker has not come yet.
    pub panic: Option<String>,
    /// The kernel reported that a CPU's timer doesn't wake it, or that it has none.
    pub timer_lost: bool,
}

/// What the console says.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// The guest announces its end.
    End(Ended),
    /// The guest won't come up, for this reason.
    Hopeless(String),
    /// The same, if nothing follows.
    Prompt(String),
}

impl ConsoleWatch {
    /// Returns what the guest announces, if it does; the last of several, but an end at once. A
    /// panic needs its end marker, too: a program may print a line of an old log.
    pub fn read(&mut self, bytes: &[u8]) -> Option<Seen> {
        let mut seen = None;
        for &byte in bytes {
            let Some(line) = self.lines.push(byte) else {
                continue;
            };
            if self.kernel.read(&line) {
                // The system before it, or the boot loader, finishes no line any more.
                self.lines.drop_unfinished();
                self.told = false;
            }
            if let Some(ended) = self.read_end(&line) {
                return Some(Seen::End(ended));
            }
            let sign = self.signs.read(&line);
            let was_told = match line {
                Line::Kernel(_) => false,
                Line::Program(_) => std::mem::take(&mut self.told),
            };
            if !was_told {
                seen = sign.map(Seen::from).or(seen);
            }
        }
        if !self.told
            && let Some(line) = self.lines.unfinished()
        {
            let sign = self.signs.read_unfinished(&line);
            self.told = matches!(sign, Some(Sign::Hopeless(_)));
            seen = sign.map(Seen::from).or(seen);
        }
        seen
    }

    /// Returns whether the kernel has started, and none of the image's programs.
    pub fn is_kernel_alone(&self) -> bool {
        self.kernel.lasts() && self.lines.is_blank()
    }

    /// Returns the end that a line announces.
    fn read_end(&mut self, line: &Line) -> Option<Ended> {
        let message = match line {
            Line::Kernel(message) => message,
            Line::Program(text) => {
                let reason = text.strip_prefix(BOOT_FAILURE)?;
                return Some(Ended::Failed(reason.trim().to_owned()));
            }
        };
        // A panic can cut a line of the kernel itself.
        let after = |marker: &str| {
            let cut = || Some(message.split_once(&format!("] {marker}"))?.1);
            message.strip_prefix(marker).or_else(cut).map(str::trim)
        };
        self.timer_lost |= after("rcu: ").is_some_and(|text| text.contains(TIMER_LOST));
        if let Some(reason) = after("Kernel panic - not syncing: ") {
            self.timer_lost |= reason.starts_with(TIMER_LATE);
            self.panic = Some(reason.to_owned());
            return None;
        }
        // With `panic=N`, the kernel announces its restart instead (panic.c).
        let is_over = after("---[ end Kernel panic - not syncing").is_some()
            || after("Rebooting in ").is_some_and(|text| text.ends_with("seconds.."));
        is_over.then(|| self.panic.take().map(Ended::Panic))?
    }
}

impl From<Sign> for Seen {
    fn from(sign: Sign) -> Self {
        match sign {
            Sign::Hopeless(reason) => Self::Hopeless(reason),
            Sign::Prompt(reason) => Self::Prompt(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Ended> {
        match ConsoleWatch::default().read(text.as_bytes()) {
            Some(Seen::End(ended)) => Some(ended),
            _ => None,
        }
    }

    /// Returns why a guest that prints this is hopeless. It prints byte by byte, as an emulated
    /// serial port does, which must not matter.
    fn hopeless(text: &str) -> Option<String> {
        let reason = |seen| match seen {
            Seen::Hopeless(reason) | Seen::Prompt(reason) => Some(reason),
            Seen::End(_) => None,
        };
        let at_once = ConsoleWatch::default()
            .read(text.as_bytes())
            .and_then(reason);
        let mut watch = ConsoleWatch::default();
        let pieces: Vec<Seen> = text
            .as_bytes()
            .chunks(1)
            .filter_map(|byte| watch.read(byte))
            .collect();
        assert!(pieces.len() < 4, "{text}: {pieces:?}");
        let by_bytes = pieces.into_iter().next_back().and_then(reason);
        assert_eq!(at_once.is_some(), by_bytes.is_some(), "{text}");
        at_once.or(by_bytes)
    }

    #[test]
    fn a_panic_has_two_lines() {
        let mut watch = ConsoleWatch::default();
        let text = "[   12.300000] x\r\n[   12.400000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\r\n\
            [   12.500000] CPU: 0\r\n[   12.600000] ---[ end Kernel panic - not syncing: Attempted to kill init! ]---\r\n";
        let (first, second) = text.split_at(60);
        assert_eq!(watch.read(first.as_bytes()), None);
        let panic = "Attempted to kill init! exitcode=0x00000100".to_owned();
        let end = Some(Seen::End(Ended::Panic(panic)));
        assert_eq!(watch.read(second.as_bytes()), end);
        let failure = read("podman-bootc: direct boot failed: no root\n");
        assert_eq!(failure, Some(Ended::Failed("no root".into())));
    }

    #[test]
    fn a_panic_can_follow_half_a_line() {
        let own = "[   12.300000] usb 1-1: ne[   12.400000] Kernel panic - not syncing: x\r\n\
            [   12.500000] CPU[   12.600000] ---[ end Kernel panic - not syncing: x ]---\r\n";
        assert_eq!(read(own), Some(Ended::Panic("x".into())));
        let text = "         Starting udev...[   12.400000] Kernel panic - not syncing: sysrq triggered crash\r\n\
            [  OK  ] Started[   12.600000] ---[ end Kernel panic - not syncing: sysrq triggered crash ]---\r\n";
        assert_eq!(
            read(text),
            Some(Ended::Panic("sysrq triggered crash".into()))
        );
    }

    #[test]
    fn the_kernel_can_write_into_a_question() {
        // Linux 6.12, systemd 257 and a setup program.
        for text in [
            "-- Press any ke[   11.388241] systemd[1]: Finished x.\r\ny to proceed --",
            "\x1b]3008;start=1[   11.388241] systemd[1]: Finished x.\r\nf;type=service\x1b\\-- Press any key to proceed --",
        ] {
            let asked = "the guest's first-boot setup waits for a key at the console (\"-- Press any key to proceed --\")";
            assert_eq!(hopeless(text).as_deref(), Some(asked), "{text}");
        }
        let mut watch = ConsoleWatch::default();
        let prompt = |seen| matches!(seen, Some(Seen::Prompt(_)));
        assert!(prompt(watch.read(b"(initramfs) ")));
        assert!(
            prompt(watch.read(b"[   11.388241] usb 1-1: x\r\n")),
            "it still waits"
        );
        assert_eq!(watch.read(b"exit\r\n"), None);
    }

    #[test]
    fn a_kernel_begins_behind_half_a_line() {
        let mut watch = ConsoleWatch::default();
        watch.read(b"Booting from ROM..");
        assert!(!watch.is_kernel_alone());
        watch.read(b"[    0.000000] Linux version 6.12\r\n[    0.0");
        assert!(watch.is_kernel_alone());
        watch.read(b"00000] x\r\nPress any key");
        assert!(!watch.is_kernel_alone());
    }

    #[test]
    fn a_lost_timer_is_not_a_mere_stall() {
        let mut watch = ConsoleWatch::default();
        watch.read(b"[   25.025276] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\r\n");
        assert!(!watch.timer_lost, "an emulated guest may be slow");
        let line = b"[   25.065714] rcu: rcu_preempt kthread timer wakeup didn't happen for 5251 jiffies! g-983 f0x0\r\n";
        assert_eq!(watch.read(line), None);
        assert!(watch.timer_lost);
        let mut watch = ConsoleWatch::default();
        watch.read(b"[    0.032000] Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug\r\n");
        assert!(watch.timer_lost);
    }

    #[test]
    fn a_log_that_quotes_a_panic_is_not_a_panic() {
        let text = "Nov 21 host kernel: Kernel panic - not syncing: x\n\
            Nov 21 host kernel: ---[ end Kernel panic - not syncing: x ]---\n\
            [   12.400000] Kernel panic - not syncing: only half\n";
        assert_eq!(read(text), None);
    }

    #[test]
    fn a_kernel_that_restarts_after_a_panic_has_panicked() {
        // Linux 6.12 with `panic=3`.
        let text = "[    1.900000] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n\
            [    1.900000] CPU: 0 UID: 0 PID: 1 Comm: swapper/0 Not tainted\r\n\
            [    1.900000] Kernel Offset: 0x2a00000 from 0xffffffff81000000\r\n\
            [    1.900000] Rebooting in 3 seconds..\r\n";
        let reason = "VFS: Unable to mount root fs on unknown-block(0,0)".to_owned();
        assert_eq!(read(text), Some(Ended::Panic(reason)));
        assert_eq!(read("[    1.900000] Rebooting in 3 seconds..\n"), None);
    }

    #[test]
    fn a_guest_that_waits_for_a_person_is_hopeless() {
        for (program, text, reason) in [
            (
                "systemd 252",
                "[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39mlocal-fs-pre.target\x1b[0m - Preparation for Local File Systems.\r\n\
                 [ \x1b[0;31m*\x1b[0;1;31m*\x1b[0m\x1b[0;31m*\x1b[0m] (1 of 2) Job dev-vdz.device/start running (1min 29s / 1min 30s)\r\n\
                 \r\x1b[K[\x1b[0;1;31m TIME \x1b[0m] Timed out waiting for device \x1b[0;1;39mdev-vdz.device\x1b[0m - /dev/vdz.\r\n\
                 [\x1b[0;1;38:5:185mDEPEND\x1b[0m] Dependency failed for \x1b[0;1;39mmnt-data.mount\x1b[0m - /mnt/data.\r\n\
                 [\x1b[0;1;38:5:185mDEPEND\x1b[0m] Dependency failed for \x1b[0;1;39mlocal-fs.target\x1b[0m - Local File Systems.\r\n\
                 [\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39memergency.service\x1b[0m - Emergency Shell.\r\n\
                 [\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39memergency.target\x1b[0m - Emergency Mode.\r\n",
                "the guest is in emergency mode: Timed out waiting for device dev-vdz.device - /dev/vdz; \
                 Dependency failed for mnt-data.mount - /mnt/data; \
                 Dependency failed for local-fs.target - Local File Systems",
            ),
            (
                "systemd 257",
                "[\x1b[0;1;31mFAILED\x1b[0m] Failed to mount \x1b[0;1;39mmnt-data.mount\x1b[0m - /mnt/data.\r\n\
                 See 'systemctl status mnt-data.mount' for details.\r\n\
                 \x1b]3008;start=1f;type=service\x1b\\You are in emergency mode. After logging in, type \"journalctl -xb\" to view\r\n",
                "the guest is in emergency mode: Failed to mount mnt-data.mount - /mnt/data",
            ),
            (
                "systemd, rescue.target",
                "You are in rescue mode. After logging in, type \"journalctl -xb\" to view\r\n\
                 system logs, \"systemctl reboot\" to reboot, or \"exit\"\r\nto continue bootup.\r\n",
                "the guest is in rescue mode",
            ),
            (
                "systemd, an old one",
                "[  OK  ] Reached target Emergency Mode.\n",
                "the guest is in emergency mode",
            ),
            (
                "systemd that can't go on",
                "[\x1b[0;1;31m!!!!!!\x1b[0m] Failed to load SELinux policy.\r\n",
                "the guest's systemd stopped: Failed to load SELinux policy",
            ),
            (
                "sulogin, root locked",
                "\r\nCannot open access to console, the root account is locked.\r\nSee sulogin(8) man page for more details.\r\n",
                "the guest is in emergency mode",
            ),
            (
                "sulogin",
                "Give root password for maintenance\r\n(or press Control-D to continue): ",
                "the guest is in emergency mode",
            ),
            (
                "dracut",
                "[  195.700000] dracut-initqueue[403]: Warning: /dev/disk/by-uuid/00000000-0000-0000-0000-000000000000 does not exist\r\n\
                 \r\nGenerating \"/run/initramfs/rdsosreport.txt\"\r\n\r\n\r\n\
                 Entering emergency mode. Exit the shell to continue.\r\nType \"journalctl\" to view system logs.\r\n",
                "the guest's initramfs stopped in its emergency shell: \
                 /dev/disk/by-uuid/00000000-0000-0000-0000-000000000000 does not exist",
            ),
            (
                "dracut with rd.shell=0",
                "[    5.100000] dracut: FATAL: Don't know how to handle 'root=x'\r\n[    5.100000] dracut: Refusing to continue\r\n",
                "the guest's initramfs stopped in its emergency shell: Don't know how to handle 'root=x'",
            ),
            (
                "initramfs-tools",
                "Gave up waiting for root file system device.  Common problems:\r\n - Boot args (cat /proc/cmdline)\r\n\
                 ALERT!  UUID=0000 does not exist.  Dropping to a shell!\r\n\r\nBusyBox v1.37.0 (Debian 1:1.37.0-6) built-in shell (ash)\r\n\
                 Enter 'help' for a list of built-in commands.\r\n\r\n",
                "the guest's initramfs stopped in its emergency shell: \
                 ALERT!  UUID=0000 does not exist.  Dropping to a shell!",
            ),
            (
                "initramfs-tools' prompt",
                "\x1b[6n(initramfs) ",
                "the guest's initramfs stopped in its emergency shell",
            ),
            (
                "systemd-firstboot",
                "\r\nWelcome to your new installation of Fedora Linux!\r\nPlease configure your system!\r\n",
                "the guest's first-boot setup waits for a key at the console (\"Please configure your system!\")",
            ),
            (
                "systemd-firstboot's key",
                "\r\n-- Press any key to proceed --",
                "the guest's first-boot setup waits for a key at the console (\"-- Press any key to proceed --\")",
            ),
            (
                "systemd-firstboot's question",
                "\r\n‣ Please enter the new timezone name or number (empty to skip, \"list\" to list options): ",
                "the guest's first-boot setup waits for a key at the console",
            ),
            (
                "systemd-homed-firstboot",
                "> Please enter user name to create (empty to skip): ",
                "the guest's first-boot setup waits for a key at the console",
            ),
            (
                "systemd-cryptsetup",
                "\r\n🔐 Please enter passphrase for disk vda3 (root): (press TAB for no echo) ",
                "the guest asks for a passphrase at the console (\"Please enter passphrase for disk\")",
            ),
            (
                "initial-setup",
                "Please make your choice from above ['q' to quit | 'c' to continue | 'r' to refresh]: ",
                "the guest's first-boot setup waits for a key at the console (\"Please make your choice from\")",
            ),
            (
                "GRUB",
                "\x1b[H\x1b[J  Booting `Linux'\r\n\r\nerror: ../../grub-core/fs/fshelp.c:257:file `/vmlinuz' not found.\r\n\
                 error: ../../grub-core/loader/i386/linux.c:1258:you need to load the kernel first.\r\n\r\n\
                 Failed to boot both default and fallback entries.\r\n\r\nPress any key to continue...",
                "GRUB can't boot any entry and waits in its menu: \
                 error: ../../grub-core/fs/fshelp.c:257:file `/vmlinuz' not found; \
                 error: ../../grub-core/loader/i386/linux.c:1258:you need to load the kernel first",
            ),
            (
                "GRUB's rescue shell",
                "error: no such device: 2f0b6f2c-0000.\r\nEntering rescue mode...\r\ngrub rescue> ",
                "GRUB can't read its files and waits at its rescue prompt: error: no such device: 2f0b6f2c-0000",
            ),
            (
                "GRUB without a configuration",
                "\x1b[2J\x1b[01;01H   Minimal BASH-like line editing is supported. For the first word, TAB\r\n",
                "GRUB waits at its command line",
            ),
            (
                "EDK II",
                "\x1b[2J\x1b[01;01HBdsDxe: failed to load Boot0001 \"UEFI Misc Device\" from PciRoot(0x0)/Pci(0x2,0x0): Not Found\r\n\
                 BdsDxe: No bootable option or device was found.\r\nBdsDxe: Press any key to enter the Boot Manager Menu.\r\n",
                "the firmware found no bootable disk: \
                 BdsDxe: failed to load Boot0001 \"UEFI Misc Device\" from PciRoot(0x0)/Pci(0x2,0x0): Not Found",
            ),
            (
                "EDK II with a network card",
                "\x1b[01;01HBdsDxe: failed to load Boot0001 \"UEFI Misc Device\" from PciRoot(0x0)/Pci(0x1,0x0): Not Found\r\n\r\n>>Start PXE over IPv4.",
                "the firmware found no bootable disk: \
                 BdsDxe: failed to load Boot0001 \"UEFI Misc Device\" from PciRoot(0x0)/Pci(0x1,0x0): Not Found",
            ),
            (
                "UEFI shell",
                "UEFI Interactive Shell v2.2\r\nPress \x1b[1mESC\x1b[0m in 1 seconds to skip \x1b[1mstartup.nsh\x1b[0m or any other key to continue.\r\n\x1b[1m\x1b[33m\x1b[40mShell> ",
                "the firmware found no bootable disk and waits in the UEFI shell",
            ),
            (
                "SeaBIOS",
                "Booting from Hard Disk...\r\nBoot failed: not a bootable disk\r\n\r\nBooting from Floppy...\r\n\
                 Boot failed: could not read the boot disk\r\n\r\nNo bootable device.\r\n",
                "the firmware found no bootable disk: Boot failed: not a bootable disk; \
                 Boot failed: could not read the boot disk",
            ),
            (
                "systemd-boot",
                "No loader found. Configuration files in \\loader\\entries\\*.conf are needed.\r\n",
                "systemd-boot found no boot loader entry",
            ),
            (
                "Linux",
                "[   44.200000] reboot: System halted\r\n",
                "the guest halted",
            ),
        ] {
            assert_eq!(hopeless(text).as_deref(), Some(reason), "{program}");
        }
    }

    #[test]
    fn a_guest_that_goes_on_is_not_hopeless() {
        for text in [
            "[\x1b[0;1;31mFAILED\x1b[0m] Failed to start failing.service - A unit that fails.\r\n",
            "[  OK  ] Stopped target emergency.target - Emergency Mode.\r\n",
            "echo You are in emergency mode. After logging in\r\n",
            "Nov 28 18:00:00 host sshd[1]: Failed to boot both default and fallback entries\r\n",
            "Press any key to continue...\r\n  Booting `Linux'\r\n",
            "BdsDxe: loading Boot0001 \"UEFI Misc Device\" from PciRoot(0x0)/Pci(0x2,0x0)\r\n",
            ">>Start PXE over IPv4.",
            "Shell> fs0:\\EFI\\BOOT\\BOOTX64.EFI\r\n",
            "GRUB loading...\r\nWelcome to GRUB!\r\n",
            "[   12.400000] reboot: Restarting system\r\n",
            "Please enter the dragon\r\n",
            "Welcome to Debian GNU/Linux 13 (trixie)!\r\n",
            "localhost login: ",
        ] {
            let mut watch = ConsoleWatch::default();
            assert_eq!(watch.read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_a_guest_sends_is_bounded() {
        let mut watch = ConsoleWatch::default();
        for noise in [&b"x"[..], b"\x1b]x", b"\x1b[0;", b"[FAILED] y\n", b"\xff"] {
            assert_eq!(watch.read(&noise.repeat(100_000)), None);
        }
        let text = b"\r\nFailed to boot both default and fallback entries.\r\n";
        assert!(matches!(watch.read(text), Some(Seen::Hopeless(_))));
    }
}
