//! Windows. `unix` documents the functions; the comments here name only the differences.

mod keys;
mod pipe;
mod socket;
mod volume;

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle, RawHandle};
use std::os::windows::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{HANDLE, HANDLE_FLAG_INHERIT, SetHandleInformation};
use windows_sys::Win32::Storage::FileSystem::{
    GetCompressedFileSizeW, GetDiskFreeSpaceExW, INVALID_FILE_SIZE,
};
use windows_sys::Win32::System::Console::{
    CONSOLE_MODE, ENABLE_ECHO_INPUT, ENABLE_LINE_INPUT, ENABLE_PROCESSED_INPUT,
    ENABLE_VIRTUAL_TERMINAL_INPUT, GetConsoleMode, GetStdHandle, STD_ERROR_HANDLE,
    STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, SetConsoleMode,
};
use windows_sys::Win32::System::IO::DeviceIoControl;
use windows_sys::Win32::System::Ioctl::FSCTL_SET_SPARSE;
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation,
    SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, OpenProcess, PROCESS_TERMINATE, TerminateProcess,
};

pub use keys::Keys;
pub use socket::{
    Listener, ReadHalf, Stream, WriteHalf, connect, connect_stream, listen, listen_for_child,
    listen_for_program, open_pipe, split,
};
pub use volume::{descendants, identity, is_on_network, stamp};

/// The exit code of a process that we end: the same as for Ctrl-C (STATUS_CONTROL_C_EXIT).
const TERMINATED: u32 = 0xC000_013A;

/// Time limit for a process to close a file that must be removed.
const OPEN_FILE_WAIT: Duration = Duration::from_secs(5);

/// Some versions and filesystems can do it, and wine can't.
pub const CAN_DELETE_OPEN_FILES: bool = false;

pub const HAS_DRIVES: bool = true;

/// No path can contain a quote.
pub fn quote_program(path: &str) -> String {
    format!("\"{path}\"")
}

/// Returns the version that `ver` prints: Windows tells the true version only to its own programs.
pub fn kernel_release() -> String {
    let output = Command::new("cmd")
        .args(["/d", "/c", "ver"])
        .creation_flags(CREATE_NO_WINDOW)
        .output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

/// Windows has no numeric IDs. This one isn't root's.
pub fn user_id() -> u32 {
    1
}

/// The temporary folder belongs to the user.
pub fn runtime_dir_name() -> String {
    "podman-bootc".to_owned()
}

pub const SHORT_TEMPORARY_DIR: Option<&str> = None;

pub fn group_id() -> u32 {
    1
}

/// Only the next write fails.
pub fn stdout_has_no_reader() -> bool {
    false
}

pub fn free_space(path: &Path) -> io::Result<u64> {
    let (path, mut free) = (wide(path), 0);
    // SAFETY: the path ends with a NUL, and the number outlives the call. The other two pointers
    // may be null.
    #[allow(unsafe_code)]
    let done = unsafe {
        GetDiskFreeSpaceExW(
            path.as_ptr(),
            &raw mut free,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    };
    if done == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(free)
    }
}

pub fn allocated_size(path: &Path, metadata: &Metadata) -> u64 {
    let (path, mut high) = (wide(path), 0);
    // SAFETY: the path ends with a NUL, and the number outlives the call.
    #[allow(unsafe_code)]
    let low = unsafe { GetCompressedFileSizeW(path.as_ptr(), &raw mut high) };
    if low == INVALID_FILE_SIZE {
        metadata.len()
    } else {
        u64::from(high) << 32 | u64::from(low)
    }
}

/// The folders are in the user's profile and inherit its access list.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// As [`create_private_dir`].
pub fn create_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
}

/// As [`create_private_dir`]. Makes the copy of a read-only file writable.
#[allow(
    clippy::permissions_set_readonly_false,
    reason = "on Windows that gives access to no one else"
)]
pub fn make_private(path: &Path) -> io::Result<()> {
    let mut permissions = std::fs::metadata(path)?.permissions();
    permissions.set_readonly(false);
    std::fs::set_permissions(path, permissions)
}

/// Retries, because an open file prevents the removal: a process that is about to end or a virus
/// scanner can have one.
pub fn remove_dir_all(path: &Path) -> io::Result<()> {
    let start = Instant::now();
    loop {
        match std::fs::remove_dir_all(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound && start.elapsed() < OPEN_FILE_WAIT => {
                std::thread::sleep(Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

/// Windows lets only developers and administrators create links.
pub fn link_folder(to: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(to, link)
}

/// Does nothing: a mode of Unix says nothing here.
pub fn make_folder_writable(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Does nothing: no machine's memory is in a file here.
pub fn fill_holes(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Takes all bytes for data, because only a request to the driver tells holes.
pub fn next_data(_file: &File, at: u64, end: u64) -> io::Result<Option<(u64, u64)>> {
    Ok((at < end).then_some((at, end)))
}

pub fn create_sparse(path: &Path, size: u64) -> io::Result<()> {
    let file = create_private_file(path)?;
    let mut returned = 0;
    // SAFETY: the handle is open, and the request has neither input nor output.
    #[allow(unsafe_code)]
    let done = unsafe {
        DeviceIoControl(
            file.as_raw_handle(),
            FSCTL_SET_SPARSE,
            std::ptr::null(),
            0,
            std::ptr::null_mut(),
            0,
            &raw mut returned,
            std::ptr::null_mut(),
        )
    };
    if done == 0 {
        tracing::debug!(path = %path.display(), "the filesystem doesn't support sparse files");
    }
    file.set_len(size)
}

/// Files have no such right here.
pub fn is_executable(_metadata: &Metadata) -> bool {
    false
}

pub fn is_block_device(_metadata: &Metadata) -> bool {
    false
}

/// The tool doesn't write to drives, because it can't find out whether they are in use.
pub fn open_unused_device(_path: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Windows can't sync a folder. NTFS keeps the order of renames.
pub fn sync_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}

pub fn make_read_only(path: &Path) -> io::Result<()> {
    let mut permissions = std::fs::metadata(path)?.permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(path, permissions)
}

/// Always false: folders of other users are not writable.
pub fn is_of_another_user(_file: &Path, _folder: &Path) -> bool {
    false
}

/// The temporary folder belongs to the user.
pub fn is_private_dir(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Gives the program an invisible console that its children share. Ctrl-C in our console doesn't
/// signal it.
pub fn new_session(command: &mut Command) {
    command.creation_flags(CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP);
    // The child would inherit our standard streams, and their readers would wait for its end.
    for which in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        // SAFETY: the second call fails for a handle that is missing or closed, which does no harm.
        #[allow(unsafe_code)]
        unsafe {
            SetHandleInformation(GetStdHandle(which), HANDLE_FLAG_INHERIT, 0);
        }
    }
}

/// [`die_with_parent`] did nothing.
pub fn terminate_with_parent() -> io::Result<()> {
    Ok(())
}

/// [`end_with_parent`] does it.
pub fn die_with_parent(_command: &mut Command) {}

/// Makes the system end the child when this process ends for any reason.
pub fn end_with_parent(child: &Child) -> io::Result<()> {
    add_to_job(child.as_raw_handle())
}

/// Nothing can remove the helper from the job: see [`add_to_job`].
pub type HelperGuard = ();

pub fn guard_helper(helper: &tokio::process::Child) -> io::Result<HelperGuard> {
    // A helper that has ended already has no handle.
    helper.raw_handle().map_or(Ok(()), add_to_job)
}

/// The job does it: see [`add_to_job`].
pub fn watch_parent(_pid: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn add_to_job(child: RawHandle) -> io::Result<()> {
    /// The system closes the last handle to the job when this process ends, and then ends the
    /// processes in the job.
    static JOB: LazyLock<Option<OwnedHandle>> = LazyLock::new(|| create_job().ok());
    let Some(job) = JOB.as_ref() else {
        return Err(io::Error::other("can't create a job object"));
    };
    // SAFETY: both handles are open.
    #[allow(unsafe_code)]
    let done = unsafe { AssignProcessToJobObject(job.as_raw_handle(), child) };
    if done == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn create_job() -> io::Result<OwnedHandle> {
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    // SAFETY: attributes and name may be null. The call returns a handle of ours, or null.
    #[allow(unsafe_code)]
    let job = unsafe { CreateJobObjectW(std::ptr::null(), std::ptr::null()) };
    if job.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle was just opened, and nothing else closes it.
    #[allow(unsafe_code)]
    let job = unsafe { OwnedHandle::from_raw_handle(job) };
    // SAFETY: the limits have the type and size of the arguments.
    #[allow(unsafe_code)]
    let done = unsafe {
        SetInformationJobObject(
            job.as_raw_handle(),
            JobObjectExtendedLimitInformation,
            (&raw const limits).cast(),
            size_of_val(&limits) as u32,
        )
    };
    if done == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(job)
    }
}

/// Windows doesn't let an upgrade replace a running program.
pub fn current_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

pub fn kill(pid: u32) {
    // SAFETY: a handle that is not null is ours, and its owner closes it.
    #[allow(unsafe_code)]
    unsafe {
        let process: HANDLE = OpenProcess(PROCESS_TERMINATE, 0, pid);
        if !process.is_null() {
            let process = OwnedHandle::from_raw_handle(process);
            // An error means that the process has ended already.
            TerminateProcess(process.as_raw_handle(), TERMINATED);
        }
    }
}

/// Windows can't ask a process to end.
pub fn terminate(pid: u32) {
    kill(pid);
}

pub fn was_killed(status: ExitStatus) -> bool {
    status.code().is_some_and(|code| code as u32 == TERMINATED)
}

/// The exit code of `abort()`, or an NTSTATUS that is an error.
pub fn has_crashed(status: ExitStatus) -> bool {
    const ABORTED: u32 = 3;
    const FIRST_ERROR: u32 = 0xc000_0000;
    let code = status.code().map(|code| code as u32);
    code.is_some_and(|code| code == ABORTED || code >= FIRST_ERROR && code != TERMINATED)
}

pub fn exit_code(status: ExitStatus) -> i32 {
    match status.code() {
        Some(code) if code as u32 == TERMINATED => 130,
        Some(code) => code,
        None => 255,
    }
}

/// Reports Ctrl-C, Ctrl-Break, a closed console and a shutdown as SIGINT.
pub fn on_signals(mut receive: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    const SIGINT: i32 = 2;
    ctrlc::set_handler(move || receive(SIGINT)).map_err(io::Error::other)
}

pub type TerminalSettings = CONSOLE_MODE;

pub fn enter_raw_mode() -> io::Result<Option<TerminalSettings>> {
    let mut old = 0;
    // SAFETY: the number outlives the call, which fails for a handle that isn't a console's.
    #[allow(unsafe_code)]
    if unsafe { GetConsoleMode(GetStdHandle(STD_INPUT_HANDLE), &raw mut old) } == 0 {
        return Ok(None);
    }
    // The console passes on each key as a terminal does, Ctrl-C too, and doesn't show it.
    let raw = old & !(ENABLE_LINE_INPUT | ENABLE_ECHO_INPUT | ENABLE_PROCESSED_INPUT);
    set_console(raw | ENABLE_VIRTUAL_TERMINAL_INPUT)?;
    Ok(Some(old))
}

/// The changes of the console's size. Windows reports them only to a reader of its input records,
/// which would take the keys, too.
#[derive(Debug)]
pub struct Resizes;

impl Resizes {
    pub fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits until the size may have changed. Can be cancelled.
    pub async fn next(&mut self) {
        const LOOK_AGAIN: Duration = Duration::from_millis(500);
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// No hypervisor on Windows needs it.
pub fn pseudo_terminal() -> io::Result<(File, std::process::Stdio, std::process::Stdio)> {
    Err(io::ErrorKind::Unsupported.into())
}

pub fn restore_terminal(old: &TerminalSettings) {
    // An error means that the console is closed.
    let _ = set_console(*old);
}

fn set_console(mode: CONSOLE_MODE) -> io::Result<()> {
    // SAFETY: the call fails for a handle that isn't a console's.
    #[allow(unsafe_code)]
    let done = unsafe { SetConsoleMode(GetStdHandle(STD_INPUT_HANDLE), mode) };
    if done == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn wide(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain([0]).collect()
}
