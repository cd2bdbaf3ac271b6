//! Named pipes in place of sockets. Their names are hashes of the sockets' paths.

use std::ffi::c_void;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::net::windows::named_pipe::{
    ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions,
};
use tokio_util::either::Either;
use windows_sys::Win32::Foundation::{ERROR_PIPE_BUSY, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::core::w;

/// Time limit for a server to create the next end of its pipe, and for a dying one to close its
/// last end.
const BUSY: Duration = Duration::from_secs(5);

pub type Pipe = Either<NamedPipeServer, NamedPipeClient>;

/// Always has one end of the pipe that waits for a client.
#[derive(Debug)]
pub struct Listener {
    name: String,
    next: NamedPipeServer,
}

impl Listener {
    /// Waits for the next connection. May be cancelled.
    pub async fn accept(&mut self) -> io::Result<Pipe> {
        self.next.connect().await?;
        let next = create(&self.name, false)?;
        Ok(Either::Left(std::mem::replace(&mut self.next, next)))
    }
}

pub fn listen(path: &Path) -> io::Result<Listener> {
    let (name, start) = (name(path), Instant::now());
    loop {
        // Fails if the pipe exists: it belongs to another user, or to a process of ours that is
        // about to end.
        match create(&name, true) {
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied && start.elapsed() < BUSY => {
                std::thread::sleep(Duration::from_millis(10));
            }
            next => return Ok(Listener { next: next?, name }),
        }
    }
}

pub async fn connect(path: &Path) -> io::Result<Pipe> {
    let (name, start) = (name(path), Instant::now());
    loop {
        match open(&name) {
            Err(e)
                if e.raw_os_error() == Some(ERROR_PIPE_BUSY as i32) && start.elapsed() < BUSY =>
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            other => return other,
        }
    }
}

pub fn open(name: &str) -> io::Result<Pipe> {
    Ok(Either::Right(ClientOptions::new().open(name)?))
}

/// A pipe's name is short and has no folder.
fn name(path: &Path) -> String {
    let hash = Sha256::digest(path.as_os_str().as_encoded_bytes());
    let digits: String = hash[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(r"\\.\pipe\podman-bootc-{digits}")
}

fn create(name: &str, first: bool) -> io::Result<NamedPipeServer> {
    let mut descriptor = std::ptr::null_mut();
    // The owner has full access, and no one else has any. The code below frees the descriptor.
    // SAFETY: the text is a constant that ends with a NUL, and the pointer outlives the call.
    #[allow(unsafe_code)]
    let done = unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            w!("D:P(A;;GA;;;OW)"),
            SDDL_REVISION_1,
            &raw mut descriptor,
            std::ptr::null_mut(),
        )
    };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    let mut attributes = SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
        lpSecurityDescriptor: descriptor,
        bInheritHandle: 0,
    };
    let mut options = ServerOptions::new();
    options.first_pipe_instance(first);
    // SAFETY: the attributes and their descriptor outlive the call.
    #[allow(unsafe_code)]
    let server = unsafe {
        options.create_with_security_attributes_raw(name, (&raw mut attributes).cast::<c_void>())
    };
    // SAFETY: the function above allocated it with LocalAlloc, and nothing uses it any more.
    #[allow(unsafe_code)]
    unsafe {
        LocalFree(descriptor);
    }
    server
}
