//! Signals in the middle of an install, a boot and a session: nothing is left, and the next `run`
//! works.

use podman_bootc::host::fs::lock::Lock;

use crate::harness::{BOOT, Own, Running, SOON, Sandbox, Signal, podman, shared, wait_for};

#[test]
fn an_interrupted_install_leaves_nothing() {
    let image = Own::of("latest", "interrupt");
    let sandbox = Sandbox::with_empty_cache("interrupt");
    let run = ["run", "--rm", &image.name, "true"];
    // The run waits for another process that reads an image.
    std::fs::create_dir_all(sandbox.cache().join("roots")).unwrap();
    let other = Lock::acquire(&sandbox.cache().join("roots/lock")).unwrap();
    let running = sandbox.start(&run);
    running.wait_stderr(
        "waiting for another podman-bootc that is reading an image",
        BOOT,
    );
    running.signal(Signal::INT);
    running.finish(SOON).expect(130);
    drop(other);
    // A terminal sends a signal to all of its processes.
    for (stage, to_all, signal, code) in [
        ("reading the image", true, Signal::INT, 130),
        ("saving the image's content", false, Signal::TERM, 143),
        ("booting the image", true, Signal::HUP, 129),
        ("booting the image", false, Signal::TERM, 143),
    ] {
        let running = sandbox.start(&run);
        running.wait_stderr(stage, BOOT);
        if stage == "booting the image" {
            sandbox.wait_qemu();
        }
        if to_all {
            running.signal_all(signal)
        } else {
            running.signal(signal)
        }
        running.finish(SOON).expect(code);
        assert!(!image.is_mounted(), "{stage}");
        assert!(
            sandbox.base_disks().is_empty() && sandbox.list().is_empty(),
            "{stage}"
        );
        sandbox.assert_clean(&[]);
    }

    // An image from a file: the tool releases the storage for it before the guest has finished.
    let file = format!("oci-archive:{}", sandbox.root().join("x.tar").display());
    podman(
        &[
            "save",
            "--quiet",
            "--format",
            "oci-archive",
            "--output",
            &file[12..],
            &image.name,
        ],
        vec![],
    )
    .expect(0);
    let running = sandbox.start(&["run", "--rm", &file, "true"]);
    running.wait_stderr("booting the image", BOOT);
    assert!(
        Lock::try_acquire(&sandbox.cache().join("storage.lock"))
            .unwrap()
            .is_some()
    );
    running.signal(Signal::TERM);
    running.finish(SOON).expect(143);

    // A killed tool can't clean up, but the next command does.
    let running = sandbox.start(&run);
    running.wait_stderr("booting the image", BOOT);
    sandbox.wait_qemu();
    running.signal(Signal::KILL);
    running.finish(SOON).expect(137);
    wait_for("the end of all processes", SOON, || {
        sandbox.processes().is_empty().then_some(())
    });

    // podman is killed, and the work folder is cleared.
    let running = sandbox.start(&run);
    wait_for("podman", BOOT, || {
        sandbox
            .processes()
            .into_iter()
            .find(|p| p.command.contains(" save "))
    })
    .kill();
    running
        .finish(SOON)
        .expect(125)
        .says("save the content")
        .says("SIGKILL");
    let running = sandbox.start(&run);
    running.wait_stderr("Installing image", BOOT);
    let folders = std::fs::read_dir(sandbox.cache().join("disks"))
        .unwrap()
        .flatten();
    let partial = folders
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().ends_with(".partial"));
    std::fs::remove_dir_all(partial.unwrap()).unwrap();
    running.finish(BOOT).expect(125).says("disk.raw");
    assert!(sandbox.base_disks().is_empty() && !image.is_mounted());
    sandbox.assert_clean(&[]);

    sandbox.run(&run).expect(0);
    assert_eq!(sandbox.base_disks().len(), 1);
    sandbox.assert_clean(&[]);
}

#[test]
fn an_interrupted_boot_leaves_nothing() {
    let sandbox = Sandbox::new("boot");
    let image = shared("latest");
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        for args in [
            &["run", "--rm", "--name", "vm", &image, "true"][..],
            &["run", "--name", "vm", &image],
        ] {
            let running = sandbox.start(args);
            sandbox.wait_qemu();
            if args.contains(&"--rm") {
                let log = sandbox.vm_folder("vm").join("console.log");
                let kernel = |log: String| log.contains("Linux version").then_some(());
                wait_for("the guest's kernel", BOOT, || {
                    kernel(std::fs::read_to_string(&log).ok()?)
                });
            }
            running.signal_all(signal);
            running.finish(SOON).expect(code);
            assert!(sandbox.list().is_empty());
            sandbox.assert_clean(&[]);
        }
    }
    interrupted_session(&sandbox, &image, Signal::TERM).expect(143);
    sandbox.assert_clean(&[]);
}

#[test]
fn a_killed_tool_ends_its_vm() {
    let sandbox = Sandbox::warm("kill");
    interrupted_session(&sandbox, &shared("latest"), Signal::KILL);
    wait_for("the VM to go", SOON, || {
        sandbox.list().is_empty().then_some(())
    });
    sandbox.assert_clean(&[]);
}

/// Ends a session with a signal to the tool alone.
fn interrupted_session(sandbox: &Sandbox, image: &str, signal: Signal) -> crate::harness::Output {
    let running: Running = sandbox.start(&["run", "--rm", image, "echo begun; exec sleep 1000"]);
    running.wait_stdout("begun", BOOT);
    running.signal(signal);
    running.finish(SOON)
}
