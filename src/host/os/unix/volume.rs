//! Which file is which, and where it is.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Returns numbers that two folders never share, and that a replaced folder doesn't keep.
pub fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Returns numbers of which one differs after a change of the file.
pub fn stamp(metadata: &Metadata) -> [i64; 4] {
    // A folder's times change with the names in it, which are seen anyway.
    let times = match metadata.is_dir() {
        true => [0, 0],
        false => [metadata.ctime(), metadata.ctime_nsec()],
    };
    let inode = metadata.ino().cast_signed();
    [times[0], times[1], inode, i64::from(metadata.mode())]
}

/// Returns true if other hosts may change the folder's files, of which this host then hears
/// nothing.
#[cfg(target_os = "linux")]
pub fn is_on_network(folder: &Path) -> bool {
    /// Types of `statfs(2)`, from Linux' `magic.h` and the drivers: NFS, SMB (three), 9p (also WSL's
    /// drives), FUSE (sshfs), AFS (two), Ceph, Coda, VirtualBox's and VMware's shares.
    const TYPES: [u32; 12] = [
        0x6969,
        0x517B,
        0xFF53_4D42,
        0xFE53_4D42,
        0x0102_1997,
        0x6573_5546,
        0x5346_414F,
        0x6B41_4653,
        0x00C3_6400,
        0x7375_7245,
        0x786F_4256,
        0xBACB_ACBC,
    ];
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the type is a signed number on some architectures"
    )]
    rustix::fs::statfs(folder).is_ok_and(|found| TYPES.contains(&(found.f_type as u32)))
}

/// Returns true if other hosts may change the folder's files, of which this host then hears
/// nothing.
#[cfg(target_os = "macos")]
pub fn is_on_network(folder: &Path) -> bool {
    /// From `sys/mount.h`.
    const MNT_LOCAL: u32 = 0x1000;
    rustix::fs::statfs(folder).is_ok_and(|found| found.f_flags & MNT_LOCAL == 0)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub fn is_on_network(_folder: &Path) -> bool {
    false
}
