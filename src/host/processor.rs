//! The host's processor and boot, as Linux tells them.

/// The lines of `/proc/cpuinfo` that say what a guest sees of the processor.
const LINES: [&str; 7] = [
    "vendor_id",
    "cpu family",
    "model",
    "model name",
    "stepping",
    "microcode",
    "flags",
];

/// Returns the number of processors that this process may use: the machine's, or less if its
/// affinity or a cgroup limits them.
pub fn usable_processors() -> usize {
    std::thread::available_parallelism().map_or(1, |number| number.get())
}

/// Returns a text that differs between processors with different features; empty where nothing
/// tells.
pub fn processor() -> String {
    describe(&std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default())
}

fn describe(cpuinfo: &str) -> String {
    let first = cpuinfo.split("\n\n").next().unwrap_or_default();
    let kept = first.lines().filter(|line| {
        let name = line.split(':').next().unwrap_or_default().trim();
        LINES.contains(&name)
    });
    kept.collect::<Vec<_>>().join("\n")
}

/// Returns the ID of the host's boot; empty where nothing tells.
pub fn boot_id() -> String {
    let path = "/proc/sys/kernel/random/boot_id";
    let id = std::fs::read_to_string(path).unwrap_or_default();
    id.trim().to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_changes_by_itself_is_no_part_of_a_processor() {
        let text = "processor\t: 0\nmodel name\t: A\ncpu MHz\t\t: 2400.1\nflags\t\t: fpu vme\n\nprocessor\t: 1\n";
        assert_eq!(super::describe(text), "model name\t: A\nflags\t\t: fpu vme");
    }
}
