//! The memory that the tool and its VMs may use.

use std::path::{Path, PathBuf};

/// Returns the bytes of memory that this process may use on Linux: what the machine has available,
/// or less if a cgroup limits it. `None` if nothing tells.
pub fn usable_memory() -> Option<u64> {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    usable(&read)
}

fn usable(read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let available = read(Path::new("/proc/meminfo")).and_then(|text| available(&text));
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().filter_map(limits).flatten();
    limits
        .filter_map(|file| read(&file)?.trim().parse().ok())
        .chain(available)
        .min()
}

/// Kernels before 3.14 tell only the total.
/// <https://docs.kernel.org/filesystems/proc.html#meminfo>
fn available(meminfo: &str) -> Option<u64> {
    let field = |name| -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    let kib = field("MemAvailable:").or_else(|| field("MemTotal:"))?;
    Some(kib << 10)
}

/// Returns the files with the memory limits of a control group and of the groups above it. `line` is
/// a line of `/proc/self/cgroup`: it names the group in the unified hierarchy (version 2), or in the
/// hierarchy of some controllers (version 1). See cgroups(7).
fn limits(line: &str) -> Option<Vec<PathBuf>> {
    const FOLDER: &str = "/sys/fs/cgroup";
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, group) = (fields.next()?, fields.next()?);
    let (top, file) = match controllers {
        "" => (PathBuf::from(FOLDER), "memory.max"),
        _ if controllers.split(',').any(|one| one == "memory") => {
            (Path::new(FOLDER).join("memory"), "memory.limit_in_bytes")
        }
        _ => return None,
    };
    // A container may see the hierarchy of its own group alone, under the name of the host's.
    let folder = top.join(group.trim_start_matches('/'));
    let folders = folder
        .ancestors()
        .take_while(|folder| folder.starts_with(&top));
    Some(folders.map(|folder| folder.join(file)).collect())
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

        let busy = (
            "/proc/meminfo",
            "MemTotal:       16 kB\nMemAvailable:   12 kB\n",
        );
        assert_eq!(with(&[busy]), Some(12 << 10));
        let old = ("/proc/self/cgroup", "5:cpu,memory:/c\n4:pids:/d\n0::/a\n");
        let outside = ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "4096\n");
        let own = ("/sys/fs/cgroup/memory/c/memory.limit_in_bytes", "2048\n");
        assert_eq!(with(&[busy, old, outside]), Some(4096));
        assert_eq!(with(&[busy, old, outside, own]), Some(2048));
    }
}
