//! The root of a direct boot has the same files as the image, however its layers are built.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::fs::{XattrFlags, setxattr};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{Sandbox, podman, shared};

/// CAP_NET_RAW, permitted and effective, as `setcap cap_net_raw+ep` writes it.
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Difficult content of layers: each line is a layer.
const LAYERS: &str = "\
RUN mkdir -p /usr/tree/gone/deep /usr/tree/opaque /usr/tree/kept && cd /usr/tree \
 && echo 1 >gone/deep/file && echo 1 >opaque/old && echo 1 >kept/old && echo 1 >kept/stays \
 && echo 1 >becomes-folder && mkdir becomes-file && echo 1 >becomes-file/x \
 && echo linked >hard1 && ln hard1 hard2 && ln -s ../nowhere dangling && ln -s /etc/passwd absolute \
 && mknod null c 1 3 && mknod block b 7 99 && mkfifo pipe && echo 1 >'a name, with: odd\\chars' \
 && echo 1 >setuid && chmod 4751 setuid && echo 1 >owned && chown 1000:1000 owned && chmod 0 owned \
 && truncate -s 5M sparse && touch -d 1999-12-31T23:59:59.5Z dated && mkdir sticky && chmod 1777 sticky
COPY capable /usr/tree/capable
RUN cd /usr/tree && rm -r gone opaque kept/old becomes-folder becomes-file && mkdir opaque becomes-folder \
 && echo 2 >opaque/new && echo 2 >becomes-folder/y && echo 2 >becomes-file && mv setuid moved
RUN cd /usr/tree && chmod 0600 hard1 && mkdir gone && echo 3 >gone/again
";

/// A script that hashes everything that `tar` stores of the tree: names, types, modes, owners,
/// times, attributes, links, content.
const ARCHIVE: &str = "tar --create --sort=name --numeric-owner --xattrs --xattrs-include='*' --format=posix \
    --pax-option=exthdr.name=%d/%f,exthdr.mtime=0,delete=atime,delete=ctime --directory";
/// The same as readable text, to find where two trees differ. It leaves out link counts of folders,
/// which depend on the filesystem.
const LISTING: &str = "-type d -printf '%P %y %m %U %G %T@\\n' -o -printf '%P %y %m %U %G %n %l %T@\\n' | LC_ALL=C sort";

#[test]
fn the_guest_sees_the_images_own_files() {
    let sandbox = Sandbox::with_empty_cache("tree");
    let context = sandbox.root().join("context");
    fs::create_dir(&context).unwrap();
    fs::write(context.join("capable"), "program").unwrap();
    setxattr(
        context.join("capable"),
        "security.capability",
        &CAPABILITY,
        XattrFlags::empty(),
    )
    .unwrap();
    let name = format!("localhost/podman-bootc-e2e:tree-{}", std::process::id());
    fs::write(
        context.join("Containerfile"),
        format!("FROM {}\n{LAYERS}", shared("latest")),
    )
    .unwrap();
    let build = [
        "build",
        "--quiet",
        "--network",
        "none",
        "--layers",
        "--tag",
        &name,
        context.to_str().unwrap(),
    ];
    podman(&build, vec![]).expect(0);

    let mounted = podman(&["image", "mount", &name], vec![])
        .expect(0)
        .text()
        .trim()
        .to_owned();
    // The image's own programs do it: other versions write other archives.
    let host = |script: String| {
        let output = Command::new("chroot")
            .args([mounted.as_str(), "sh", "-c", &script])
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let listing = host(format!("find /usr {LISTING}"));
    let digest = host(format!("{ARCHIVE} / usr | sha256sum"));
    podman(&["image", "unmount", &name], vec![]).expect(0);
    assert!(
        listing.contains("tree/null c 644") && listing.contains("tree/gone/again f"),
        "{listing}"
    );

    let script = format!("find /usr {LISTING}; echo =; {ARCHIVE} / usr | sha256sum");
    let output = sandbox
        .run(&["run", "--ephemeral", &name, &script])
        .expect(0);
    podman(&["rmi", "--force", &name], vec![]).expect(0);
    let text = output.text();
    let (seen, rest) = text.split_once("=\n").unwrap();
    let other: Vec<_> = seen
        .lines()
        .filter(|line| !listing.lines().any(|l| l == *line))
        .take(10)
        .collect();
    assert_eq!(
        seen.lines().count(),
        listing.lines().count(),
        "first that differ: {other:#?}"
    );
    assert!(other.is_empty(), "{other:#?}");
    assert_eq!(
        rest.lines().next(),
        digest.lines().next(),
        "attributes or content differ"
    );
}

#[test]
fn an_image_of_130_layers_boots_from_an_oci_folder() {
    const MORE: usize = 127;
    let sandbox = Sandbox::with_empty_cache("layers");
    let folder = sandbox.root().join("oci");
    let path = folder.to_str().unwrap();
    let save = [
        "save",
        "--quiet",
        "--format",
        "oci-dir",
        "--uncompressed",
        "--output",
        path,
        &shared("latest"),
    ];
    podman(&save, vec![]).expect(0);
    add_layers(&folder, MORE);

    let command = "cd /usr/share/layers && ls | wc -l && cat 000 126 last";
    let reference = format!("oci:{path}");
    let run = ["run", "--detach", "--ephemeral", "--cold", "--name", "vm"];
    sandbox.ok(&[&run[..], &[&reference]].concat());
    assert_eq!(
        sandbox.ok(&["ssh", "vm", command]),
        format!("{}\n0\n126\n126\n", MORE + 1)
    );
    // The root has more disks than `mount` takes in one option: 8 in a new userspace, and 12 in a new
    // machine. All of it can change, until the next boot.
    let tree = folder.join("tree/usr/lib/ostree");
    fs::create_dir_all(&tree).unwrap();
    let transient = "[composefs]\nenabled = yes\n[root]\ntransient = true\n";
    fs::write(tree.join("prepare-root.conf"), transient).unwrap();
    let command =
        "ls -d /top 2>&1; mkdir /top && touch /usr/bin/x /etc/x && cat /usr/share/layers/last";
    for (more, restart) in [(3, &[][..]), (4, &["--restart"])] {
        add_layers(&folder, more);
        sandbox.ok(&[&["replace", "vm", &reference][..], restart].concat());
        let text = sandbox.ok(&["ssh", "vm", command]);
        let expected = format!("No such file or directory\n{}\n", more - 1);
        assert!(text.ends_with(&expected), "{text}");
    }
    sandbox.ok(&["rm", "--force", "vm"]);
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(
        !mounts.contains(sandbox.cache().to_str().unwrap()),
        "podman's storage of ours stays mounted: {mounts}"
    );
}

/// Adds layers to the image in an OCI folder: each has a file of its own, and another version of a
/// common file.
fn add_layers(folder: &Path, count: usize) {
    let blobs = folder.join("blobs/sha256");
    let read = |digest: &Value| -> Value {
        let name = digest.as_str().unwrap().trim_start_matches("sha256:");
        serde_json::from_slice(&fs::read(blobs.join(name)).unwrap()).unwrap()
    };
    let write = |bytes: &[u8], kind: &str| -> Value {
        let digest: String = Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        fs::write(blobs.join(&digest), bytes).unwrap();
        json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "digest": format!("sha256:{digest}"), "size": bytes.len()})
    };
    let mut index: Value =
        serde_json::from_slice(&fs::read(folder.join("index.json")).unwrap()).unwrap();
    let mut manifest = read(&index["manifests"][0]["digest"]);
    let mut config = read(&manifest["config"]["digest"]);
    for number in 0..count {
        let tree = folder.join("tree");
        let layer = tree.join("usr/share/layers");
        fs::create_dir_all(&layer).unwrap();
        fs::write(layer.join(format!("{number:03}")), format!("{number}\n")).unwrap();
        fs::write(layer.join("last"), format!("{number}\n")).unwrap();
        let tar = Command::new("tar")
            .args(["--create", "--owner=0", "--group=0", "--directory"])
            .arg(&tree)
            .arg("usr")
            .output();
        let blob = write(&tar.unwrap().stdout, "layer.v1.tar");
        config["rootfs"]["diff_ids"]
            .as_array_mut()
            .unwrap()
            .push(blob["digest"].clone());
        config["history"]
            .as_array_mut()
            .unwrap()
            .push(json!({"created_by": format!("layer {number}")}));
        manifest["layers"].as_array_mut().unwrap().push(blob);
        fs::remove_dir_all(&tree).unwrap();
    }
    manifest["config"] = write(&serde_json::to_vec(&config).unwrap(), "config.v1+json");
    let annotations = index["manifests"][0]["annotations"].take();
    index["manifests"][0] = write(&serde_json::to_vec(&manifest).unwrap(), "manifest.v1+json");
    index["manifests"][0]["annotations"] = annotations;
    fs::write(
        folder.join("index.json"),
        serde_json::to_vec(&index).unwrap(),
    )
    .unwrap();
}

#[test]
fn the_error_names_a_missing_archive() {
    let sandbox = Sandbox::new("no-archive");
    let reference = format!(
        "oci-archive:{}",
        sandbox.root().join("nowhere.tar").display()
    );
    sandbox
        .run(&["run", "--ephemeral", &reference])
        .expect(125)
        .says("can't read oci-archive:");
}
