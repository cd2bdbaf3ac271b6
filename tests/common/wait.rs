//! Waiting for what sends no signal: a process that ends, a state, a file.

use std::time::{Duration, Instant};

/// Returns what `look` finds within `time`, or nothing.
pub fn eventually<T>(time: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + time;
    loop {
        let found = look();
        if found.is_some() || Instant::now() > deadline {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
