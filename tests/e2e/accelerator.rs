//! KVM where it works, TCG where it doesn't; what is expected depends on the machine that runs the test.

use std::path::Path;

use crate::harness::{Kvm, Sandbox, shared};

#[test]
fn kvm_gives_way_to_emulation_once() {
    let kvm = Kvm::probe();
    let image = shared("latest");
    // The base disk is there; it was made in another cache.
    let shared = Sandbox::new("accelerator-base");
    shared.ok(&["run", "--detach", "--name", "base", &image]);
    shared.ok(&["rm", "--force", "base"]);
    let sandbox = Sandbox::without_memory("accelerator");
    let memory = sandbox.cache().join("accelerator.json");

    only_tcg(&sandbox, &image, &memory);
    only_kvm(&sandbox, &image, &memory, kvm);
    let output = sandbox.run(&["run", "--rm", &image, "true"]).expect(0);
    let told = output.stderr.matches("KVM doesn't work on this host").count();
    assert_eq!(told, usize::from(kvm == Kvm::Broken), "{}", output.story());
    assert_eq!(memory.exists(), kvm == Kvm::Broken);

    // Now it is known.
    let wanted = if kvm == Kvm::Works { "kvm" } else { "tcg" };
    assert_eq!(accelerators(&sandbox, &image, "auto"), [wanted]);
}

fn only_tcg(sandbox: &Sandbox, image: &str, memory: &Path) {
    assert_eq!(accelerators(sandbox, image, "tcg"), ["tcg"]);
    assert!(!memory.exists(), "nothing was tried, so nothing was learnt");
}

/// Asked for by name, it is not replaced.
fn only_kvm(sandbox: &Sandbox, image: &str, memory: &Path, kvm: Kvm) {
    if kvm == Kvm::Works {
        assert_eq!(accelerators(sandbox, image, "kvm"), ["kvm"]);
        return;
    }
    let output = sandbox.run(&["run", "--rm", "--accel", "kvm", image, "true"]).expect(125);
    let output = output.silent_about("going on with emulation");
    output.says(if kvm == Kvm::Absent { "/dev/kvm" } else { "QEMU ended with" });
    let detached = ["run", "--detach", "--name", "vm", "--accel", "kvm", image];
    sandbox.run(&detached).expect(125);
    assert!(!memory.exists());
    sandbox.run(&["rm", "vm"]);
    sandbox.assert_clean(&[]);
}

/// The accelerators that a VM's supervisor tried, in order.
fn accelerators(sandbox: &Sandbox, image: &str, choice: &str) -> Vec<String> {
    sandbox.ok(&["--log-level", "debug", "run", "--detach", "--name", "vm", "--accel", choice, image]);
    let row = sandbox.wait_running("vm");
    let log = std::fs::read_to_string(sandbox.vm_folder("vm").join("supervisor.log")).unwrap();
    let tried: Vec<String> = log
        .split("\"-accel\", \"")
        .skip(1)
        .map(|rest| rest.split(['"', ',']).next().unwrap().to_owned())
        .collect();
    assert_eq!(row["accelerator"], *tried.last().unwrap(), "{log}");
    sandbox.ok(&["rm", "--force", "vm"]);
    tried
}
