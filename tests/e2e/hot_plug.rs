//! `set` on a running VM: shares and disks that come and go.

use std::fs;

use crate::harness::{Sandbox, shared};

#[test]
fn a_running_vm_gets_and_loses_shares_and_disks() {
    let sandbox = Sandbox::new("hot-plug");
    let folder = sandbox.root().join("a, b");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("file"), "x\n").unwrap();
    let share = format!("{}:/var/shared", folder.display());
    let image = shared("latest");
    let run = [
        "run",
        "--detach",
        "--ephemeral",
        "--cold",
        "--name",
        "vm",
        &image,
    ];
    sandbox.run(&run).expect(0);
    let set = |words: &[&str]| sandbox.run(&[&["set", "vm"], words].concat());
    let settings = || {
        let vm = sandbox.ok(&["inspect", "vm"]);
        let vm: serde_json::Value = serde_json::from_str(&vm).unwrap();
        vm[0]["spec"]["settings"].clone()
    };

    for round in ["first", "second"] {
        let added = set(&["--add-volume", &share, "--add-disk", "new:64M"]).expect(0);
        assert_eq!(added.text(), "extra0\n");
        // A process in the share and a mount of the disk keep both.
        let look = format!(
            "cd /var/shared && cat file && echo {round} >from-vm && mkdir -p /var/disk &&
             mkfs.ext4 -q /dev/disk/by-id/virtio-extra0 &&
             mount /dev/disk/by-id/virtio-extra0 /var/disk && {{ sleep 1000 >/dev/null 2>&1 & }}"
        );
        assert_eq!(sandbox.ok(&["ssh", "vm", &look]), "x\n");
        let written = fs::read_to_string(folder.join("from-vm")).unwrap();
        assert_eq!(written, format!("{round}\n"));
        set(&["--remove-volume", "/var/shared"])
            .expect(125)
            .says("sleep (process ");
        set(&["--remove-disk", "extra0"])
            .expect(125)
            .says("mounted at /var/disk");
        sandbox.ok(&["ssh", "vm", "pkill sleep; umount /var/disk"]);
        let remove = ["--remove-volume", "/var/shared/", "--remove-disk", "extra0"];
        set(&remove).expect(0);
        let left = "grep -c shared /proc/mounts; ls /dev/disk/by-id | grep -c extra; true";
        assert_eq!(sandbox.ok(&["ssh", "vm", left]), "0\n0\n");
        assert!(!sandbox.vm_folder("vm").join("extra0.qcow2").exists());
    }

    // The machine's ports are for the devices that it has now.
    set(&["--add-disk", "new:64M"]).expect(0);
    let more = ["--add-disk", "new:65M"].repeat(4);
    set(&more).expect(125).says("no free port");
    let sizes: Vec<_> = settings()["disks"].as_array().unwrap().clone();
    let sizes = sizes.iter().map(|disk| disk["new"]["size"].as_u64());
    let mib = |size: u64| Some(size << 20);
    assert_eq!(
        sizes.collect::<Vec<_>>(),
        [mib(64), mib(65), mib(65), mib(65), None],
        "a disk that the machine can't take isn't in the settings"
    );
    set(&["--remove-volume", "/var/none"])
        .expect(125)
        .says("its shares: none");
    sandbox.ok(&["rm", "--force", "vm"]);
    sandbox.assert_clean(&[]);
}
