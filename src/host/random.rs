//! Random IDs and numbers. None of them is a secret.

use std::hash::{BuildHasher, Hasher, RandomState};

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
