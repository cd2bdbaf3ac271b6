//! Configured flags and timelines of runs.

use std::fs;

use crate::harness::{BOOT, Running, Sandbox, shared};

#[test]
fn a_projects_file_configures_a_vm_and_a_timeline_shows_its_boot() {
    let sandbox = Sandbox::new("configured");
    let folder = sandbox.root().join("project/src");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("hello"), "hello\n").unwrap();
    let file = "[run]\nephemeral = true\ncpus = 2\nhostname = 'configured'\n\
                volume = ['src:/var/src:ro']\n";
    fs::write(sandbox.root().join("project/.podman-bootc.toml"), file).unwrap();
    let user = sandbox.root().join("user/podman-bootc");
    fs::create_dir_all(&user).unwrap();
    // The project's `ephemeral` beats it.
    fs::write(user.join("config.toml"), "[run]\nfilesystem = 'xfs'\n").unwrap();
    let command = "hostname; nproc; cat /var/src/hello; touch /var/src/x 2>/dev/null || echo no";
    let image = shared("latest");
    let mut tool = sandbox.tool(&["run", "--timeline=boot.svg", &image, command]);
    tool.current_dir(&folder)
        .env("PODMAN_BOOTC_NO_CONFIG", "")
        .env("PODMAN_BOOTC_CPUS", "1")
        .env("XDG_CONFIG_HOME", sandbox.root().join("user"));
    let output = Running::start(tool, Some(vec![])).finish(BOOT).expect(0);
    assert_eq!(output.text(), "configured\n1\nhello\nno\n");
    output
        .says(".podman-bootc.toml:5 sets --volume=")
        .says(&format!("{image} in "))
        .says("find the image")
        .says("start the VM")
        .says("kernel")
        .says("userspace")
        .says(".service");
    let svg = fs::read_to_string(folder.join("boot.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(svg.contains(">kernel<") && svg.contains(">slowest units<"));
    assert!(sandbox.list().is_empty());
}
