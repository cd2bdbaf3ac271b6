//! The scripts in the guest, and what they print.

use crate::direct_boot::{BOUND_SERIAL, BOUND_STORE, BOUND_WORD, SCRATCH_SERIAL, TRANSIENT_ROOT};
use crate::guest::shell::script_as_root;

/// A folder in the guest's memory, where the new root is stacked.
const BASE: &str = "/run/podman-bootc/next";
/// The beginning of a line that says why a script failed.
const FAILED: &str = "@failed ";
/// The line of a guest whose kernel doesn't see a new disk.
const UNSEEN: &str = "@unseen";
/// The unit in `/run` that would wait for a VM's identity once more.
const FREEZE_LINK: &str = "/run/systemd/system/sysinit.target.wants/podman-bootc-freeze.service";

/// Sets `disk` to the device with this serial.
const FIND_DISK: &str = "find_disk() {
    for block in /sys/block/vd*; do
        read -r serial 2>/dev/null <\"$block/serial\"
        [ \"$serial\" != \"$1\" ] || { disk=/dev/${block##*/}; return 0; }
    done
    return 1
}
";

/// A guest's root, and the disks that it uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// The serials of the root's disks, the uppermost first.
    pub stack: Vec<String>,
    /// The serials of the disks whose filesystems are in use.
    pub used: Vec<String>,
    /// The guest can't tell which disks are in use.
    pub blind: bool,
}

/// Returns the script that looks at the guest.
pub fn look() -> String {
    "while read -r _ _ _ _ point rest; do [ \"$point\" != / ] || echo \"@root $rest\"; done \
     </proc/self/mountinfo
     [ -d /sys/fs/erofs ] || echo @blind
     for block in /sys/block/vd*; do
        name=${block##*/}
        read -r serial 2>/dev/null <$block/serial || continue
        echo \"@disk $name $serial\"
        [ ! -e /sys/fs/erofs/$name ] || echo \"@used $serial\"
     done"
        .to_owned()
}

/// Reads what [`look`] printed.
pub fn read_look(output: &str) -> Look {
    let mut look = Look::default();
    let (mut root, mut disks) = ("", Vec::new());
    for line in output.lines() {
        let line = line.trim_end();
        match line.split_once(' ').unwrap_or((line, "")) {
            // The last one is on top.
            ("@root", mount) => root = mount,
            ("@blind", _) => look.blind = true,
            ("@disk", disk) => disks.extend(disk.split_once(' ')),
            ("@used", serial) => look.used.push(serial.to_owned()),
            _ => {}
        }
    }
    let Some((_, filesystem)) = root.split_once(" - ") else {
        return look;
    };
    let mut words = filesystem.splitn(3, ' ');
    let (kind, source) = (words.next(), words.next().unwrap_or_default());
    let options = words.next().unwrap_or_default();
    look.stack = match kind {
        Some("overlay") => {
            let folders = options.split(',').filter_map(|option| {
                let (name, folders) = option.split_once('=')?;
                matches!(name, "lowerdir" | "lowerdir+").then_some(folders)
            });
            let serial = |folder: &str| folder.rsplit('/').next().unwrap_or_default().to_owned();
            let serials = folders.flat_map(|folders| folders.split(':')).map(serial);
            serials.filter(|serial| serial != "missing").collect()
        }
        _ => {
            let name = source.trim_start_matches("/dev/");
            let disk = disks.iter().find(|(disk, _)| *disk == name);
            disk.map(|(_, serial)| (*serial).to_owned())
                .into_iter()
                .collect()
        }
    };
    look
}

/// Returns the script that stacks the new root from these disks, the uppermost first, as
/// `vm-assets/direct/init` does. It prints nothing of ours unless it fails.
pub fn stack(serials: &[&str], userxattr: bool) -> String {
    let options = match userxattr {
        true => ",userxattr",
        false => "",
    };
    // The VM's identity stays: its host keys, and its machine ID. An image without an ID of its own
    // has the first boot's settings applied, and takes the ID from /run and from the credential.
    let script = format!(
        r#"trap '' HUP
base={BASE}
new=$base/root
fail() {{ echo "{FAILED}$*"; umount -R -l $base; exit 1; }}
is_plain_folder() {{ [ -d "$1" ] && [ ! -h "$1" ]; }}
mount_overlay() {{ LIBMOUNT_FORCE_MOUNT2=always mount -t overlay -o "$1" overlay "$2"; }}
writable() {{
    mkdir -p "$1" "$2" $base/changed
    mount_overlay "lowerdir=$lower,upperdir=$1,workdir=$2{options}" $base/changed ||
        fail "can't mount a writable overlay"
    for item in $3; do
        mount --bind $base/changed/$item $new/$item || fail "can't mount a writable /$item"
    done
    umount -l $base/changed
}}
{FIND_DISK}
{TRANSIENT_ROOT}
umount -R -l $base 2>/dev/null
bound=
! grep -q {BOUND_WORD}= /proc/cmdline || bound={BOUND_STORE}
mkdir -p $base
mount -t tmpfs -o mode=0755,size=80% tmpfs $base || fail "can't mount a tmpfs"
mount --make-rprivate $base || fail "can't make a mount private"
mkdir $new
lower=
for item in {stack}; do
    tries=0
    until find_disk $item; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || {{ echo {UNSEEN}; fail "no disk has the serial $item"; }}
        sleep 0.1
    done
    mkdir $base/$item
    mount -t erofs -o ro $disk $base/$item || fail "can't mount the disk $item"
    lower=$lower:$base/$item
done
for folder in proc sys dev run tmp etc var $bound; do mkdir -p $base/missing/$folder; done
lower=${{lower#:}}:$base/missing
mount_overlay "ro,lowerdir=$lower{options}" $new ||
    fail "can't stack the image's layers"
if [ "$bound" ] && find_disk {BOUND_SERIAL}; then
    mount -t erofs -o ro $disk $new/$bound ||
        echo "podman-bootc: can't mount the bound images" >/dev/console
fi
[ -h $new/sbin/init ] || [ -x $new/sbin/init ] || fail "the image has no /sbin/init"
find_disk {SCRATCH_SERIAL} || fail "no scratch disk"
mkdir $base/scratch
mount -t ext4 $disk $base/scratch || fail "can't mount the scratch disk"
read -r boot </proc/sys/kernel/random/boot_id
read -r now _ </proc/uptime
for old in $base/scratch/etc.$boot-* $base/scratch/root.$boot-* $base/scratch/changes.work-*; do
    grep -qF "/${{old##*/}}" /proc/self/mountinfo || rm -rf "${{old%.work}}" "${{old%.work}}.work"
done
read_transient $new
if [ "$transient" ]; then
    root=$base/scratch/root.$boot-$now
    mkdir $root $root.work
    mount_overlay "$transient,lowerdir=$lower,upperdir=$root,workdir=$root.work{options}" $new ||
        fail "can't mount a transient root"
fi
for folder in var root home; do
    is_plain_folder $base/scratch/$folder && is_plain_folder $new/$folder || continue
    mount --bind $base/scratch/$folder $new/$folder || fail "can't mount /$folder"
done
etc=$base/scratch/etc.$boot-$now
[ "$transient" = rw ] || writable $etc $etc.work etc
system=systemd/system
tmpfs=$system/local-fs.target.wants/tmp.mount
tmp=tmp
if [ -h $new/usr/lib/$tmpfs ] || [ -h $new/etc/$tmpfs ]; then
    [ -h $new/etc/$system/tmp.mount ] || tmp=
fi
changed=
for folder in opt srv mnt $tmp; do
    ! is_plain_folder $new/$folder || changed="$changed $folder"
done
[ "$transient" = rw ] || [ ! "$changed" ] || writable $base/scratch/changes $base/scratch/changes.work-$now "$changed"
for key in /etc/ssh/ssh_host_*; do
    [ ! -e $key ] || [ ! -d $new/etc/ssh ] || cp -p $key $new/etc/ssh/ ||
        fail "can't keep the host keys"
done
id= old=
read -r id </etc/machine-id
read -r old 2>/dev/null <$new/etc/machine-id
if [ ! "$id" ]; then
    :
elif [ ${{#old}} = 32 ]; then
    echo $id >$new/etc/machine-id
else
    [ -h /run/machine-id ] || echo $id >/run/machine-id
    credentials=/run/credentials/@system
    mkdir -p -m 0700 $credentials
    mount -o remount,rw $credentials 2>/dev/null
    echo $id >$credentials/system.machine_id
fi
true"#,
        stack = serials.join(" "),
    );
    script_as_root(&script)
}

/// Returns the script that restarts the userspace from the new root. If that fails, the old system
/// runs, and the new root is gone.
pub fn switch() -> String {
    let script = format!(
        r#"trap '' HUP
base={BASE}
fail() {{ echo "{FAILED}$*"; umount -R -l /run/nextroot; umount -R -l $base; exit 1; }}
umount -R -l /run/nextroot 2>/dev/null
mkdir -p /run/nextroot
mount --move $base/root /run/nextroot || fail "can't move the new root"
umount -R -l $base
rm -f {FREEZE_LINK}
why=$(systemctl soft-reboot 2>&1) || fail "systemctl soft-reboot: $why""#
    );
    script_as_root(&script)
}

/// A script's failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A disk that was plugged in doesn't appear.
    Unseen,
    Other(String),
}

/// Reads the output of a script that may have failed.
pub fn failure(code: i32, output: &str) -> Option<Failure> {
    if output.lines().any(|line| line.trim_end() == UNSEEN) {
        return Some(Failure::Unseen);
    }
    let why = output.lines().find_map(|line| line.strip_prefix(FAILED));
    match why {
        Some(why) => Some(Failure::Other(crate::text::plain(why))),
        None if code == 0 => None,
        None => Some(Failure::Other(last_line(output))),
    }
}

fn last_line(output: &str) -> String {
    let line = output
        .lines()
        .map(crate::text::plain)
        .rfind(|line| !line.is_empty());
    line.unwrap_or_else(|| "the script failed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_names_its_disks() {
        let disks = "@disk vda root0\n@used root0\n@disk vdd scratch\n";
        for (root, stack) in [
            (
                "ro,relatime shared:1 - overlay overlay ro,lowerdir=/podman-bootc/root1:\
                 /podman-bootc/root0:/podman-bootc/memory/missing,redirect_dir=on",
                &["root1", "root0"][..],
            ),
            (
                "ro,relatime - overlay overlay ro,lowerdir+=/run/podman-bootc/next/layer0,\
                 lowerdir+=/run/podman-bootc/next/root0,lowerdir+=/run/podman-bootc/next/missing",
                &["layer0", "root0"],
            ),
            ("ro - erofs /dev/vda ro", &["root0"]),
            ("rw - virtiofs virtiofs rw", &[]),
            ("", &[]),
        ] {
            let look = read_look(&format!(
                "hello\n@root x - ext4 /dev/y rw\n@root {root}\n{disks}"
            ));
            assert_eq!(look.stack, stack, "{root}");
            assert_eq!((look.used, look.blind), (vec!["root0".to_owned()], false));
        }
        assert!(read_look("@blind\n").blind);
    }

    #[test]
    fn a_script_says_why_it_failed() {
        assert_eq!(failure(0, "mount: noise\n"), None);
        let other = |why: &str| Some(Failure::Other(why.into()));
        assert_eq!(failure(1, "x\n@failed no tmpfs\ny\n"), other("no tmpfs"));
        assert_eq!(
            failure(1, "sudo: a password is required\n\n"),
            other("sudo: a password is required")
        );
        assert_eq!(failure(1, "@unseen\n@failed x\n"), Some(Failure::Unseen));
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_the_scripts() {
        for script in [look(), stack(&["layer0", "root0"], true), switch()] {
            let mut shell = std::process::Command::new("sh");
            let output = shell.args(["-n", "-c", &script]).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
    }
}
