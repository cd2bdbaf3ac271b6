//! Names of images.

use std::borrow::Cow;
use std::path::Path;

/// A name that no podman can find, with its remedy.
#[derive(Debug, thiserror::Error)]
#[error("image {name} is in {place}, and podman-bootc reads podman's storage; {remedy}")]
pub struct Elsewhere {
    name: String,
    place: &'static str,
    remedy: String,
}

/// Returns the name without the transports that podman's storage and registries have in
/// containers-transports(5), and without what ostree and browsers put before a name. Users copy such
/// names from other tools' messages.
///
/// # Errors
/// The transport leads to an image that podman can't find by a name.
pub fn without_transport(name: &str) -> Result<&str, Elsewhere> {
    if let Some(rest) = without_ostree(name) {
        return without_transport(rest);
    }
    if let Some(rest) = name.strip_prefix("containers-storage:") {
        // `[STORE]` names the storage of another podman, and `@` an ID.
        let rest = rest.rsplit_once(']').map_or(rest, |(_, name)| name);
        return Ok(rest.strip_prefix('@').unwrap_or(rest));
    }
    for transport in ["docker://", "registry:", "https://", "http://"] {
        if let Some(rest) = name.strip_prefix(transport) {
            return Ok(rest.trim_end_matches('/'));
        }
    }
    let elsewhere = |place, remedy| Elsewhere {
        name: name.to_owned(),
        place,
        remedy,
    };
    match name.split_once(':') {
        Some(("docker-daemon", image)) => Err(elsewhere(
            "Docker's storage",
            format!("copy it with `docker save {image} | podman load`"),
        )),
        Some(("ostree", _)) => Err(elsewhere(
            "an ostree repository",
            "make a container image of it with `ostree container encapsulate`".into(),
        )),
        _ if is_path(name) => Err(elsewhere(
            "a file",
            format!(
                "name its format: `docker-archive:{name}` for a file of `podman save` or `docker save`, else \
                 `oci-archive:{name}`, and `oci:{name}` for a folder"
            ),
        )),
        _ => Ok(name),
    }
}

/// Returns the name in a reference to a container image as `rpm-ostree status` and `bootc status`
/// print it.
/// <https://docs.rs/ostree-ext/latest/ostree_ext/container/struct.OstreeImageReference.html>
fn without_ostree(name: &str) -> Option<&str> {
    let (kind, rest) = name.split_once(':')?;
    match kind {
        "ostree-unverified-registry" | "ostree-unverified-image" | "ostree-image-signed" => {
            Some(rest)
        }
        // The name of the remote, whose key signs the image.
        "ostree-remote-registry" | "ostree-remote-image" => {
            rest.split_once(':').map(|(_, image)| image)
        }
        _ => None,
    }
}

/// Returns true for the path of a file or folder, which isn't the name of an image.
fn is_path(name: &str) -> bool {
    let is_archive = [".tar", ".tar.gz", ".tgz"]
        .iter()
        .any(|end| name.ends_with(end));
    ["/", "./", "../", "~/"]
        .iter()
        .any(|start| name.starts_with(start))
        || is_archive && Path::new(name).is_file()
}

/// Returns the name without its tag if it has a digest, too. Older versions of bootc take no name
/// with both, and the digest alone counts.
pub fn pinned(name: &str) -> Cow<'_, str> {
    match name.split_once('@') {
        Some((tagged, digest)) if digest.starts_with("sha256:") => {
            format!("{}@{digest}", without_tag(tagged)).into()
        }
        _ => name.into(),
    }
}

/// Returns the image's name that `asked` means, or its first name, or one made of its ID. A name
/// with a digest means nothing else.
pub fn full_name(asked: &str, names: &[String], id: &str) -> String {
    if let Some((repository, _)) = asked.split_once('@') {
        let repository = without_tag(repository);
        let has_host = repository
            .split_once('/')
            .is_some_and(|(host, _)| host.contains(['.', ':']) || host == "localhost");
        let known = names.iter().map(|name| without_tag(name)).find(|name| {
            name.strip_suffix(repository)
                .is_some_and(|rest| rest.ends_with('/'))
        });
        return match known {
            Some(known) if !has_host => asked.replacen(repository, known, 1),
            _ => asked.to_owned(),
        };
    }
    names
        .iter()
        .find(|name| is_meant(asked, name))
        .or(names.first())
        .cloned()
        .unwrap_or_else(|| match looks_like_id(asked) || id.starts_with(asked) {
            true => format!("localhost/untagged:{}", id.get(..12).unwrap_or(id)),
            // A manifest list has the name, and not the image in it.
            false => completed(asked),
        })
}

/// Returns the full name that podman's own images have where somebody leaves out the host or the tag.
pub fn completed(asked: &str) -> String {
    let host = match asked.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => "",
        _ => "localhost/",
    };
    let tag = if has_tag(asked) { "" } else { ":latest" };
    format!("{host}{asked}{tag}")
}

/// Returns true if `asked` can mean the image with this full name.
pub fn is_meant(asked: &str, name: &str) -> bool {
    let with_tag = if has_tag(asked) {
        asked.to_owned()
    } else {
        format!("{asked}:latest")
    };
    name.strip_suffix(with_tag.as_str())
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// Returns true for names that no registry can serve.
pub fn is_local(name: &str) -> bool {
    name.starts_with("localhost/")
}

/// Returns true for images in files, as in containers-transports(5).
pub fn is_file(name: &str) -> bool {
    let name = without_ostree(name).unwrap_or(name);
    ["oci:", "oci-archive:", "docker-archive:", "dir:"]
        .iter()
        .any(|transport| name.starts_with(transport))
}

/// Returns true if the text can be an image ID or its beginning.
pub fn looks_like_id(text: &str) -> bool {
    let text = text.strip_prefix("sha256:").unwrap_or(text);
    (6..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Removes the tag from a name.
pub fn without_tag(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((rest, tag)) if !tag.contains('/') => rest,
        _ => name,
    }
}

/// Returns true if the name of an image ends with this one, at a slash, with its tag or without.
pub fn ends_with(name: &str, end: &str) -> bool {
    [name, without_tag(name)].iter().any(|name| {
        name.strip_suffix(end)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    })
}

/// Returns true if the text is the beginning of this image ID.
pub fn begins_with(id: &str, beginning: &str) -> bool {
    let beginning = beginning.strip_prefix("sha256:").unwrap_or(beginning);
    looks_like_id(beginning) && id.starts_with(beginning)
}

fn has_tag(name: &str) -> bool {
    name.rsplit('/')
        .next()
        .is_some_and(|last| last.contains(':') || last.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_name_is_the_one_that_the_user_meant() {
        let names = [
            "localhost/my-os:v1".to_owned(),
            "localhost/my-os:latest".to_owned(),
        ];
        let id = "0123456789abcdef";
        for (asked, want) in [
            ("my-os", "localhost/my-os:latest"),
            ("localhost/my-os", "localhost/my-os:latest"),
            ("my-os:v1", "localhost/my-os:v1"),
            ("localhost/my-os:v1", "localhost/my-os:v1"),
            ("0123456789ab", "localhost/my-os:v1"),
            ("os", "localhost/my-os:v1"),
        ] {
            assert_eq!(full_name(asked, &names, id), want, "{asked}");
        }
        assert_eq!(
            full_name("0123", &[], id),
            "localhost/untagged:0123456789ab"
        );
    }

    #[test]
    fn a_name_with_a_digest_stays_what_it_is() {
        let names = ["quay.io/o/os:v1".to_owned()];
        for (asked, names, want) in [
            (
                "127.0.0.1:5000/t@sha256:1f",
                &[][..],
                "127.0.0.1:5000/t@sha256:1f",
            ),
            ("quay.io/o/os@sha256:1f", &names, "quay.io/o/os@sha256:1f"),
            (
                "quay.io/o/os:v1@sha256:1f",
                &names,
                "quay.io/o/os:v1@sha256:1f",
            ),
            ("o/os@sha256:1f", &names, "quay.io/o/os@sha256:1f"),
        ] {
            assert_eq!(full_name(asked, names, "0123456789abcdef"), want);
        }
    }

    #[test]
    fn transports_are_removed_or_explained() {
        for (name, want) in [
            ("containers-storage:localhost/x:v1", "localhost/x:v1"),
            (
                "containers-storage:[overlay@/a+/b]localhost/x",
                "localhost/x",
            ),
            ("docker://127.0.0.1:5000/x", "127.0.0.1:5000/x"),
            ("registry:quay.io/x", "quay.io/x"),
            ("containers-storage:@0123456789ab", "0123456789ab"),
            ("containers-storage:[/a+/b]@0123456789ab", "0123456789ab"),
            ("containers-storage:x@sha256:1f", "x@sha256:1f"),
            ("https://quay.io/x:v1/", "quay.io/x:v1"),
            ("oci:/folder:tag", "oci:/folder:tag"),
            ("localhost:5000/x:v1", "localhost:5000/x:v1"),
            ("ostree-unverified-registry:quay.io/x:v1", "quay.io/x:v1"),
            ("ostree-image-signed:docker://quay.io/x:v1", "quay.io/x:v1"),
            ("ostree-image-signed:registry:quay.io/x", "quay.io/x"),
            (
                "ostree-unverified-image:containers-storage:localhost/x",
                "localhost/x",
            ),
            ("ostree-unverified-image:oci:/folder", "oci:/folder"),
            ("ostree-remote-registry:fedora:quay.io/x", "quay.io/x"),
            (
                "ostree-remote-image:fedora:docker://quay.io/x:v1",
                "quay.io/x:v1",
            ),
        ] {
            assert_eq!(without_transport(name).unwrap(), want);
        }
        for (name, want) in [
            (
                "docker-daemon:x:latest",
                "docker save x:latest | podman load",
            ),
            ("./x.tar", "`docker-archive:./x.tar`"),
            ("/folder", "`oci:/folder` for a folder"),
        ] {
            let error = without_transport(name).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
    }

    #[test]
    fn an_archive_is_told_from_an_image_of_such_a_name() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("x.tar");
        let name = archive.to_str().unwrap().trim_start_matches('/');
        assert_eq!(without_transport(name).unwrap(), name);
        assert_eq!(
            without_transport("localhost/x.tar").unwrap(),
            "localhost/x.tar"
        );
        std::fs::write(&archive, "").unwrap();
        assert!(is_path(archive.to_str().unwrap()));
    }

    #[test]
    fn a_digest_needs_no_tag() {
        for (name, want) in [
            ("quay.io:5000/x:v1@sha256:1f", "quay.io:5000/x@sha256:1f"),
            ("quay.io:5000/x@sha256:1f", "quay.io:5000/x@sha256:1f"),
            ("quay.io/x:v1", "quay.io/x:v1"),
            ("/a@b:tag", "/a@b:tag"),
        ] {
            assert_eq!(pinned(name), want);
        }
    }

    #[test]
    fn ids_files_and_local_names_are_recognized() {
        assert!(looks_like_id("d0300f628e13") && looks_like_id("sha256:d0300f628e13"));
        assert!(!looks_like_id("fedora") && !looks_like_id("abc"));
        assert!(is_file("oci:/x:tag") && is_file("docker-archive:x.tar") && !is_file("oci/x"));
        assert!(is_file("ostree-unverified-image:oci:/x") && !is_file("ostree-unverified-image:x"));
        assert_eq!(without_tag("localhost:5000/x:v1"), "localhost:5000/x");
        assert_eq!(without_tag("localhost:5000/x"), "localhost:5000/x");
        assert!(is_local("localhost/x") && !is_local("localhost:5000/x") && !is_local("x"));
    }
}
