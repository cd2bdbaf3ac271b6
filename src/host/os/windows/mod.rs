//! Windows: what the faces of this room stand on there.

mod pipe;
mod socket;

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
    ENABLE_VIRTUAL_TERMINAL_INPUT, GetConsoleMode, GetStdHandle, STD_ERROR_HANDLE, STD_INPUT_HANDLE,
    STD_OUTPUT_HANDLE, SetConsoleMode,
};
use windows_sys::Win32::System::IO::DeviceIoControl;
use windows_sys::Win32::System::Ioctl::FSCTL_SET_SPARSE;
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, OpenProcess, PROCESS_TERMINATE, TerminateProcess,
};

pub use socket::{
    Listener, ReadHalf, Stream, WriteHalf, connect, connect_stream, listen, listen_for_child,
    listen_for_program, open_pipe, split,
};

/// How a process ends that we end: as with Ctrl-C (STATUS_CONTROL_C_EXIT).
const ENDED: u32 = 0xC000_013A;

/// So long a file is waited for that someone has open.
const IN_THE_WAY: Duration = Duration::from_secs(5);

/// Not on every version and filesystem, and not under wine.
pub const CAN_DELETE_OPEN_FILES: bool = false;

/// Paths begin with a drive.
pub const HAS_DRIVES: bool = true;

/// No path can have a quote in it.
pub fn quote_program(path: &str) -> String {
    format!("\"{path}\"")
}

/// The version is all that changes with an update.
pub fn kernel_release() -> String {
    // Windows keeps the true one from programs, except in its own.
    let output = Command::new("cmd").args(["/d", "/c", "ver"]).creation_flags(CREATE_NO_WINDOW).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// There are no numbers here; it is not root's.
pub fn user_id() -> u32 {
    1
}

/// The folder for sockets below the temporary folder, which is the user's own.
pub fn runtime_name() -> String {
    "podman-bootc".to_owned()
}

/// There is none.
pub const SHORT_TEMPORARY_DIR: Option<&str> = None;

pub fn group_id() -> u32 {
    1
}

/// Only the next write tells.
pub fn nobody_reads_stdout() -> bool {
    false
}

pub fn free_space(path: &Path) -> io::Result<u64> {
    let (path, mut free) = (wide(path), 0);
    // SAFETY: the path ends with a NUL, and the number outlives the call; the other two may be null.
    #[allow(unsafe_code)]
    let done = unsafe {
        GetDiskFreeSpaceExW(path.as_ptr(), &raw mut free, std::ptr::null_mut(), std::ptr::null_mut())
    };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(free) }
}

pub fn allocated_size(path: &Path, metadata: &Metadata) -> u64 {
    let (path, mut high) = (wide(path), 0);
    // SAFETY: the path ends with a NUL, and the number outlives the call.
    #[allow(unsafe_code)]
    let low = unsafe { GetCompressedFileSizeW(path.as_ptr(), &raw mut high) };
    if low == INVALID_FILE_SIZE { metadata.len() } else { u64::from(high) << 32 | u64::from(low) }
}

/// The folders are in the user's profile, whose access list they inherit.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// As [`create_private_dir`].
pub fn create_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).open(path)
}

/// As [`create_private_dir`]; a copy of a read-only file is to be written to, too.
#[allow(clippy::permissions_set_readonly_false, reason = "here that lets nobody in who isn't already")]
pub fn make_private(path: &Path) -> io::Result<()> {
    let mut permissions = std::fs::metadata(path)?.permissions();
    permissions.set_readonly(false);
    std::fs::set_permissions(path, permissions)
}

/// An open file may stay in the way: a process that is about to end has one, or whoever looks for viruses.
pub fn remove_dir_all(path: &Path) -> io::Result<()> {
    let start = Instant::now();
    loop {
        match std::fs::remove_dir_all(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound && start.elapsed() < IN_THE_WAY => {
                std::thread::sleep(Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

/// Windows lets developers and administrators make links.
pub fn link_folder(to: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(to, link)
}

pub fn create_sparse(path: &Path, size: u64) -> io::Result<()> {
    let file = create_private_file(path)?;
    let mut returned = 0;
    // SAFETY: the handle is open; the request has neither input nor output.
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
        tracing::debug!(path = %path.display(), "the filesystem has no sparse files");
    }
    file.set_len(size)
}

pub fn is_block_device(_metadata: &Metadata) -> bool {
    false
}

/// Drives are not written to here: nothing tells whether they are in use.
pub fn open_exclusive(_path: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A folder can't be synced here; NTFS keeps the order of renames by itself.
pub fn sync_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}

pub fn make_read_only(path: &Path) -> io::Result<()> {
    let mut permissions = std::fs::metadata(path)?.permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(path, permissions)
}

/// True for a real folder (no link): the temporary folder is the user's own.
pub fn is_private_dir(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// A console that nobody sees, which its own children share; Ctrl-C in ours is none of its business.
pub fn new_session(command: &mut Command) {
    command.creation_flags(CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP);
    // A child gets all handles that may be inherited, and who reads from ours would wait for its end.
    for which in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        // SAFETY: a handle that is missing or closed is an error of the second call, which is none of ours.
        #[allow(unsafe_code)]
        unsafe {
            SetHandleInformation(GetStdHandle(which), HANDLE_FLAG_INHERIT, 0);
        }
    }
}

/// Nothing was asked for: see [`tie`].
pub fn end_in_order_with_parent() -> io::Result<()> {
    Ok(())
}

/// See [`tie`].
pub fn die_with_parent(_command: &mut Command) {}

/// Has the system end the child when this process is gone, however it ends.
pub fn tie(child: &Child) -> io::Result<()> {
    tie_handle(child.as_raw_handle())
}

/// The job has it for good: see [`tie`].
pub type Tie = ();

/// As [`tie`].
pub fn tie_helper(helper: &tokio::process::Child) -> io::Result<Tie> {
    // One that has ended already has none.
    helper.raw_handle().map_or(Ok(()), tie_handle)
}

/// The system does it: see [`tie`].
pub fn watch(_pid: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn tie_handle(child: RawHandle) -> io::Result<()> {
    /// Ends what is in it when the last handle to it is closed: by the system, at our end.
    static JOB: LazyLock<Option<OwnedHandle>> = LazyLock::new(|| create_job().ok());
    let Some(job) = JOB.as_ref() else { return Err(io::Error::other("no job object")) };
    // SAFETY: both handles are open.
    #[allow(unsafe_code)]
    let done = unsafe { AssignProcessToJobObject(job.as_raw_handle(), child) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn create_job() -> io::Result<OwnedHandle> {
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    // SAFETY: neither attributes nor a name; what comes back is a handle of ours, or null.
    #[allow(unsafe_code)]
    let job = unsafe { CreateJobObjectW(std::ptr::null(), std::ptr::null()) };
    if job.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened, and nobody else closes it.
    #[allow(unsafe_code)]
    let job = unsafe { OwnedHandle::from_raw_handle(job) };
    // SAFETY: the limits are of the type and size that is told.
    #[allow(unsafe_code)]
    let done = unsafe {
        SetInformationJobObject(
            job.as_raw_handle(),
            JobObjectExtendedLimitInformation,
            (&raw const limits).cast(),
            size_of_val(&limits) as u32,
        )
    };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(job) }
}

/// A program that runs can't be replaced here.
pub fn current_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

pub fn kill(pid: u32) {
    // SAFETY: the handle, if there is one, is ours and closed by its owner.
    #[allow(unsafe_code)]
    unsafe {
        let process: HANDLE = OpenProcess(PROCESS_TERMINATE, 0, pid);
        if !process.is_null() {
            let process = OwnedHandle::from_raw_handle(process);
            // A process that is gone already is what we want.
            TerminateProcess(process.as_raw_handle(), ENDED);
        }
    }
}

/// Nothing asks a process to end here.
pub fn terminate(pid: u32) {
    kill(pid);
}

pub fn was_killed(status: ExitStatus) -> bool {
    status.code().is_some_and(|code| code as u32 == ENDED)
}

/// Its exit code, as a shell would tell it.
pub fn exit_code(status: ExitStatus) -> i32 {
    match status.code() {
        Some(code) if code as u32 == ENDED => 130,
        Some(code) => code,
        None => 255,
    }
}

/// Has Ctrl-C, Ctrl-Break, a closed console and a shutdown noted, as the signals that they come closest to.
pub fn on_signals(mut note: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    const SIGINT: i32 = 2;
    ctrlc::set_handler(move || note(SIGINT)).map_err(io::Error::other)
}

/// What a console was set to.
pub type Terminal = CONSOLE_MODE;

/// The console's old settings, if standard input is one.
pub fn raw_terminal() -> io::Result<Option<Terminal>> {
    let mut old = 0;
    // SAFETY: the number outlives the call; a handle that is no console's is an error.
    #[allow(unsafe_code)]
    if unsafe { GetConsoleMode(GetStdHandle(STD_INPUT_HANDLE), &raw mut old) } == 0 {
        return Ok(None);
    }
    // Keys as a terminal sends them, one by one, Ctrl-C, too, and not shown by the console itself.
    let raw = old & !(ENABLE_LINE_INPUT | ENABLE_ECHO_INPUT | ENABLE_PROCESSED_INPUT);
    set_console(raw | ENABLE_VIRTUAL_TERMINAL_INPUT)?;
    Ok(Some(old))
}

/// What needs this (vfkit) is not there on Windows.
pub fn terminal_pair() -> io::Result<(File, std::process::Stdio, std::process::Stdio)> {
    Err(io::ErrorKind::Unsupported.into())
}

pub fn restore_terminal(old: &Terminal) {
    // A console that is gone needs no settings.
    let _ = set_console(*old);
}

fn set_console(mode: CONSOLE_MODE) -> io::Result<()> {
    // SAFETY: a handle that is no console's is an error.
    #[allow(unsafe_code)]
    let done = unsafe { SetConsoleMode(GetStdHandle(STD_INPUT_HANDLE), mode) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn wide(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain([0]).collect()
}
