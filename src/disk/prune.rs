//! Removal of unused base disks.

use std::time::{Duration, SystemTime};

use super::{Cache, Cached, Error, Key};

/// Removes the disks that nothing uses and that were last used at least `older_than` ago, and
/// returns them. `used` tells whether a VM uses a disk. A `dry_run` removes nothing.
pub fn prune<E: From<Error>>(
    cache: &Cache,
    older_than: Duration,
    dry_run: bool,
    mut used: impl FnMut(&Key) -> Result<bool, E>,
) -> Result<Vec<Cached>, E> {
    let mut removed = Vec::new();
    for cached in cache.contents()? {
        // A time in the future means that the clock was set back. The disk counts as just used.
        let idle = SystemTime::now()
            .duration_since(cached.last_used)
            .unwrap_or_default();
        if idle >= older_than
            && cache.remove(&cached.disk.key, dry_run, || used(&cached.disk.key))?
        {
            removed.push(cached);
        }
    }
    Ok(removed)
}

/// Removes unused disks, the least recently used first, until all disks take at most `limit` bytes.
/// Returns the removed disks.
pub fn trim<E: From<Error>>(
    cache: &Cache,
    limit: u64,
    mut used: impl FnMut(&Key) -> Result<bool, E>,
) -> Result<Vec<Cached>, E> {
    let contents = cache.contents()?;
    let mut total: u64 = contents.iter().map(|cached| cached.size).sum();
    let mut removed = Vec::new();
    for cached in contents {
        if total <= limit {
            break;
        }
        if cache.remove(&cached.disk.key, false, || used(&cached.disk.key))? {
            total -= cached.size;
            removed.push(cached);
        }
    }
    Ok(removed)
}

/// Removes the unused disks that `newest` is a rebuild of.
pub fn remove_superseded<E: From<Error>>(
    cache: &Cache,
    newest: &Key,
    mut used: impl FnMut(&Key) -> Result<bool, E>,
) -> Result<(), E> {
    for disk in cache.list()? {
        let key = &disk.key;
        if key.content() == newest.content() && key.generation() < newest.generation() {
            cache.remove(key, false, || used(key))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::cache::tests::{disk, put};
    use crate::disk::{BaseDisk, InstallOptions};

    /// A disk of 1 MiB that was used `age` ago.
    fn add(cache: &Cache, name: &str, age: u64) -> BaseDisk {
        let mut disk = disk();
        disk.options = InstallOptions {
            target_imgref: name.into(),
            ..InstallOptions::default()
        };
        disk.key = Key::new(&disk.image, &disk.options);
        let disk = put(cache, disk, false);
        std::fs::remove_file(&disk.file).unwrap();
        std::fs::write(&disk.file, vec![1; 1 << 20]).unwrap();
        let used = std::fs::File::open(disk.file.with_file_name("used")).unwrap();
        used.set_modified(SystemTime::now() - Duration::from_secs(age))
            .unwrap();
        disk
    }

    fn left(cache: &Cache) -> Vec<String> {
        cache
            .contents()
            .unwrap()
            .into_iter()
            .map(|cached| cached.disk.options.target_imgref)
            .collect()
    }

    #[test]
    fn old_unused_disks_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let vm = add(&cache, "vm", 5000);
        add(&cache, "old", 4000);
        let leased = add(&cache, "leased", 3000);
        add(&cache, "new", 10);
        let used = |key: &Key| Ok::<_, Error>(*key == vm.key);
        let hour = Duration::from_secs(3600);
        let planned = prune(&cache, hour, true, used).unwrap();
        assert_eq!(planned.len(), 1);
        assert_eq!(left(&cache).len(), 4, "a dry run removes nothing");
        assert_eq!(prune(&cache, hour, false, used).unwrap(), planned);
        assert_eq!(left(&cache), ["vm", "leased", "new"]);
        let lease = cache.lease(&leased.key).unwrap();
        prune(&cache, Duration::ZERO, false, used).unwrap();
        assert_eq!(left(&cache), ["vm", "leased"]);
        drop(lease);
    }

    #[test]
    fn trim_removes_the_oldest_disks_and_no_more_than_needed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        for (name, age) in [("c", 10), ("a", 30), ("b", 20), ("vm", 40)] {
            add(&cache, name, age);
        }
        let used = |key: &Key| -> Result<bool, Error> {
            Ok(cache
                .find(key)?
                .is_some_and(|disk| disk.options.target_imgref == "vm"))
        };
        assert!(trim(&cache, 100 << 20, used).unwrap().is_empty());
        trim(&cache, 3 << 20, used).unwrap();
        assert_eq!(left(&cache).len(), 2, "the descriptions count, too");
        assert_eq!(left(&cache), ["vm", "c"]);
        trim(&cache, 0, used).unwrap();
        assert_eq!(left(&cache), ["vm"]);
    }
}
