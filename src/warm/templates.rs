//! The folder of templates. A template appears under its key only when it is complete.
//!
//! `KEY.lock` is locked by the process that makes the template in `KEY.partial`, and `KEY/used` by
//! each VM that stands on it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Key;
use super::making::{Making, MakingLock};
use super::template::{
    self, DESCRIPTION, Description, MEMORY, REFUSALS, Template, USED, VERSION, refusal,
};
use crate::host::fs::file::{self, IoContext as _};
use crate::host::fs::lock::Lock;
use crate::host::{self, fault};

const PARTIAL: &str = ".partial";
const LOCK: &str = ".lock";
/// The origin of a template whose description can't be read.
const DAMAGED: &str = "(damaged)";
/// Unused templates beyond this number are removed when one is made.
const KEEP: usize = 8;
/// Bytes that stay free on the host's disk beside a template's memory.
const RESERVE: u64 = 512 << 20;

/// The templates of this user.
#[derive(Debug, Clone)]
pub struct Templates {
    folder: PathBuf,
}

/// The result of [`Templates::begin`].
#[derive(Debug)]
pub enum Begun {
    Making(Making),
    /// Another process has made the template meanwhile.
    Made(Template),
    /// No template can be made now, for this reason.
    Not(String),
}

/// A template in a listing.
#[derive(Debug)]
pub struct Listed {
    pub key: String,
    pub origin: String,
    pub last_used: SystemTime,
    /// Bytes on the host.
    pub size: u64,
    pub in_use: bool,
    folder: PathBuf,
}

impl Templates {
    pub fn open(folder: &Path) -> Result<Self, file::Error> {
        file::create_private_dir(folder).writing(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Returns the template with this key.
    pub fn find(&self, key: &Key) -> Option<Template> {
        let folder = self.folder_of(key);
        // A template has all that its guest's kernel knows, and another user's would run as ours.
        if !file::is_private_dir(&folder) {
            return None;
        }
        let lease = Lock::acquire_shared(&folder.join(USED)).ok()?;
        // The time of the last use.
        let _ = lease.touch();
        let description: Description = file::read_json(&folder.join(DESCRIPTION), VERSION).ok()?;
        let template = Template::new(folder, lease);
        let is_safe = description.synced || description.host_boot == host::boot_id();
        if is_safe && template.state().exists() {
            return Some(template);
        }
        template.discard();
        None
    }

    /// Returns the reason why no machine of this shape can be resumed now.
    pub fn refusal(&self, key: &Key) -> Option<String> {
        refusal(&self.folder_of(key))
    }

    /// Begins a template whose memory may take `size` bytes.
    pub fn begin(&self, key: &Key, size: u64, origin: &str) -> Begun {
        match self.try_begin(key, size, origin) {
            Ok(begun) => begun,
            Err(error) => Begun::Not(format!("can't make a template: {error}")),
        }
    }

    fn try_begin(&self, key: &Key, size: u64, origin: &str) -> io::Result<Begun> {
        if !file::is_private_dir(&self.folder) {
            return Ok(Begun::Not(
                "the folder of templates is open to other users".into(),
            ));
        }
        let Some(lock) = MakingLock::try_acquire(self.beside(key, LOCK))? else {
            return Ok(Begun::Not(
                "another podman-bootc is making its template".into(),
            ));
        };
        if let Some(template) = self.find(key) {
            return Ok(Begun::Made(template));
        }
        self.sweep();
        // A guest that writes to memory without a place on the disk would die of it.
        if host::free_space(&self.folder).is_ok_and(|free| free < size.saturating_add(RESERVE)) {
            return Ok(Begun::Not("the host has no space for a template".into()));
        }
        let partial = self.beside(key, PARTIAL);
        file::remove_dir(&partial)?;
        file::create_private_dir(&partial)?;
        file::create_private(&partial.join(MEMORY))?;
        fault::point("template-begun");
        Ok(Begun::Making(Making {
            partial,
            folder: self.folder_of(key),
            origin: origin.to_owned(),
            _lock: lock,
        }))
    }

    /// Removes what killed processes left.
    fn sweep_killed(&self) {
        for entry in file::entries(&self.folder) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let key = [PARTIAL, LOCK]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            let Some(key) = key else {
                continue;
            };
            let lock = self.folder.join(format!("{key}{LOCK}"));
            if let Ok(Some(_lock)) = MakingLock::try_acquire(lock) {
                let _ = file::remove_dir(&self.folder.join(format!("{key}{PARTIAL}")));
            }
        }
    }

    /// Removes what killed processes left, and the templates that were not used for longest.
    fn sweep(&self) {
        self.sweep_killed();
        for template in self.list().into_iter().rev().skip(KEEP - 1) {
            template.remove();
        }
    }

    /// Returns all templates, the one that was not used for longest first.
    pub fn list(&self) -> Vec<Listed> {
        let entries = file::entries(&self.folder).map(|entry| entry.path());
        let mut all: Vec<Listed> = entries.filter_map(Listed::read).collect();
        all.sort_by_key(|template| template.last_used);
        all
    }

    /// Removes unused templates, the least recently used first, until all of them take at most `limit`
    /// bytes. Returns the removed ones.
    pub fn trim(&self, limit: u64) -> Vec<Listed> {
        let all = self.list();
        let mut total: u64 = all.iter().map(|template| template.size).sum();
        let mut remove = |template: &Listed| {
            let removed = total > limit && template.remove();
            total -= if removed { template.size } else { 0 };
            removed
        };
        all.into_iter()
            .filter(|template| remove(template))
            .collect()
    }

    /// Removes the templates that no VM uses and that were last used at least `older_than` ago, and
    /// returns them. A `dry_run` removes nothing.
    pub fn prune(&self, older_than: Duration, dry_run: bool) -> Vec<Listed> {
        if !dry_run {
            self.sweep_killed();
            self.forget_refusals(older_than);
        }
        let is_old = |template: &Listed| {
            let idle = template.last_used.elapsed().unwrap_or_default();
            !template.in_use && idle >= older_than
        };
        let old = self.list().into_iter().filter(is_old);
        old.filter(|template| dry_run || template.remove())
            .collect()
    }

    fn forget_refusals(&self, older_than: Duration) {
        let is_old = |path: &Path| {
            let changed = path.metadata().and_then(|metadata| metadata.modified());
            changed.is_ok_and(|time| time.elapsed().unwrap_or_default() >= older_than)
        };
        for path in file::entries(&self.folder).map(|entry| entry.path()) {
            let name = path.to_string_lossy();
            if REFUSALS.iter().any(|end| name.ends_with(end)) && is_old(&path) {
                let _ = file::remove_if_exists(&path);
            }
        }
    }

    fn folder_of(&self, key: &Key) -> PathBuf {
        self.folder.join(key.to_string())
    }

    fn beside(&self, key: &Key, end: &str) -> PathBuf {
        template::beside(&self.folder_of(key), end)
    }
}

impl Listed {
    /// Returns nothing for a folder that isn't a template's.
    fn read(folder: PathBuf) -> Option<Self> {
        let used = folder.join(USED);
        let key = folder.file_name()?.to_string_lossy().into_owned();
        // A template in the making has its description before it has its name.
        if key.contains('.') || !folder.is_dir() {
            return None;
        }
        let description = file::read_json::<Description>(&folder.join(DESCRIPTION), VERSION);
        let last_used = used.metadata().or_else(|_| folder.metadata());
        Some(Self {
            key,
            origin: description.map_or(DAMAGED.into(), |description| description.origin),
            last_used: last_used.and_then(|used| used.modified()).ok()?,
            size: file::folder_size(&folder),
            in_use: !matches!(Lock::try_acquire(&used), Ok(Some(_))),
            folder,
        })
    }

    /// Removes the template; returns false if a VM uses it.
    fn remove(&self) -> bool {
        match Lock::try_acquire(&self.folder.join(USED)) {
            Ok(Some(_lock)) => file::remove_dir(&self.folder).is_ok(),
            Ok(None) | Err(_) => false,
        }
    }
}

// Only Linux has templates.
#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::{Launch, sample_machine};
    use crate::warm::{Lasts, shape};

    fn key(program: &str) -> Key {
        let launch = Launch {
            program: program.into(),
            args: vec![],
        };
        Key::new(&launch, &shape(&sample_machine()), b"")
    }

    fn begin(templates: &Templates, key: &Key) -> Making {
        match templates.begin(key, 0, "an image") {
            Begun::Making(making) => making,
            other => panic!("{other:?}"),
        }
    }

    fn make(templates: &Templates, key: &Key) -> Template {
        let making = begin(templates, key);
        std::fs::write(making.state(), "state").unwrap();
        making.finish().unwrap()
    }

    #[test]
    fn half_a_template_is_never_found() {
        let dir = tempfile::tempdir().unwrap();
        let (templates, key) = (Templates::open(dir.path()).unwrap(), key("/a"));
        let making = begin(&templates, &key);
        std::fs::write(making.state(), "state").unwrap();
        assert!(templates.find(&key).is_none() && templates.list().is_empty());
        assert!(matches!(templates.begin(&key, 0, ""), Begun::Not(_)));
        drop(making);
        assert!(!dir.path().join(format!("{key}{PARTIAL}")).exists());
        // A killed process leaves its folder without a lock.
        let left = dir.path().join(format!("{}{PARTIAL}", self::key("/b")));
        std::fs::create_dir(&left).unwrap();
        drop(make(&templates, &key));
        assert!(templates.find(&key).is_some() && !left.exists());
        assert!(matches!(templates.begin(&key, 0, ""), Begun::Made(_)));
    }

    #[test]
    fn a_template_in_use_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (templates, key) = (Templates::open(dir.path()).unwrap(), key("/a"));
        let template = make(&templates, &key);
        assert!(templates.list()[0].in_use);
        assert!(templates.prune(Duration::ZERO, false).is_empty());
        drop(template);
        assert!(templates.prune(Duration::from_secs(60), false).is_empty());
        assert_eq!(templates.prune(Duration::ZERO, true).len(), 1);
        assert_eq!(templates.prune(Duration::ZERO, false).len(), 1);
        assert!(templates.find(&key).is_none());
    }

    #[test]
    fn files_that_were_not_synced_count_in_the_same_boot_only() {
        let dir = tempfile::tempdir().unwrap();
        let (templates, key) = (Templates::open(dir.path()).unwrap(), key("/a"));
        drop(make(&templates, &key));
        let folder = dir.path().join(key.to_string());
        let description = |synced, host_boot: &str| {
            let description = Description {
                version: VERSION,
                origin: String::new(),
                made: jiff::Timestamp::now(),
                host_boot: host_boot.into(),
                synced,
            };
            file::write_json(&folder.join(DESCRIPTION), &description).unwrap();
        };
        // The thread that syncs has written by then, or writes the same.
        while !file::read_json::<Description>(&folder.join(DESCRIPTION), VERSION)
            .unwrap()
            .synced
        {
            std::thread::yield_now();
        }
        description(true, "another");
        assert!(templates.find(&key).is_some());
        description(false, &host::boot_id());
        assert!(templates.find(&key).is_some());
        description(false, "another");
        assert!(templates.find(&key).is_none() && !folder.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_can_change_has_no_templates() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let (templates, key) = (Templates::open(dir.path()).unwrap(), key("/a"));
        drop(make(&templates, &key));
        let open = std::fs::Permissions::from_mode(0o777);
        let folder = dir.path().join(key.to_string());
        std::fs::set_permissions(&folder, open.clone()).unwrap();
        assert!(templates.find(&key).is_none());
        std::fs::set_permissions(dir.path(), open).unwrap();
        assert!(matches!(templates.begin(&key, 0, ""), Begun::Not(_)));
    }

    #[test]
    fn a_refused_shape_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let (templates, key) = (Templates::open(dir.path()).unwrap(), key("/a"));
        assert_eq!(templates.refusal(&key), None);
        begin(&templates, &key).refuse("why", Lasts::Always);
        assert_eq!(templates.refusal(&key).as_deref(), Some("why"));
        assert_eq!(templates.refusal(&self::key("/b")), None);
        templates.prune(Duration::from_secs(60), false);
        assert!(templates.refusal(&key).is_some());
        templates.prune(Duration::ZERO, false);
        assert_eq!(templates.refusal(&key), None);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_template_is_listed_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (templates, key) = (Templates::open(dir.path()).unwrap(), key("/a"));
        drop(make(&templates, &key));
        let folder = dir.path().join(key.to_string());
        std::fs::remove_file(folder.join(DESCRIPTION)).unwrap();
        std::fs::remove_file(folder.join(USED)).unwrap();
        assert!(templates.find(&key).is_none());
        let listed = templates.list();
        assert_eq!((listed.len(), listed[0].origin.as_str()), (1, DAMAGED));
        assert_eq!(templates.prune(Duration::ZERO, false).len(), 1);
        assert!(!folder.exists());
    }

    #[test]
    fn trim_removes_the_oldest_templates_and_none_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let templates = Templates::open(dir.path()).unwrap();
        let [used, old, new] = ["/used", "/old", "/new"].map(key);
        let _lease = make(&templates, &used);
        for (key, age) in [(&old, 20), (&new, 10)] {
            drop(make(&templates, key));
            let used = dir.path().join(key.to_string()).join(USED);
            let used = std::fs::File::options().write(true).open(used).unwrap();
            used.set_modified(SystemTime::now() - Duration::from_secs(age))
                .unwrap();
        }
        // Their size changes until their threads have written that the files are synced.
        for key in [&used, &old, &new] {
            let description = dir.path().join(key.to_string()).join(DESCRIPTION);
            let read = || file::read_json::<Description>(&description, VERSION).unwrap();
            while !read().synced {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        let total: u64 = templates.list().iter().map(|template| template.size).sum();
        assert!(templates.trim(total).is_empty());
        let removed = templates.trim(total - 1);
        assert_eq!((removed.len(), &removed[0].key), (1, &old.to_string()));
        assert_eq!(templates.trim(0).len(), 1);
        assert!(templates.list()[0].in_use);
    }

    #[test]
    fn a_refusal_of_a_slow_host_lasts_a_day() {
        let dir = tempfile::tempdir().unwrap();
        let (templates, key) = (Templates::open(dir.path()).unwrap(), key("/a"));
        begin(&templates, &key).refuse("late", Lasts::ADay);
        assert_eq!(templates.refusal(&key).as_deref(), Some("late"));
        let age = |file: &Path| {
            let yesterday = SystemTime::now() - Duration::from_secs(24 * 60 * 60 + 1);
            let file = std::fs::File::options().write(true).open(file).unwrap();
            file.set_modified(yesterday).unwrap();
        };
        file::entries(dir.path()).for_each(|entry| age(&entry.path()));
        assert_eq!(templates.refusal(&key), None);
        begin(&templates, &key).refuse("why", Lasts::Always);
        file::entries(dir.path()).for_each(|entry| age(&entry.path()));
        assert_eq!(templates.refusal(&key).as_deref(), Some("why"));
        templates.prune(Duration::ZERO, false);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_the_newest_templates_stay() {
        let dir = tempfile::tempdir().unwrap();
        let templates = Templates::open(dir.path()).unwrap();
        for number in 0..KEEP + 2 {
            drop(make(&templates, &key(&number.to_string())));
        }
        assert_eq!(templates.list().len(), KEEP);
    }
}
