//! Images in the storage of another podman.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::harness::{BOOT, Own, Running, SOON, Sandbox, containers_conf, podman};

#[test]
fn an_image_of_another_podman_is_copied_once() {
    let image = Own::of("latest", "connection");
    let sandbox = Sandbox::with_empty_cache("connection");
    let folder = tempfile::Builder::new()
        .prefix("pb-service-")
        .tempdir()
        .unwrap();
    let url = format!("unix://{}", folder.path().join("socket").display());
    let conf = folder.path().join("containers.conf");
    let known = format!("[engine.service_destinations.there]\nuri = \"{url}\"\n");
    fs::write(
        &conf,
        fs::read_to_string(containers_conf()).unwrap() + &known,
    )
    .unwrap();
    let mut service = Command::new("podman");
    service
        .args(["system", "service", "--time", "0", &url])
        .env("CONTAINERS_CONF", containers_conf());
    let service = Running::start(service, Some(vec![]));
    crate::harness::wait_for("podman's service", SOON, || {
        folder.path().join("socket").exists().then_some(())
    });

    let with = |variable: &str, value: &str, args: &[&str]| {
        let mut tool = sandbox.tool(args);
        tool.env("CONTAINERS_CONF", &conf).env(variable, value);
        Running::start(tool, Some(vec![]))
    };
    let run = [
        "run",
        "--ephemeral",
        "--connection",
        "there",
        &image.name,
        "echo it runs",
    ];
    let dry = || {
        let words = [&run[..1], &["--dry-run"], &run[1..5]].concat();
        with("X", "", &words).finish(SOON).expect(0).text()
    };
    let before = dry();
    assert!(
        before.contains("would be copied") && before.contains("would be read from the image"),
        "{before}"
    );
    let output = with("X", "", &run).finish(BOOT).expect(0);
    assert_eq!(output.text(), "it runs\n");
    let after = dry();
    assert!(
        after.contains("boot/") && after.contains(", cached\n"),
        "{after}"
    );

    // Neither way of asking copies the image again. The disk is refused only because it is too
    // small.
    let small = ["disk", "--disk-size", "200M", &image.name, "/nowhere.raw"];
    let output = with("CONTAINER_HOST", &url, &["images", "--format", "{{.name}}"])
        .finish(SOON)
        .expect(0);
    assert!(output.text().contains(&image.name), "{}", output.story());
    let again = with("CONTAINER_HOST", &url, &small)
        .finish(SOON)
        .expect(125);
    again.says("200 MiB");
    with("X", "", &["run", "--connection", "nowhere", &image.name])
        .finish(SOON)
        .expect(125)
        .says("nowhere");
    let missing = with("CONTAINER_HOST", &url, &["run", "localhost/no-such"])
        .finish(SOON)
        .expect(125);
    missing.says(&format!("the storage of the podman service at {url}"));
    assert!(
        sandbox
            .ok(&["prune", "--all", "--format", "{{.kind}}"])
            .contains("images\n")
    );
    assert!(
        !sandbox
            .ok(&["prune", "--all", "--format", "{{.kind}}"])
            .contains("images\n")
    );

    // A podman that is only a client has no storage that the tool could read. As in a toolbox, the
    // service's own folder is out of sight.
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let client = format!("#!/bin/sh\nexec /usr/bin/podman --remote --url {url} \"$@\"\n");
    let program = bin.join("podman");
    fs::write(&program, client).unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let root = podman(&["info", "--format", "{{.Store.GraphRoot}}"], vec![]).expect(0);
    let tool = sandbox.tool(&["run", "--ephemeral", &image.name, "true"]);
    let script = "mount -t tmpfs tmpfs \"$0\" && exec \"$@\"";
    let mut toolbox = sandbox.command("unshare", &["--mount", "sh", "-c", script]);
    toolbox
        .arg(root.text().trim())
        .arg(tool.get_program())
        .args(tool.get_args())
        .env("PATH", path);
    Running::start(toolbox, Some(vec![]))
        .finish(SOON)
        .expect(125)
        .says("only a client of another podman");

    drop(service);
    with("CONTAINER_HOST", &url, &small)
        .finish(SOON)
        .expect(125)
        .says("connect");
}
