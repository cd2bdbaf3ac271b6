//! The file by which the guest's skopeo finds the pull endpoint. It is in a mount namespace of
//! bootc's own, so that no other process sees it and nothing remains of it, even if the guest is
//! reset.

use crate::guest::shell::quote;

/// The folder that the guest's skopeo reads.
pub const ETC: &str = "/etc/containers";
/// The folder that takes its place, in the guest's memory.
pub const COVER: &str = "/run/podman-bootc-upgrade";
/// The file. Files later in the alphabet win over others with the same prefix.
const FILE: &str = "registries.conf.d/zz-podman-bootc.conf";

/// A reference, split as containers-registries.conf(5) matches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository<'a> {
    pub name: &'a str,
    pub tag: Option<&'a str>,
}

impl<'a> Repository<'a> {
    /// Splits a reference. A digest takes the place of a tag, and is left out.
    pub fn of(reference: &'a str) -> Self {
        let (rest, has_digest) = match reference.split_once('@') {
            Some((rest, _)) => (rest, true),
            None => (reference, false),
        };
        // A colon before the last slash belongs to a port.
        let start = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[start..].rfind(':') {
            Some(colon) => (&rest[..start + colon], Some(&rest[start + colon + 1..])),
            None => (rest, None),
        };
        Self {
            name,
            tag: match has_digest {
                true => None,
                false => Some(tag.unwrap_or("latest")),
            },
        }
    }
}

/// Returns a reference with a tag in place of its digest, if it has one.
pub fn without_digest(reference: &str) -> Option<String> {
    let (named, _) = reference.split_once('@')?;
    let Repository { name, tag } = Repository::of(named);
    Some(format!("{name}:{}", tag.unwrap_or("latest")))
}

/// Returns the file's content: the guest pulls this repository from the place `HOST:PORT`. A
/// `mirror` would let the guest fall back to the real registry.
pub fn content(repository: &str, place: &str, served: &str) -> String {
    format!(
        "# podman-bootc: only while `podman-bootc upgrade` runs.\n[[registry]]\nprefix = {}\n\
         location = \"{place}/{served}\"\ninsecure = true\n",
        toml_string(repository)
    )
}

/// Returns the shell line that runs a command with the drop-in, in place of the shell. bootc
/// unshares its mounts itself, unless it finds that done.
pub fn with(content: &str, command: &str) -> String {
    let script = format!(
        "mkdir -p {COVER} && mount -t tmpfs -o mode=755 tmpfs {COVER} &&
cp -a {ETC}/. {COVER} && mkdir -p {COVER}/registries.conf.d &&
printf %s {content} >{COVER}/{FILE} && mount --bind {COVER} {ETC} && exec {command}",
        content = quote(content)
    );
    format!("exec unshare --mount sh -c {}", quote(&script))
}

/// A reference has no characters that need more than this.
fn toml_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_split_at_its_tag() {
        for (reference, name, tag) in [
            ("localhost/os", "localhost/os", Some("latest")),
            ("localhost/os:v1", "localhost/os", Some("v1")),
            ("localhost:5000/a/os", "localhost:5000/a/os", Some("latest")),
            ("localhost:5000/a/os:v1", "localhost:5000/a/os", Some("v1")),
            ("quay.io/example/os@sha256:aa", "quay.io/example/os", None),
            (
                "quay.io/example/os:v1@sha256:aa",
                "quay.io/example/os",
                None,
            ),
        ] {
            assert_eq!(
                Repository::of(reference),
                Repository { name, tag },
                "{reference}"
            );
        }
    }

    #[test]
    fn a_tag_takes_the_place_of_a_digest() {
        let tagged = |reference| without_digest(reference).unwrap_or_default();
        assert_eq!(tagged("localhost/os:v1"), "");
        assert_eq!(tagged("a:5000/os@sha256:aa"), "a:5000/os:latest");
        assert_eq!(tagged("quay.io/os:v1@sha256:aa"), "quay.io/os:v1");
    }

    #[test]
    fn the_drop_in_maps_one_repository() {
        assert_eq!(
            content("quay.io/example/os", "127.0.0.1:40123", "image"),
            "# podman-bootc: only while `podman-bootc upgrade` runs.\n[[registry]]\n\
             prefix = \"quay.io/example/os\"\nlocation = \"127.0.0.1:40123/image\"\n\
             insecure = true\n"
        );
        assert!(content("a\"\nb", "x:1", "image").contains(r#"prefix = "a\""#));
    }
}
