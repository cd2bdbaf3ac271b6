//! Random IDs and numbers. Only [`secret`] is one.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read as _};

/// Returns the ID of a new VM: twelve hex digits.
pub fn new_id() -> String {
    format!("{:012x}", random_number() & 0xffff_ffff_ffff)
}

/// Returns a number that no other process chooses at the same time.
pub fn random_number() -> u64 {
    // The standard library seeds each process's hashers with random bytes of the operating system.
    RandomState::new().build_hasher().finish()
}

pub fn random_u32() -> u32 {
    random_number() as u32
}

/// Returns random bytes of the operating system, which no other program can guess.
///
/// # Errors
/// This system has no `/dev/urandom`.
pub fn secret<const BYTES: usize>() -> io::Result<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
