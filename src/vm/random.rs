//! Names and numbers by chance.

/// A new VM's ID.
pub fn new_id() -> String {
    format!("{:08x}{:04x}", random(), random() & 0xffff)
}

/// A number that no other process chooses at the same time.
pub fn random_number() -> u64 {
    u64::from(random()) << 32 | u64::from(random())
}

/// Chance enough for names; nothing secret is made of it.
pub fn random() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    let hash = std::hash::RandomState::new().build_hasher().finish();
    (hash ^ (hash >> 32)) as u32
}
