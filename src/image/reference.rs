//! Names of images.

/// Returns the image's name that `asked` means, or its first name, or one made of its ID.
pub fn full_name(asked: &str, names: &[String], id: &str) -> String {
    names
        .iter()
        .find(|name| is_meant(asked, name))
        .or(names.first())
        .cloned()
        .unwrap_or_else(|| format!("localhost/untagged:{}", id.get(..12).unwrap_or(id)))
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
    fn ids_files_and_local_names_are_recognized() {
        assert!(looks_like_id("d0300f628e13") && looks_like_id("sha256:d0300f628e13"));
        assert!(!looks_like_id("fedora") && !looks_like_id("abc"));
        assert!(is_file("oci:/x:tag") && is_file("docker-archive:x.tar") && !is_file("oci/x"));
        assert_eq!(without_tag("localhost:5000/x:v1"), "localhost:5000/x");
        assert_eq!(without_tag("localhost:5000/x"), "localhost:5000/x");
        assert!(is_local("localhost/x") && !is_local("localhost:5000/x") && !is_local("x"));
    }
}
