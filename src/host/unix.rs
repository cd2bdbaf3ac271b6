//! Unix: what the faces of this room stand on there.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal};

pub fn kernel_release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

pub fn user_id() -> u32 {
    rustix::process::getuid().as_raw()
}

pub fn group_id() -> u32 {
    rustix::process::getgid().as_raw()
}

pub fn free_space(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

pub fn allocated_size(metadata: &Metadata) -> u64 {
    metadata.blocks() * 512
}

pub fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

pub fn create_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// True when `path` still names the open file.
pub fn is_same_file(file: &File, path: &Path) -> bool {
    let id = |metadata: &Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), path.metadata()), (Ok(ours), Ok(theirs)) if id(&ours) == id(&theirs))
}

pub fn is_block_device(metadata: &Metadata) -> bool {
    metadata.file_type().is_block_device()
}

/// With `O_EXCL` and without `O_CREAT`, Linux refuses a block device that is in use (open(2)).
pub fn open_exclusive(path: &Path) -> io::Result<File> {
    let exclusive = rustix::fs::OFlags::EXCL.bits();
    OpenOptions::new().write(true).custom_flags(exclusive as i32).open(path)
}

pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// True for a real folder (no link) of this user that no one else may write to.
pub fn is_private_dir(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|m| m.is_dir() && m.uid() == user_id() && m.mode() & 0o022 == 0)
}

pub fn new_session(command: &mut Command) {
    // SAFETY: setsid(2) is async-signal-safe and touches no memory of ours.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(|| Ok(rustix::process::setsid().map(drop)?));
    }
}

#[cfg(target_os = "linux")]
pub fn die_with_parent(command: &mut Command) {
    let parent = rustix::process::getpid();
    // SAFETY: prctl(2) and getppid(2) are async-signal-safe and touch no memory of ours.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(move || {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            // The parent may have died before the line above took effect.
            if rustix::process::getppid() != Some(parent) {
                return Err(io::Error::other("the parent process is gone"));
            }
            Ok(())
        });
    }
}

#[cfg(target_os = "linux")]
pub fn end_in_order_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?)
}

/// As below: nothing to take back.
#[cfg(not(target_os = "linux"))]
pub fn end_in_order_with_parent() -> io::Result<()> {
    Ok(())
}

/// Only Linux can tie a child's life to its parent's; elsewhere the supervisor's own cleanup has to do.
#[cfg(not(target_os = "linux"))]
pub fn die_with_parent(_command: &mut Command) {}

/// The kernel still has a program whose file was replaced by an upgrade.
pub fn running_program(gone: PathBuf) -> PathBuf {
    let kept = PathBuf::from(format!("/proc/{}/exe", std::process::id()));
    if std::fs::symlink_metadata(&kept).is_ok() { kept } else { gone }
}

pub fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

pub fn terminate(pid: u32) {
    signal(pid, Signal::TERM);
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // A process that is gone already is what we want.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

pub type Terminal = rustix::termios::Termios;

/// The terminal's old settings, if standard input is one.
pub fn raw_terminal() -> io::Result<Option<Terminal>> {
    use rustix::termios::{OptionalActions, isatty, tcgetattr, tcsetattr};
    let stdin = io::stdin();
    if !isatty(&stdin) {
        return Ok(None);
    }
    let old = tcgetattr(&stdin)?;
    let mut raw = old.clone();
    raw.make_raw();
    tcsetattr(&stdin, OptionalActions::Now, &raw)?;
    Ok(Some(old))
}

pub fn restore_terminal(old: &Terminal) {
    // A terminal that is gone needs no settings.
    let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Flush, old);
}
