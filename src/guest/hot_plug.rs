//! Shell lines for devices that come and go while a guest runs, and their output.

use super::boot::shares::{self, Share};
use super::shell::{quote, script_as_root};
use crate::hypervisor::Shares;
use crate::text;

/// Seconds that a guest gets to notice a new device.
const NOTICE: u32 = 20;

/// Sets `disk` to the name of the disk with this serial, or to nothing.
const FIND_DISK: &str = "find_disk() {\n\
    disk=\n\
    for block in /sys/block/vd*; do\n\
    read -r serial <\"$block/serial\"\n\
    if [ \"$serial\" = \"$1\" ]; then disk=${block##*/}; fi\n\
    done 2>/dev/null\n\
    }\n";

/// Prints `user PID NAME` for each process with an open file that the shell pattern matches, and
/// for each process in a folder below `$1`.
const USERS: &str = "users() {\n\
    ls -l /proc/[0-9]*/cwd /proc/[0-9]*/root /proc/[0-9]*/exe /proc/[0-9]*/fd/ 2>/dev/null |\n\
    while IFS= read -r line; do\n\
    case $line in\n\
    /proc/*/fd/:) inside=${line#/proc/}; inside=${inside%%/*} ;;\n\
    *\" -> $1\"|*\" -> $1/\"*)\n\
    process=$inside\n\
    case $line in *' /proc/'*) process=${line##*' /proc/'}; process=${process%%/*} ;; esac\n\
    echo user $process \"$(cat /proc/$process/comm)\" ;;\n\
    esac\n\
    done\n\
    for maps in $(grep -l -F \" $1/\" /proc/[0-9]*/maps 2>/dev/null); do\n\
    process=${maps#/proc/}; process=${process%%/*}\n\
    echo user $process \"$(cat /proc/$process/comm)\"\n\
    done\n\
    }\n";

/// Returns a shell line that mounts a share which the machine has just got. It prints `TAG MESSAGE`
/// if that fails.
pub fn mount_line(number: usize, share: &Share, transport: Shares) -> String {
    let (tag, target) = (shares::tag(number), quote(&share.target));
    let mount = shares::mount(share, transport);
    script_as_root(&format!(
        "if ! grep -q '^{tag} ' /proc/mounts; then\n\
         message=$(mkdir -p {target} 2>&1) || {{ echo {tag} $message; exit; }}\n\
         tries=0\n\
         until message=$({mount} {tag} {target} 2>&1); do\n\
         case $message in *'unknown filesystem'*) tries=1000 ;; esac\n\
         tries=$((tries + 1))\n\
         [ $tries -lt {} ] || {{ echo {tag} $message; exit; }}\n\
         sleep 0.2\n\
         done\n\
         fi",
        NOTICE * 5
    ))
}

/// Returns a shell line that unmounts a share. If that fails, it prints a line `MESSAGE` and one
/// for each process that uses the share.
pub fn unmount_line(number: usize, share: &Share) -> String {
    let (tag, target) = (shares::tag(number), quote(&share.target));
    script_as_root(&format!(
        "{USERS}if grep -q '^{tag} ' /proc/mounts; then\n\
         umount {target} 2>&1 || users \"$(readlink -f {target})\"\n\
         fi"
    ))
}

/// Returns a shell line that waits for a disk and prints its device, or nothing.
pub fn wait_for_disk_line(serial: &str) -> String {
    let serial = quote(serial);
    format!(
        "{FIND_DISK}tries=0\n\
         until find_disk {serial}; [ \"$disk\" ]; do\n\
         tries=$((tries + 1))\n\
         [ $tries -lt {} ] || exit 0\n\
         sleep 0.2\n\
         done\n\
         echo /dev/$disk\n\
         tries=0\n\
         until [ -e /dev/disk/by-id/virtio-{serial} ] || [ $tries = 25 ]; do\n\
         tries=$((tries + 1))\n\
         sleep 0.2\n\
         done",
        NOTICE * 5
    )
}

/// Returns a shell line that prints the users of a disk and of its partitions: `mount FOLDER`,
/// `swap DEVICE`, `holder NAME` or `user PID NAME`.
pub fn disk_users_line(serial: &str) -> String {
    script_as_root(&format!(
        "{USERS}{FIND_DISK}find_disk {}\n\
         [ \"$disk\" ] || exit 0\n\
         for part in /sys/block/$disk /sys/block/$disk/$disk*; do\n\
         [ -e $part/dev ] || continue\n\
         device=/dev/${{part##*/}}\n\
         while read -r source folder rest; do\n\
         [ \"$source\" != $device ] || echo mount \"$folder\"\n\
         done </proc/1/mounts\n\
         if grep -q \"^$device \" /proc/swaps; then echo swap $device; fi\n\
         for holder in $part/holders/*; do\n\
         [ ! -e $holder ] || echo holder ${{holder##*/}}\n\
         done\n\
         users $device\n\
         done",
        quote(serial)
    ))
}

/// Puts the output of [`unmount_line`] or [`disk_users_line`] into words. Returns none if nothing
/// uses the folder or the disk.
pub fn in_use(output: &str) -> Option<String> {
    let mut users: Vec<String> = Vec::new();
    for line in output.lines() {
        let line = text::plain(line);
        let user = match line.split_once(' ') {
            Some(("user", process)) => {
                let (id, name) = process.split_once(' ').unwrap_or((process, "process"));
                format!("{name} (process {id}) uses it")
            }
            Some(("mount", folder)) => format!("it is mounted at {folder}"),
            Some(("swap", device)) => format!("{device} is swap space"),
            Some(("holder", name)) => format!("{name} is built on it"),
            _ if line.is_empty() => continue,
            _ => line,
        };
        if !users.contains(&user) {
            users.push(user);
        }
    }
    (!users.is_empty()).then(|| users.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_once() {
        let output = "umount: /mnt/src: target is busy.\nuser 12 bash\nuser 12 bash\n\
            user 7 tail -f\nmount /mnt\nswap /dev/vdb2\nholder dm-0\n\n";
        let words = in_use(output).unwrap();
        assert_eq!(
            words,
            "umount: /mnt/src: target is busy.; bash (process 12) uses it; \
             tail -f (process 7) uses it; it is mounted at /mnt; /dev/vdb2 is swap space; \
             dm-0 is built on it"
        );
        assert_eq!(in_use("\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_in_a_folder_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let mut sleeper = std::process::Command::new("sleep")
            .arg("60")
            .current_dir(&folder)
            .spawn()
            .unwrap();
        // An emulator of arm64 was seen to be later than its program's start.
        let name = format!("/proc/{}/comm", sleeper.id());
        while std::fs::read_to_string(&name).unwrap() != "sleep\n" {
            std::thread::yield_now();
        }
        let script = format!("{USERS}users {}", quote(folder.to_str().unwrap()));
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        let words = in_use(&String::from_utf8_lossy(&output.stdout)).unwrap();
        let wanted = format!("sleep (process {}) uses it", sleeper.id());
        assert_eq!(words, wanted);
    }
}
