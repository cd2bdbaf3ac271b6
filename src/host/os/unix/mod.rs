//! Unix: Linux and macOS.

mod descendants;
mod keys;
mod volume;
mod watcher;

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal};

pub use tokio::net::UnixStream as Stream;
pub use tokio::net::unix::{OwnedReadHalf as ReadHalf, OwnedWriteHalf as WriteHalf};

/// True if a file can be removed or renamed while it is open.
pub const CAN_DELETE_OPEN_FILES: bool = true;

/// True if a path can begin with a drive, such as `C:`.
pub const HAS_DRIVES: bool = false;

/// Returns the kernel's release, as `uname -r` prints it.
pub fn kernel_release() -> String {
    rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned()
}

/// Returns the user's numeric ID. `0` is root.
pub fn user_id() -> u32 {
    rustix::process::getuid().as_raw()
}

/// Returns the name of the runtime folder in the temporary folder, which all users share.
pub fn runtime_dir_name() -> String {
    format!("podman-bootc-{}", user_id())
}

/// A temporary folder with a short path, for when the user's own has too long a path.
pub const SHORT_TEMPORARY_DIR: Option<&str> = Some("/tmp");

pub fn group_id() -> u32 {
    rustix::process::getgid().as_raw()
}

/// Returns true if standard output is a pipe without a reader, as far as the system can tell
/// without a write.
///
/// poll(2) reports an error for such a pipe, or a hang-up (macOS), and neither for a file.
pub fn stdout_has_no_reader() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdout = io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut polled, Some(&now)).is_ok()
        && polled[0]
            .revents()
            .intersects(PollFlags::ERR | PollFlags::HUP)
}

/// Returns the free bytes on the filesystem of `path`.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Returns the bytes that a file occupies on its filesystem.
pub fn allocated_size(_path: &Path, metadata: &Metadata) -> u64 {
    metadata.blocks() * 512
}

/// Creates a folder and its parents, which only this user can enter.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Creates or truncates a file that only this user can read.
pub fn create_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// Returns true if somebody may execute the file.
pub fn is_executable(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & 0o111 != 0
}

pub fn is_block_device(metadata: &Metadata) -> bool {
    metadata.file_type().is_block_device()
}

/// Opens a block device for writing. Fails with [`io::ErrorKind::ResourceBusy`] if a mount, swap or
/// another device uses it or a part of it: that is what `O_EXCL` without `O_CREAT` means on Linux
/// (open(2)).
pub fn open_unused_device(path: &Path) -> io::Result<File> {
    let exclusive = rustix::fs::OFlags::EXCL.bits();
    OpenOptions::new()
        .write(true)
        .custom_flags(exclusive as i32)
        .open(path)
}

/// Makes sure that renames in this folder survive a crash.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Removes all write permissions of a finished file.
pub fn make_read_only(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o400))
}

/// Lets only this user read and write a file.
pub fn make_private(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

/// Lets this user change what is in a folder of its own, and move the folder.
pub fn make_folder_writable(path: &Path) -> io::Result<()> {
    let mode = std::fs::metadata(path)?.mode();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode | 0o300))
}

/// Retries where another process makes a file in it meanwhile, as one that looks at its locks does.
pub fn remove_dir_all(path: &Path) -> io::Result<()> {
    const TRIES: usize = 10;
    for _ in 1..TRIES {
        match std::fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            other => return other,
        }
    }
    std::fs::remove_dir_all(path)
}

/// Creates a symbolic link to a folder.
pub fn link_folder(to: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, link)
}

/// Creates a sparse file of `size` bytes that only this user can read.
pub fn create_sparse(path: &Path, size: u64) -> io::Result<()> {
    create_private_file(path)?.set_len(size)
}

/// Reserves room on the disk for the holes of a file, where the filesystem can.
pub fn fill_holes(path: &Path) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;
    let file = File::options().write(true).open(path)?;
    let size = file.metadata()?.len();
    match fallocate(&file, FallocateFlags::empty(), 0, size) {
        Err(Errno::OPNOTSUPP) => Ok(()),
        filled => Ok(filled?),
    }
}

/// Returns the next range of bytes from `at` that is not a hole, before `end`. Where the filesystem
/// knows no holes, all bytes are data.
pub fn next_data(file: &File, at: u64, end: u64) -> io::Result<Option<(u64, u64)>> {
    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;
    if at >= end {
        return Ok(None);
    }
    match seek(file, SeekFrom::Data(at)) {
        Ok(start) if start >= end => Ok(None),
        Ok(start) => Ok(Some((start, seek(file, SeekFrom::Hole(start))?.min(end)))),
        Err(Errno::NXIO) => Ok(None),
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Some((at, end))),
        Err(error) => Err(error.into()),
    }
}

/// Returns true for a folder, and not a link, that belongs to this user and that no other user can
/// write to.
pub fn is_private_dir(path: &Path) -> bool {
    std::fs::symlink_metadata(path)
        .is_ok_and(|m| m.is_dir() && m.uid() == user_id() && m.mode() & 0o022 == 0)
}

/// Returns true if a file, or the file that it links to, belongs neither to this user, nor to root,
/// nor to the owner of `folder`.
pub fn is_of_another_user(file: &Path, folder: &Path) -> bool {
    let owner = |path: &Path| path.metadata().map(|m| m.uid()).ok();
    let link = file.symlink_metadata().map(|m| m.uid()).ok();
    [owner(file), link]
        .into_iter()
        .flatten()
        .any(|uid| uid != user_id() && uid != 0 && Some(uid) != owner(folder))
}

/// Gives the program a session of its own: it has no terminal, and Ctrl-C doesn't signal it. It
/// gets no open files of this process' parent, which may wait for their end.
pub fn new_session(command: &mut Command) {
    close_inherited_on_exec();
    // SAFETY: setsid(2) is async-signal-safe and touches no memory of ours.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(|| Ok(rustix::process::setsid().map(drop)?));
    }
}

/// Marks all files but the standard streams as ours alone. Those that this process opened are
/// marked already.
fn close_inherited_on_exec() {
    let entries = std::fs::read_dir("/dev/fd").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let numbers: Vec<RawFd> = numbers.filter(|number| *number > 2).collect();
    for number in numbers {
        // SAFETY: a number that is closed by now is an error of the call.
        #[allow(unsafe_code)]
        let file = unsafe { BorrowedFd::borrow_raw(number) };
        if let Ok(flags) = rustix::io::fcntl_getfd(file) {
            let _ = rustix::io::fcntl_setfd(file, flags | rustix::io::FdFlags::CLOEXEC);
        }
    }
}

/// Returns true if the kernel can end children with their parent. Linux can, but tests can choose
/// macOS' rules.
fn kernel_ends_children() -> bool {
    cfg!(target_os = "linux") && crate::host::Os::current() != crate::host::Os::Macos
}

/// Makes the kernel kill the child when this process dies for any reason. Only Linux does it here:
/// macOS has [`guard_helper`], Windows [`end_with_parent`].
#[cfg(target_os = "linux")]
pub fn die_with_parent(command: &mut Command) {
    if !kernel_ends_children() {
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
                // Only a number: a message would allocate memory, which is not safe here.
                return Err(io::Error::from_raw_os_error(
                    rustix::io::Errno::SRCH.raw_os_error(),
                ));
            }
            Ok(())
        });
    }
}

/// Makes the kernel send SIGTERM, in place of SIGKILL, to this process when its parent dies
/// (Linux), so that it can clean up.
#[cfg(target_os = "linux")]
pub fn terminate_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(
        Signal::TERM,
    ))?)
}

#[cfg(not(target_os = "linux"))]
pub fn terminate_with_parent() -> io::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub fn die_with_parent(_command: &mut Command) {}

/// Returns the path of the running program. Linux keeps a program whose file an upgrade has
/// replaced.
pub fn current_program() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let kept = PathBuf::from(format!("/proc/{}/exe", std::process::id()));
    if !path.exists() && std::fs::symlink_metadata(&kept).is_ok() {
        Ok(kept)
    } else {
        Ok(path)
    }
}

/// Ends a process at once.
pub fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

/// Asks a process to end.
pub fn terminate(pid: u32) {
    signal(pid, Signal::TERM);
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // An error means that the process has ended already.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Makes the system end a started child with this process, where [`die_with_parent`] can't.
pub fn end_with_parent(_child: &Child) -> io::Result<()> {
    Ok(())
}

/// Ends a helper with this process, where neither [`die_with_parent`] nor [`end_with_parent`] does.
pub type HelperGuard = Option<watcher::Watcher>;

/// Starts the [`HelperGuard`] of a helper that leads a session.
pub fn guard_helper(helper: &tokio::process::Child) -> io::Result<HelperGuard> {
    match helper.id() {
        Some(pid) if !kernel_ends_children() => watcher::Watcher::start(pid).map(Some),
        // A helper that has ended already has no process ID.
        _ => Ok(None),
    }
}

pub use descendants::descendants;
pub use keys::Keys;
pub use volume::{identity, is_on_network, stamp};
pub use watcher::watch_parent;

/// Returns true if another process killed this one or asked it to end.
pub fn was_killed(status: ExitStatus) -> bool {
    [Signal::KILL, Signal::TERM]
        .iter()
        .any(|signal| status.signal() == Some(signal.as_raw()))
}

/// Returns true if a fault of its own ended the process: a failed assertion, or wrong memory.
pub fn has_crashed(status: ExitStatus) -> bool {
    [
        Signal::ABORT,
        Signal::BUS,
        Signal::FPE,
        Signal::ILL,
        Signal::SEGV,
        Signal::TRAP,
    ]
    .iter()
    .any(|signal| status.signal() == Some(signal.as_raw()))
}

/// Returns the exit code as a shell reports it: 128 + N if signal N ended the process.
pub fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// Calls `receive` with each SIGINT, SIGTERM and SIGHUP, on a thread of its own.
pub fn on_signals(mut receive: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || signals.forever().for_each(&mut receive))?;
    Ok(())
}

#[derive(Debug)]
pub struct Listener(tokio::net::UnixListener);

impl Listener {
    /// Waits for the next connection. May be cancelled.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        Ok(self.0.accept().await?.0)
    }
}

/// Listens at `path`, where it replaces the socket of a dead process.
pub fn listen(path: &Path) -> io::Result<Listener> {
    remove_socket(path)?;
    Ok(Listener(tokio::net::UnixListener::bind(path)?))
}

/// Listens at `path` for another program, with a Unix socket on Windows too. Replaces the socket of
/// a dead process.
pub fn listen_for_program(path: &Path) -> io::Result<Listener> {
    listen(path)
}

/// Listens at `path` for another process, which inherits the socket as its standard input. Replaces
/// the socket of a dead process.
pub fn listen_for_child(path: &Path) -> io::Result<Stdio> {
    remove_socket(path)?;
    Ok(OwnedFd::from(std::os::unix::net::UnixListener::bind(path)?).into())
}

/// Connects to the process that listens at `path`.
pub async fn connect(path: &Path) -> io::Result<Stream> {
    Stream::connect(path).await
}

/// Quotes a path for the shell of this system.
pub fn quote_program(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// Connects to the Unix socket that stands for a port of a guest. Blocking.
pub fn connect_stream(path: &Path) -> io::Result<std::net::TcpStream> {
    Ok(OwnedFd::from(std::os::unix::net::UnixStream::connect(path)?).into())
}

/// Connects to the named pipe with this name. Only Windows has them.
pub fn open_pipe(_name: &str) -> io::Result<Stream> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Splits a connection into its two halves.
pub fn split(stream: Stream) -> (ReadHalf, WriteHalf) {
    stream.into_split()
}

fn remove_socket(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

pub type TerminalSettings = rustix::termios::Termios;

/// Sets the terminal that is standard input to raw mode, and returns its old settings, `None` if it
/// is not a terminal.
pub fn enter_raw_mode() -> io::Result<Option<TerminalSettings>> {
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

/// The changes of the terminal's size.
#[derive(Debug)]
pub struct Resizes(tokio::signal::unix::Signal);

impl Resizes {
    pub fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::window_change()).map(Self)
    }

    /// Waits for the next change. Can be cancelled.
    pub async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending().await
        }
    }
}

/// Opens a pseudo-terminal that no process has as its controlling terminal and no other child
/// inherits. Returns our end and the program's standard input and output.
pub fn pseudo_terminal() -> io::Result<(File, Stdio, Stdio)> {
    use rustix::fs::{Mode, OFlags, open};
    use rustix::io::{FdFlags, fcntl_setfd};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    // Not every system sets this flag in openpt.
    fcntl_setfd(&ours, FdFlags::CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let name = ptsname(&ours, Vec::new())?;
    let theirs = open(
        name,
        OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let mut settings = tcgetattr(&theirs)?;
    settings.make_raw();
    tcsetattr(&theirs, OptionalActions::Now, &settings)?;
    Ok((ours.into(), theirs.try_clone()?.into(), theirs.into()))
}

pub fn restore_terminal(old: &TerminalSettings) {
    // An error means that the terminal is closed.
    let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Flush, old);
}
