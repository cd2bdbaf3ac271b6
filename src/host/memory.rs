//! The memory that the tool and its VMs may use.

use std::path::Path;

/// Returns the bytes of memory that this process may use on Linux: the machine's, or less if a
/// cgroup limits it. `None` if nothing tells.
pub fn usable_memory() -> Option<u64> {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    usable(&read)
}

fn usable(read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let total = read(Path::new("/proc/meminfo")).and_then(|text| total(&text));
    let group = read(Path::new("/proc/self/cgroup")).and_then(|text| group(&text));
    let limits = group.iter().flat_map(|group| {
        let folder = Path::new("/sys/fs/cgroup").join(group.trim_start_matches('/'));
        folder
            .ancestors()
            .map(|folder| folder.join("memory.max"))
            .collect::<Vec<_>>()
    });
    limits
        .filter_map(|file| read(&file)?.trim().parse().ok())
        .chain(total)
        .min()
}

/// <https://docs.kernel.org/filesystems/proc.html#meminfo>
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}

/// The process's group in the unified hierarchy, as cgroups(7) describes.
fn group(cgroup: &str) -> Option<String> {
    let line = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_limit_counts() {
        let with = |files: &[(&str, &str)]| {
            let read = |path: &Path| {
                let found = files.iter().find(|(name, _)| Path::new(name) == path);
                found.map(|(_, text)| (*text).to_owned())
            };
            usable(&read)
        };
        let meminfo = ("/proc/meminfo", "MemTotal:       16 kB\nMemFree: 1 kB\n");
        let cgroup = ("/proc/self/cgroup", "1:name=x:/\n0::/a/b\n");
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[meminfo]), Some(16 << 10));
        assert_eq!(with(&[meminfo, cgroup]), Some(16 << 10));
        let limit = ("/sys/fs/cgroup/a/memory.max", "8192\n");
        let none = ("/sys/fs/cgroup/a/b/memory.max", "max\n");
        assert_eq!(with(&[meminfo, cgroup, none, limit]), Some(8192));
        let large = ("/sys/fs/cgroup/a/b/memory.max", "99999999\n");
        assert_eq!(with(&[meminfo, cgroup, large]), Some(16 << 10));
    }
}
