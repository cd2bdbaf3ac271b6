//! `test`: systems with faults, checks of all outcomes, and machines that don't come up.

use std::fs;

use serde_json::Value;

use crate::harness::{BOOT, Own, SOON, Sandbox, Signal, shared};

/// A unit that never ends its start, and a bootc with a lint that fails.
const FAULTS: &str = r#"
printf '[Service]\nType=oneshot\nExecStart=sleep infinity\n[Install]\nWantedBy=multi-user.target\n' \
    >/usr/lib/systemd/system/hanging.service
systemctl enable hanging.service
mv /usr/bin/bootc /usr/bin/bootc-standin
printf '#!/bin/sh\n[ "$1" = container ] || exec bootc-standin "$@"\necho "error: Linting: on purpose"; exit 1\n' \
    >/usr/bin/bootc
chmod 755 /usr/bin/bootc
"#;

fn case<'a>(report: &'a Value, name: &str) -> &'a Value {
    let cases = report[0]["phases"][0]["cases"].as_array().unwrap();
    let found = cases.iter().find(|case| case["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}: {report:#}"))
}

/// Asserts a failure with this text in its reason.
#[track_caller]
fn assert_failed(report: &Value, name: &str, reason: &str) {
    let case = case(report, name);
    let why = case["reason"].as_str().unwrap();
    assert!(
        case["outcome"] == "failed" && why.contains(reason),
        "{case:#}"
    );
}

#[test]
fn faults_of_a_system_and_of_its_checks_are_named() {
    let sandbox = Sandbox::new("testing");
    let image = Own::with("failing", "testing", FAULTS);
    let run = ["run", "--detach", "--name", "vm", "--ephemeral"];
    sandbox.ok(&[&run[..], &["--wait", "ssh", &image.name]].concat());
    sandbox.ok(&["ssh", "vm", "echo BUG: on purpose >/dev/kmsg"]);
    let check = sandbox.root().join("place.sh");
    fs::write(
        &check,
        "echo $PODMAN_BOOTC_PHASE $PODMAN_BOOTC_IMAGE $PODMAN_BOOTC_BOOT",
    )
    .unwrap();
    let check = check.to_str().unwrap();
    let test = [
        "test",
        "--format",
        "json",
        "--timeout",
        "30",
        "--slow-unit",
        "20",
    ];
    let checks = ["--cmd", "systemctl is-active ssh", "--script", check, "vm"];
    let output = sandbox.run(&[&test[..], &checks].concat()).expect(1);
    let report: Value = serde_json::from_str(&output.text()).unwrap();
    assert_eq!(case(&report, "boot")["outcome"], "passed");
    assert_failed(&report, "system settled", "hanging.service (start running)");
    assert_failed(&report, "no failed units", "failing.service (exit-code)");
    let units = case(&report, "no failed units")["output"].as_str().unwrap();
    assert!(units.contains("this unit fails on purpose"), "{units}");
    assert_failed(&report, "no kernel faults", "BUG: on purpose");
    assert_failed(&report, "no slow units", "hanging.service");
    assert_failed(&report, "bootc container lint", "Linting: on purpose");
    assert_eq!(case(&report, "no ordering cycles")["outcome"], "passed");
    assert_eq!(
        case(&report, "systemctl is-active ssh")["outcome"],
        "passed"
    );
    let place = format!("boot {} 1\n", image.name);
    assert_eq!(case(&report, "place.sh")["output"], place);

    // The second test of the VM is its last.
    let checks = sandbox.root().join("checks");
    fs::create_dir(&checks).unwrap();
    for (name, script) in [
        (
            "_lib.sh",
            "two() { printf '1..2\\nok 1 one\\nnot ok 2 two\\n# why\\n'; }",
        ),
        ("10-tap.sh", "#!/bin/sh\n. ./_lib.sh; two"),
        ("20-slow.sh", "echo begin; sleep 1000"),
        ("30-panic.sh", "echo c >/proc/sysrq-trigger; sleep 1000"),
        ("40-after.sh", "true"),
    ] {
        fs::write(checks.join(name), script).unwrap();
    }
    let (out, xml) = (sandbox.root().join("out"), sandbox.root().join("junit.xml"));
    let paths = [&checks, &out, &xml].map(|path| path.to_str().unwrap());
    let test = [
        "test",
        "--tap",
        "--skip",
        "settled",
        "--skip",
        "lint",
        "--check-timeout",
        "5",
    ];
    let files = [
        "--checks",
        paths[0],
        "--artifacts",
        paths[1],
        "--junit",
        paths[2],
        "vm",
    ];
    let output = sandbox.run(&[&test[..], &files].concat()).expect(1);
    let tap = output.text();
    for line in [
        "ok 8 - vm boot: 10-tap.sh: one\n",
        "not ok 9 - vm boot: 10-tap.sh: two\n# failed: why\n",
        "not ok 10 - vm boot: 20-slow.sh\n# timed out: it ran longer than 5.0s and was ended\n# | begin\n",
        "not ok 11 - vm boot: 30-panic.sh\n# lost: kernel panic",
        "ok 12 - vm boot: 40-after.sh # SKIP it did not run: kernel panic",
    ] {
        assert!(tap.contains(line), "{line}\n{tap}");
    }
    assert!(
        tap.contains("\n1..12\n") && !tap.contains("settled"),
        "{tap}"
    );
    let read =
        |name: &str| String::from_utf8_lossy(&fs::read(out.join(name)).unwrap()).into_owned();
    assert!(
        read("console.log").contains("Kernel panic"),
        "the console is complete"
    );
    assert!(read("report.txt").contains("LOST"));
    let told = read("timeline.txt");
    assert!(
        told.contains("checks") && told.contains("the VM was running before"),
        "{told}"
    );
    let xml = fs::read_to_string(&xml).unwrap();
    assert_eq!(xml, read("report.xml"));
    assert!(
        xml.contains("tests=\"12\" skipped=\"2\" errors=\"0\" failures=\"5\""),
        "{xml}"
    );
    sandbox.assert_clean(&[]);
}

#[test]
fn an_image_that_does_not_boot_leaves_its_console_and_no_vm() {
    let sandbox = Sandbox::new("testing-boot");
    let image = shared("latest");
    let out = sandbox.root().join("out");
    let artifacts = ["--artifacts", out.to_str().unwrap()];
    let test = [
        "test",
        "--ephemeral",
        "--karg",
        "rdinit=/nonexistent",
        "--cmd",
        "true",
    ];
    let output = sandbox
        .run(&[&test[..], &artifacts, &[&image]].concat())
        .expect(1);
    let text = output.text();
    assert!(text.contains("boot: kernel panic"), "{text}");
    assert!(
        text.contains("true: it did not run: the boot failed"),
        "{text}"
    );
    assert!(!text.contains('\x1b'));
    let console =
        || String::from_utf8_lossy(&fs::read(out.join("console.log")).unwrap()).into_owned();
    assert!(console().contains("Kernel panic"));

    // Two at once, and a failure of the tool.
    let two = ["--jobs", "2", &image, "localhost/no-such"];
    let output = sandbox.run(&[&test[..], &two].concat()).expect(125);
    let text = output.says("localhost/no-such").text();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let is_row = |row: &&Vec<&str>| row.starts_with(&["localhost/no-such", "error"]);
    assert!(rows.iter().any(|row| is_row(&row)), "{text}");

    let test = ["test", "--ephemeral", "--cmd", "true"];
    let running = sandbox.start(&[&test[..], &artifacts, &[&image]].concat());
    sandbox.wait_qemu();
    running.signal(Signal::INT);
    running.finish(SOON).expect(130);
    let report = fs::read_to_string(out.join("report.json")).unwrap();
    assert!(report.contains("interrupted"), "{report}");
    assert!(out.join("console.log").exists());
    assert!(sandbox.list().is_empty());
    sandbox.assert_clean(&[]);
}

#[test]
fn an_image_passes_before_and_after_a_reboot() {
    let sandbox = Sandbox::new("testing-reboot");
    let check = "echo $PODMAN_BOOTC_PHASE $PODMAN_BOOTC_BOOT | grep -E '^(boot 1|reboot 2)$'";
    let image = shared("latest");
    let markdown = sandbox.root().join("report.md");
    let test = [
        "test",
        "--ephemeral",
        "--reboot",
        "--timeline",
        "--markdown",
        markdown.to_str().unwrap(),
        "--cmd",
        check,
        "--format",
    ];
    let format = "{{.target}} {{.result}} {{.passed}} {{.failed}}";
    let output = sandbox
        .start(&[&test[..], &[format, &image]].concat())
        .finish(BOOT)
        .expect(0);
    assert_eq!(output.text(), format!("{image} passed 16 0\n"));
    let told = fs::read_to_string(&markdown).unwrap();
    for part in [
        "✅",
        "### reboot: boot 2",
        "start the VM",
        "kernel",
        "userspace",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    sandbox.assert_clean(&[]);
}
