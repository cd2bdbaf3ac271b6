//! On a real filesystem.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::host::fs::path::canonical;

/// Time limit for a report.
const SOON: Duration = Duration::from_secs(20);

struct Case {
    files: Files,
    root: PathBuf,
    _folder: TempDir,
}

impl Case {
    /// The context is `c`, with a Containerfile beside it, and `target` is ignored.
    fn new(poll: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = canonical(folder.path()).unwrap();
        fs::create_dir_all(root.join("c/sub/deep")).unwrap();
        fs::create_dir(root.join("c/target")).unwrap();
        for name in ["Cf", "c/a", "c/sub/deep/b", "c/target/x"] {
            fs::write(root.join(name), "1").unwrap();
        }
        fs::write(root.join("c/.containerignore"), "target\n").unwrap();
        let sources = Sources {
            context: root.join("c"),
            containerfiles: vec![root.join("Cf")],
            ignore_file: None,
            more: vec![],
        };
        Self {
            files: Files::watch(sources, poll),
            root,
            _folder: folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Returns the files of the next report.
    async fn next(&mut self) -> Cause {
        let report = async {
            loop {
                match self.files.reports.recv().await {
                    Some(Report::Changed(cause)) => return cause,
                    Some(Report::Note(_)) => {}
                    None => panic!("the thread has ended"),
                }
            }
        };
        tokio::time::timeout(SOON, report)
            .await
            .expect("a report in time")
    }

    /// Asserts that the change is reported once, and names this file.
    async fn expect(&mut self, what: &str, name: &str, change: impl FnOnce(&Self)) {
        change(self);
        let cause = self.next().await;
        let wanted = self.path(name);
        assert!(cause.paths.contains(&wanted), "{what}: {cause:?}");
        self.assert_silent(what).await;
    }

    async fn assert_silent(&mut self, what: &str) {
        self.files.settle().await;
        if let Ok(Report::Changed(cause)) = self.files.reports.try_recv() {
            panic!("{what}: {cause:?}");
        }
    }
}

fn write(name: &'static str) -> impl Fn(&Case) {
    move |case| fs::write(case.path(name), "2").unwrap()
}

fn rename(from: &'static str, to: &'static str) -> impl Fn(&Case) {
    move |case| fs::rename(case.path(from), case.path(to)).unwrap()
}

#[tokio::test]
#[cfg_attr(windows, ignore = "Windows reports changed folders, too")]
async fn each_change_that_counts_is_reported_once() {
    let mut case = Case::new(false);
    case.assert_silent("nothing").await;

    fs::read(case.path("c/a")).unwrap();
    fs::read_dir(case.path("c/sub")).unwrap().count();
    case.assert_silent("reads").await;
    write("c/target/x")(&case);
    write("other")(&case);
    write("c/.a.swp")(&case);
    case.assert_silent("files that don't count").await;

    case.expect("a file", "c/sub/deep/b", write("c/sub/deep/b"))
        .await;
    case.expect("the Containerfile", "Cf", write("Cf")).await;
    case.expect("touch", "c/a", |case| {
        let file = fs::File::options().append(true).open(case.path("c/a"));
        file.unwrap()
            .set_modified(std::time::SystemTime::now())
            .unwrap();
    })
    .await;
    write("Cf.new")(&case);
    case.expect("a file renamed over", "Cf", rename("Cf.new", "Cf"))
        .await;
    case.expect("deleted", "Cf", |case| {
        fs::remove_file(case.path("Cf")).unwrap();
    })
    .await;
    case.expect("back", "Cf", write("Cf")).await;
    case.expect("1,000 files", "c/many-7", |case| {
        for number in 0..1000 {
            fs::write(case.path(&format!("c/many-{number}")), "1").unwrap();
        }
    })
    .await;
}

#[tokio::test]
#[cfg_attr(windows, ignore = "Windows reports changed folders, too")]
async fn folders_that_appear_are_watched() {
    let mut case = Case::new(false);
    case.expect("new folders", "c/new", |case| {
        fs::create_dir_all(case.path("c/new/inner")).unwrap();
    })
    .await;
    case.expect("in it", "c/new/inner/f", write("c/new/inner/f"))
        .await;
    case.expect("a folder moved", "c/moved", rename("c/new", "c/moved"))
        .await;
    let name = "c/moved/inner/f";
    case.expect("in the moved folder", name, write(name)).await;
    fs::create_dir(case.path("outside")).unwrap();
    write("outside/f")(&case);
    case.assert_silent("a folder outside").await;

    let rules = "c/.containerignore";
    case.expect("the rules", rules, |case| {
        fs::write(case.path(rules), "sub\n").unwrap();
    })
    .await;
    case.expect("not ignored now", "c/target/x", write("c/target/x"))
        .await;
    write("c/sub/deep/b")(&case);
    case.assert_silent("ignored now").await;
}

#[tokio::test]
async fn a_context_that_was_moved_is_watched_again_when_it_is_back() {
    let mut case = Case::new(false);
    rename("c", "away")(&case);
    tokio::time::sleep(QUIET * 2).await;
    case.assert_silent("gone").await;
    case.expect("back", "c", rename("away", "c")).await;
    case.expect("in it", "c/a", write("c/a")).await;

    fs::remove_dir_all(case.path("c")).unwrap();
    fs::create_dir(case.path("c")).unwrap();
    write("c/a")(&case);
    let cause = case.next().await;
    assert!(cause.paths.contains(&case.path("c")), "{cause:?}");
    case.expect("in the new one", "c/a", write("c/a")).await;
}

#[tokio::test]
#[cfg_attr(windows, ignore = "Windows reports changed folders, too")]
async fn polling_sees_the_same_changes() {
    let mut case = Case::new(true);
    write("c/target/x")(&case);
    case.expect("a file", "c/sub/deep/b", write("c/sub/deep/b"))
        .await;
    case.expect("the Containerfile", "Cf", write("Cf")).await;
    case.expect("a new folder", "c/new", |case| {
        fs::create_dir(case.path("c/new")).unwrap();
    })
    .await;
    case.expect("in it", "c/new/f", write("c/new/f")).await;
    case.expect("deleted", "c/a", |case| {
        fs::remove_file(case.path("c/a")).unwrap();
    })
    .await;
    rename("c", "away")(&case);
    case.assert_silent("gone").await;
    case.expect("back", "c", rename("away", "c")).await;
}
