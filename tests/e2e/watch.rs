//! The watch loop: one VM goes through several cycles.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{BOOT, Running, SOON, Sandbox, Signal, podman, shared, wait_for};

/// The images of the loop, which are removed with this value.
#[derive(Default)]
struct Images(BTreeSet<String>);

impl Drop for Images {
    fn drop(&mut self) {
        for image in &self.0 {
            podman(&["rmi", "--force", image], vec![]);
        }
    }
}

struct Loop {
    running: Running,
    context: PathBuf,
    images: Images,
    seen: usize,
}

impl Loop {
    /// Changes something, and returns the event of the cycle that it leads to.
    fn cycle(&mut self, change: impl FnOnce(&Path)) -> Value {
        let start = Instant::now();
        change(&self.context);
        let cycle = wait_for("a cycle", BOOT, || {
            assert!(self.running.lives(), "{}", self.running.text());
            cycles(&self.running.text()).into_iter().nth(self.seen)
        });
        self.seen += 1;
        if let Some(image) = cycle["image"].as_str() {
            self.images.0.insert(image.to_owned());
        }
        eprintln!("{:.1} s: {cycle}", start.elapsed().as_secs_f64());
        cycle
    }
}

fn events(text: &str) -> Vec<Value> {
    // The last line may be incomplete.
    let lines = text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn cycles(text: &str) -> Vec<Value> {
    let mut events = events(text);
    events.retain(|event| event["event"] == "cycle");
    events
}

fn outcome(cycle: &Value) -> (&str, &str) {
    let text = |value: &'static str| cycle[value].as_str().unwrap_or_default();
    (text("cause"), text("outcome"))
}

#[test]
fn a_loop_brings_its_vm_to_each_image_and_leaves_nothing() {
    let good = format!(
        "FROM {}\nCOPY version /usr/share/version\n",
        shared("latest")
    );
    let sandbox = Sandbox::new("watch");
    let context = sandbox.root().join("context");
    fs::create_dir(&context).unwrap();
    fs::write(context.join(".containerignore"), "ignored\n").unwrap();
    fs::write(context.join("Containerfile"), &good).unwrap();
    fs::write(context.join("version"), "good 1\n").unwrap();
    let folder = context.to_str().unwrap();
    let check = "grep good /usr/share/version";
    let watch = ["watch", "--ephemeral", "--format", "json", "--name", "loop"];
    let options = ["--network", "none", "--check-timeout", "90s"];
    let words = [&watch[..], &options, &[folder, "--", check]].concat();
    let mut watch = Loop {
        running: sandbox.start(&words),
        context,
        images: Images::default(),
        seen: 0,
    };

    let first = watch.cycle(|_| ());
    assert_eq!(outcome(&first), ("start", "passed"));
    assert_eq!(
        (&first["vm"]["name"], &first["vm"]["action"]),
        (&"loop".into(), &"new".into())
    );
    // Nothing of it is a change, and nothing leads to a second build.
    let touched = watch.cycle(|context| {
        fs::read(context.join("version")).unwrap();
        fs::write(context.join("ignored"), "x").unwrap();
        fs::write(context.join("version"), "good 1\n").unwrap();
    });
    assert_eq!(outcome(&touched), ("version", "unchanged"));

    let failed = watch.cycle(|context| fs::write(context.join("version"), "bad\n").unwrap());
    assert_eq!(outcome(&failed), ("version", "failed"));
    assert_eq!(failed["checks"]["failures"][0], check);
    assert_eq!(failed["vm"]["action"], "userspace");
    assert_eq!(
        (&failed["layers"]["new"], &failed["checks"]["failed"]),
        (&1.into(), &1.into())
    );

    // The last good VM stays.
    let broken = watch.cycle(|context| {
        fs::write(context.join("Containerfile"), "FROM\n").unwrap();
    });
    assert_eq!(outcome(&broken), ("Containerfile", "build-failed"));
    let version = sandbox.ok(&["ssh", "loop", "cat /usr/share/version"]);
    assert_eq!(version, "bad\n");

    // An editor renames; a thousand files are one change.
    let repaired = watch.cycle(|context| {
        fs::write(context.join("version"), "good 2\n").unwrap();
        for number in 0..1000 {
            fs::write(context.join(format!("file-{number}")), "x").unwrap();
        }
        fs::write(context.join("new"), &good).unwrap();
        fs::rename(context.join("new"), context.join("Containerfile")).unwrap();
    });
    assert_eq!(repaired["outcome"], "passed", "{repaired}");
    assert!(repaired["changed"].as_u64().unwrap() > 1000, "{repaired}");

    std::thread::sleep(Duration::from_secs(1));
    watch.running.signal(Signal::INT);
    let Loop {
        running,
        images,
        seen,
        ..
    } = watch;
    let output = running.finish(SOON).expect(130);
    let text = output.text();
    assert_eq!(cycles(&text).len(), seen, "{text}");
    assert_eq!(events(&text).last().unwrap()["event"], "end");
    assert!(!text.contains('\u{1b}') && !output.stderr.contains('\u{1b}'));
    sandbox.assert_clean(&[]);
    assert_eq!(images.0.len(), 3);
}

/// A context whose builds take a second, and whose images no VM can boot.
fn context_without_a_system(sandbox: &Sandbox) -> PathBuf {
    let context = sandbox.root().join("context");
    fs::create_dir(&context).unwrap();
    fs::write(context.join("Containerfile"), NO_SYSTEM).unwrap();
    fs::write(context.join(".containerignore"), "ignored\n").unwrap();
    fs::write(context.join("file"), "1\n").unwrap();
    context
}

const NO_SYSTEM: &str = "FROM scratch\nCOPY . /\n";

#[test]
fn nothing_is_missed_and_nothing_is_built_twice() {
    let sandbox = Sandbox::new("watch-files");
    let context = context_without_a_system(&sandbox);
    let (away, folder) = (sandbox.root().join("away"), context.to_str().unwrap());
    let mut watch = Loop {
        running: sandbox.start(&["watch", "--format", "json", "--network", "none", folder]),
        context: context.clone(),
        images: Images::default(),
        seen: 0,
    };
    let write = |name: &str, text: &str| fs::write(context.join(name), text).unwrap();
    let rename = |from: &str, to: &str| {
        fs::rename(context.join(from), context.join(to)).unwrap();
    };
    let mut expect = |cause: &str, failed: &str, change: &dyn Fn()| {
        let cycle = watch.cycle(|_| change());
        assert_eq!(outcome(&cycle), (cause, failed), "{cycle}");
        // A second cycle of the same change would be here.
        std::thread::sleep(Duration::from_millis(700));
        assert_eq!(cycles(&watch.running.text()).len(), watch.seen, "{cause}");
        watch.running.text()
    };
    expect("start", "vm-failed", &|| ());
    expect("file", "vm-failed", &|| {
        write("ignored", "x");
        fs::read(context.join("Containerfile")).unwrap();
        write("file", "1\n");
    });
    expect("Containerfile", "build-failed", &|| {
        write("Containerfile", "FROM\n");
    });
    expect("Containerfile", "build-failed", &|| {
        fs::remove_file(context.join("Containerfile")).unwrap();
    });
    expect("Containerfile", "vm-failed", &|| {
        write("Containerfile", NO_SYSTEM);
    });
    expect("Containerfile", "vm-failed", &|| {
        rename("Containerfile", "Containerfile~");
        write("new", NO_SYSTEM);
        rename("new", "Containerfile");
        fs::remove_file(context.join("Containerfile~")).unwrap();
    });
    expect("a", "vm-failed", &|| {
        fs::create_dir_all(context.join("a/b")).unwrap();
        write("a/b/c", "x");
    });
    let text = expect(folder, "vm-failed", &|| {
        fs::rename(&context, &away).unwrap();
        // Longer than the time between two looks at the folder.
        std::thread::sleep(Duration::from_secs(2));
        fs::rename(&away, &context).unwrap();
    });
    assert!(text.contains("is gone: waiting until it is back"), "{text}");
    expect("a/b/c", "vm-failed", &|| write("a/b/c", "y"));

    watch.running.signal(Signal::INT);
    let Loop { running, .. } = watch;
    running.finish(SOON).expect(130);
    sandbox.assert_clean(&[]);
}

#[test]
fn the_keys_work_and_the_terminal_is_as_before() {
    let sandbox = Sandbox::new("watch-keys");
    let context = context_without_a_system(&sandbox);
    let (context, tool) = (context.to_str().unwrap(), sandbox.tool(&["watch"]));
    let tool = tool.get_program().to_str().unwrap();
    let line = format!(
        "stty -a; '{tool}' watch --bell --build false -t localhost/none '{context}'; echo \
         code $?; stty -a"
    );
    let mut watch = sandbox.run_on_terminal(&line);
    for (keys, answer) in [
        ("", "start · build failed"),
        ("x", "q quit"),
        ("t", "there are no checks"),
        ("s", "no VM runs"),
        ("l", "no VM runs"),
        ("f", "no image has been built yet"),
        ("r", "key r · build failed"),
    ] {
        watch.type_keys(keys);
        watch.wait_stdout(answer, SOON);
    }
    watch.type_keys("q");
    watch.wait_stdout("code 0", SOON);
    let text = watch.finish(SOON).expect(0).text();
    assert!(text.contains('\u{7}'), "the bell rings: {text}");
    let settings: Vec<_> = text.split("speed ").skip(1).collect();
    let [before, after] = settings[..] else {
        panic!("{text}");
    };
    let modes = |text: &str| {
        let words = text.split_whitespace();
        let of_modes = words.filter(|word| ["icanon", "echo", "isig"].contains(word));
        of_modes.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(modes(after).len(), 3, "{after}");
    assert_eq!(modes(before), modes(after));
    sandbox.assert_clean(&[]);
}
