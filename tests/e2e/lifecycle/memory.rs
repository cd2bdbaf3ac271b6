//! A VM whose memory is saved: it runs on later, with its programs and the right time.

use std::time::{Duration, SystemTime};

use crate::harness::Sandbox;

/// Prints what only the same boot has.
const BOOT: &str = "cat /proc/sys/kernel/random/boot_id; pgrep -x sleep";

pub fn suspended(sandbox: &Sandbox) {
    let begin = format!("setsid sleep 31536000 >/dev/null 2>&1 & sleep 1; {BOOT}");
    let before = sandbox.ok(&["ssh", "keeper", &begin]);
    assert_eq!(sandbox.ok(&["suspend", "keeper"]), "keeper\n");
    sandbox.assert_clean(&["keeper"]);
    assert_eq!(sandbox.state("keeper"), "suspended");
    for command in [
        &["ssh", "keeper", "true"][..],
        &["snapshot", "create", "keeper", "early"],
    ] {
        sandbox
            .run(command)
            .expect(125)
            .says("podman-bootc start keeper");
    }
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(sandbox.ok(&["start", "keeper"]), "keeper\n");
    assert_eq!(sandbox.ok(&["ssh", "keeper", BOOT]), before);
    has_right_time(sandbox);
}

/// A running VM goes back to a snapshot, with its programs and its disks of that time.
pub fn snapshotted(sandbox: &Sandbox) {
    let disk = "/dev/disk/by-id/virtio-extra0";
    let state = format!("{BOOT}; cat /var/kept; head -n 1 {disk}");
    let state = ["ssh", "keeper", &state];
    let before = sandbox.ok(&state);
    let snapshot = |words: &[&str]| sandbox.ok(&[&["snapshot"], words].concat());
    assert_eq!(snapshot(&["create", "keeper", "live"]), "live\n");
    assert_eq!(sandbox.ok(&state), before, "it runs on");
    let reseeded = reseeded(sandbox);
    has_right_time(sandbox);
    let list = snapshot(&["list", "--format", "{{.name}} {{.memory}}", "keeper"]);
    let memory = list.lines().find_map(|line| line.strip_prefix("live "));
    let memory: u64 = memory.unwrap().parse().unwrap();
    assert!(memory > 16 << 20, "{list}");

    // What the guest has in its memory alone is lost, too.
    let change = format!("pkill -x sleep; echo changed | tee /var/kept >{disk}; sync {disk}");
    sandbox.ok(&["ssh", "keeper", &change]);
    let port = || sandbox.vm("keeper").unwrap()["ssh_port"].clone();
    let old_port = port();
    assert_eq!(snapshot(&["restore", "keeper", "live"]), "live\n");
    assert_eq!(sandbox.ok(&state), before);
    assert_eq!(self::reseeded(sandbox), reseeded + 1);
    assert_eq!(port(), old_port);
    has_right_time(sandbox);
    assert_eq!(snapshot(&["rm", "keeper", "live"]), "live\n");
    let left = std::fs::read_dir(sandbox.vm_folder("keeper")).unwrap();
    let mut left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(left.all(|name| !name.contains("live") && !name.starts_with("suspended")));
}

/// Returns how often the guest's kernel has noticed that its state may be in use twice.
fn reseeded(sandbox: &Sandbox) -> u32 {
    let count = "dmesg | grep -c 'reseeded due to virtual machine fork'; true";
    let count = sandbox.ok(&["ssh", "keeper", count]);
    count.trim().parse().unwrap()
}

fn has_right_time(sandbox: &Sandbox) {
    let now = || SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let before = now();
    let time: f64 = sandbox
        .ok(&["ssh", "keeper", "date +%s.%N"])
        .trim()
        .parse()
        .unwrap();
    let range = before.as_secs_f64() - 1.0..now().as_secs_f64() + 1.0;
    assert!(range.contains(&time), "{time} is not in {range:?}");
}
