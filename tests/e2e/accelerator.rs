//! KVM where it works, TCG elsewhere. The expected result depends on the host of the test.

use std::path::Path;

use rustix::process::Signal;

use crate::harness::{BOOT, Kvm, Running, SOON, Sandbox, shared, tool_on_processor, wait_for};

/// The beginning of the message about the fallback to emulation.
const NO_KVM: &str = "KVM doesn't work on this host";
/// Boots an emulated VM.
const EMULATED: [&str; 7] = [
    "run",
    "--name",
    "vm",
    "--accel",
    "tcg",
    "--cold",
    "--ephemeral",
];

#[test]
fn a_broken_kvm_falls_back_to_emulation_once() {
    let kvm = Kvm::probe();
    let image = shared("latest");
    // Makes the base disk with another cache: the test's own one must know nothing of this host.
    let shared = Sandbox::new("accelerator-base");
    shared.ok(&["run", "--detach", "--name", "base", &image]);
    shared.ok(&["rm", "--force", "base"]);
    let sandbox = Sandbox::without_memory("accelerator");
    let memory = sandbox.cache().join("accelerator.json");

    only_tcg(&sandbox, &image, &memory);
    only_kvm(&sandbox, &image, &memory, kvm);
    without_the_flag(&sandbox, &image, &memory, kvm);
    let tool = tool_on_processor(&sandbox, true, &["run", "--rm", &image, "true"]);
    let output = Running::start(tool, Some(vec![])).finish(BOOT).expect(0);
    let told = output.stderr.matches(NO_KVM).count();
    assert_eq!(told, usize::from(kvm == Kvm::Broken), "{}", output.story());
    assert_eq!(memory.exists(), kvm == Kvm::Broken);

    // From here on, the cache knows it.
    let wanted = if kvm == Kvm::Works { "kvm" } else { "tcg" };
    assert_eq!(accelerators(&sandbox, true, &image, "auto"), [wanted]);
}

/// The device may open on a processor that can't run a guest: KVM is not tried.
fn without_the_flag(sandbox: &Sandbox, image: &str, memory: &Path, kvm: Kvm) {
    assert_eq!(accelerators(sandbox, false, image, "auto"), ["tcg"]);
    assert!(!memory.exists(), "no attempt, no record");
    let tool = tool_on_processor(sandbox, false, &["doctor"]);
    let output = Running::start(tool, Some(vec![])).finish(SOON);
    let told = output
        .text()
        .contains("the processor has no vmx or svm flag");
    assert_eq!(told, kvm != Kvm::Absent, "{}", output.story());
}

fn only_tcg(sandbox: &Sandbox, image: &str, memory: &Path) {
    assert_eq!(accelerators(sandbox, true, image, "tcg"), ["tcg"]);
    assert!(!memory.exists(), "no attempt, no record");
}

/// `--accel kvm` never falls back to emulation.
fn only_kvm(sandbox: &Sandbox, image: &str, memory: &Path, kvm: Kvm) {
    if kvm == Kvm::Works {
        assert_eq!(accelerators(sandbox, true, image, "kvm"), ["kvm"]);
        return;
    }
    let output = sandbox
        .run(&["run", "--rm", "--accel", "kvm", image, "true"])
        .expect(125);
    let output = output.silent_about("falling back to emulation");
    // KVM makes QEMU exit, or stops its guest.
    let words: &[&str] = match kvm {
        Kvm::Absent => &["/dev/kvm"],
        Kvm::Broken | Kvm::Works => &["QEMU ended with", "kvm internal error"],
    };
    assert!(
        words.iter().any(|words| output.stderr.contains(words)),
        "{}",
        output.story()
    );
    let starts = !output.stderr.contains(words[0]);
    let detached = ["run", "--detach", "--name", "vm", "--accel", "kvm", image];
    sandbox.run(&detached).expect(if starts { 0 } else { 125 });
    if starts {
        // The VM crashes, and emulation doesn't replace KVM.
        wait_for("KVM's failure", SOON, || {
            (sandbox.state("vm") == "crashed").then_some(())
        });
        let reason = sandbox.vm("vm").unwrap()["reason"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(reason, "kvm internal error");
    }
    assert!(!memory.exists());
    sandbox.run(&["rm", "vm"]);
    sandbox.assert_clean(&[]);
}

/// Returns the accelerators that a VM's supervisor tried, in order, on a processor with or without
/// the flag for virtualization.
fn accelerators(sandbox: &Sandbox, virtualizes: bool, image: &str, choice: &str) -> Vec<String> {
    let run = [
        "run",
        "--detach",
        "--name",
        "vm",
        "--hypervisor",
        "qemu",
        "--accel",
        choice,
        image,
    ];
    let words = [&["--log-level", "debug"], &run[..]].concat();
    let tool = tool_on_processor(sandbox, virtualizes, &words);
    Running::start(tool, Some(vec![])).finish(BOOT).expect(0);
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

#[test]
fn an_emulation_that_crashes_early_starts_once_more() {
    let sandbox = Sandbox::new("accelerator-crash");
    let image = shared("latest");
    sandbox.ok(&[&EMULATED[..], &["--detach", &image]].concat());
    sandbox.wait_qemu().signal(Signal::ABORT);
    let output = sandbox.run(&["ssh", "vm", "echo", "up"]).expect(0);
    assert_eq!(output.text(), "up\n");
    output.says("(SIGABRT); starting the VM once more");
    // So does one that crashes after a reboot, with what the guest wrote.
    let reboot = "echo kept >/var/kept; systemctl reboot; sleep 3600";
    sandbox.run(&["ssh", "vm", reboot]).expect(125);
    sandbox.wait_qemu().signal(Signal::ABORT);
    let output = sandbox.run(&["ssh", "vm", "cat", "/var/kept"]).expect(0);
    assert_eq!(output.text(), "kept\n");
    // The guest's programs run now, and may have written data. The end removes an ephemeral VM.
    sandbox.wait_qemu().signal(Signal::ABORT);
    wait_for("the VM's end", SOON, || {
        sandbox.list().is_empty().then_some(())
    });
    sandbox.assert_clean(&[]);
}

/// A kernel that sleeps stands for one whose CPU has lost its timer.
#[test]
fn a_kernel_that_stands_still_is_reset() {
    let sandbox = Sandbox::new("accelerator-still");
    let image = shared("latest");
    let kargs = ["--karg", "rdinit=/none", "--karg", "rootdelay=600"];
    let run = sandbox.start(&[&EMULATED[..], &kargs, &[&image]].concat());
    run.wait_stderr("an emulated CPU stalled; starting the VM once more", BOOT);
    let boots = || sandbox.ok(&["logs", "vm"]).matches("Linux version").count();
    wait_for("the second boot", BOOT, || (boots() == 2).then_some(()));
    sandbox.ok(&["rm", "--force", "vm"]);
    run.finish(SOON).expect(125);
    sandbox.assert_clean(&[]);
}

/// With another processor model, a broken KVM may start the guest and stop it later.
#[test]
fn a_kvm_that_fails_after_the_start_falls_back_too() {
    let sandbox = Sandbox::without_memory("accelerator-guest");
    let image = shared("latest");
    let folder = sandbox.root().join("bin");
    std::fs::create_dir(&folder).unwrap();
    let qemu = which::which("qemu-system-x86_64").unwrap();
    let other_processor =
        "for word; do shift; [ \"$word\" = host ] && word=qemu64; set -- \"$@\" \"$word\"; done";
    let script = format!(
        "#!/bin/sh\n{other_processor}\nexec {} \"$@\"\n",
        qemu.display()
    );
    let program = folder.join("qemu-system-x86_64");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(
        &program,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut tool = tool_on_processor(&sandbox, true, &["run", "--rm", &image, "echo it runs"]);
    tool.env("PATH", path);
    let output = Running::start(tool, Some(vec![])).finish(BOOT).expect(0);
    assert_eq!(output.text(), "it runs\n");
    let told = output.stderr.matches(NO_KVM).count();
    assert_eq!(
        told,
        usize::from(Kvm::probe() == Kvm::Broken),
        "{}",
        output.story()
    );
    sandbox.assert_clean(&[]);
}
