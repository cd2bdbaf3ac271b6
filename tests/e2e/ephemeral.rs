//! `run --ephemeral`: the image itself, without a disk.

use crate::harness::{Sandbox, shared};

#[test]
fn an_image_boots_without_a_disk() {
    let sandbox = Sandbox::new("ephemeral");
    let image = shared("latest");
    let command = "echo x >/etc/x && echo y >/var/y && cat /etc/x /var/y && ! touch /usr/z 2>/dev/null && ls /dev/vda1; exit 3";
    let output = sandbox.run(&["run", "--ephemeral", &image, command]).expect(3).silent_about("install ");
    assert_eq!(output.text(), "x\ny\n");
    assert!(sandbox.list().is_empty());
    sandbox.run(&["run", "--ephemeral", "--disk-size", "20G", &image]).expect(125).says("--disk-size");
}
