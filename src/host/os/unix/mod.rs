//! Unix: what the faces of this room stand on there.

mod watcher;

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal};

pub use tokio::net::UnixStream as Stream;
pub use tokio::net::unix::{OwnedReadHalf as ReadHalf, OwnedWriteHalf as WriteHalf};

/// A file may lose its name while it is open.
pub const CAN_DELETE_OPEN_FILES: bool = true;

/// No path begins with a drive.
pub const HAS_DRIVES: bool = false;

pub fn kernel_release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

pub fn user_id() -> u32 {
    rustix::process::getuid().as_raw()
}

/// The folder for sockets below the temporary folder, which is everyone's.
pub fn runtime_name() -> String {
    format!("podman-bootc-{}", user_id())
}

/// Everyone's temporary folder, where the user's own has too long a name.
pub const SHORT_TEMPORARY_DIR: Option<&str> = Some("/tmp");

pub fn group_id() -> u32 {
    rustix::process::getgid().as_raw()
}

/// A pipe without a reader has an error, or (macOS) hung up; a file has neither.
pub fn nobody_reads_stdout() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdout = io::stdout();
    let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut asked, Some(&now)).is_ok() && asked[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

pub fn free_space(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

pub fn allocated_size(_path: &Path, metadata: &Metadata) -> u64 {
    metadata.blocks() * 512
}

pub fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

pub fn create_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
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

pub fn make_read_only(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o400))
}

pub fn make_private(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

pub fn remove_dir_all(path: &Path) -> io::Result<()> {
    std::fs::remove_dir_all(path)
}

pub fn link_folder(to: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, link)
}

pub fn create_sparse(path: &Path, size: u64) -> io::Result<()> {
    create_private_file(path)?.set_len(size)
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

/// The kernel ends children with their parent: it does on Linux, where tests may want it otherwise.
fn kernel_ties() -> bool {
    cfg!(target_os = "linux") && crate::host::Os::current() != crate::host::Os::Macos
}

#[cfg(target_os = "linux")]
pub fn die_with_parent(command: &mut Command) {
    if !kernel_ties() {
        return;
    }
    let parent = rustix::process::getpid();
    // SAFETY: prctl(2) and getppid(2) are async-signal-safe and touch no memory of ours.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(move || {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            // The parent may have died before the line above took effect.
            if rustix::process::getppid() != Some(parent) {
                // As a number: words would take memory, which is not safe here.
                return Err(io::Error::from_raw_os_error(rustix::io::Errno::SRCH.raw_os_error()));
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

/// Only Linux can tie any child's life to its parent's; elsewhere helpers have a [`Tie`].
#[cfg(not(target_os = "linux"))]
pub fn die_with_parent(_command: &mut Command) {}

/// The kernel keeps a program whose file an upgrade has replaced.
pub fn current_program() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let kept = PathBuf::from(format!("/proc/{}/exe", std::process::id()));
    if !path.exists() && std::fs::symlink_metadata(&kept).is_ok() { Ok(kept) } else { Ok(path) }
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

/// The kernel does it: see [`die_with_parent`].
pub fn tie(_child: &Child) -> io::Result<()> {
    Ok(())
}

/// What ends a helper with us where the kernel doesn't.
pub type Tie = Option<watcher::Watcher>;

/// See [`Tie`]. The helper leads a session of its own.
pub fn tie_helper(helper: &tokio::process::Child) -> io::Result<Tie> {
    match helper.id() {
        Some(pid) if !kernel_ties() => watcher::Watcher::start(pid).map(Some),
        // One that has ended already has no number.
        _ => Ok(None),
    }
}

pub use watcher::watch;

pub fn was_killed(status: ExitStatus) -> bool {
    [Signal::KILL, Signal::TERM].iter().any(|signal| status.signal() == Some(signal.as_raw()))
}

/// Its exit code, as a shell would tell it.
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// Has SIGINT, SIGTERM and SIGHUP noted, on a thread of its own.
pub fn on_signals(mut note: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || signals.forever().for_each(&mut note))?;
    Ok(())
}

/// Accepts connections.
#[derive(Debug)]
pub struct Listener(tokio::net::UnixListener);

impl Listener {
    /// The next connection. May be cancelled.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        Ok(self.0.accept().await?.0)
    }
}

pub fn listen(path: &Path) -> io::Result<Listener> {
    remove_socket(path)?;
    Ok(Listener(tokio::net::UnixListener::bind(path)?))
}

pub fn listen_for_program(path: &Path) -> io::Result<Listener> {
    listen(path)
}

pub fn listen_for_child(path: &Path) -> io::Result<Stdio> {
    remove_socket(path)?;
    Ok(OwnedFd::from(std::os::unix::net::UnixListener::bind(path)?).into())
}

pub async fn connect(path: &Path) -> io::Result<Stream> {
    Stream::connect(path).await
}

pub fn quote_program(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}

pub fn connect_stream(path: &Path) -> io::Result<std::net::TcpStream> {
    Ok(OwnedFd::from(std::os::unix::net::UnixStream::connect(path)?).into())
}

/// Windows has such pipes.
pub fn open_pipe(_name: &str) -> io::Result<Stream> {
    Err(io::ErrorKind::Unsupported.into())
}

pub fn split(stream: Stream) -> (ReadHalf, WriteHalf) {
    stream.into_split()
}

/// What a dead process left.
fn remove_socket(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
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

/// Nobody's controlling terminal, and not inherited by other children.
pub fn terminal_pair() -> io::Result<(File, Stdio, Stdio)> {
    use rustix::fs::{Mode, OFlags, open};
    use rustix::io::{FdFlags, fcntl_setfd};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    // Not every system opens one so by itself.
    fcntl_setfd(&ours, FdFlags::CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let name = ptsname(&ours, Vec::new())?;
    let theirs = open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    let mut settings = tcgetattr(&theirs)?;
    settings.make_raw();
    tcsetattr(&theirs, OptionalActions::Now, &settings)?;
    Ok((ours.into(), theirs.try_clone()?.into(), theirs.into()))
}

pub fn restore_terminal(old: &Terminal) {
    // A terminal that is gone needs no settings.
    let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Flush, old);
}
