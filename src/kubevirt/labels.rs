//! Labels of a cluster's objects.
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>

use serde_json::{Value, json};

use super::Guest;

/// The label by which the Service finds the VM's pod.
pub const NAME: &str = "app.kubernetes.io/name";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

const NAME_MAX: usize = 63;
const PREFIX_MAX: usize = 253;

/// Returns the labels of all objects of this VM, and of its pod: the tool's and the user's.
pub fn labels(guest: &Guest) -> Value {
    let mut labels = json!({ MANAGED_BY: "podman-bootc", NAME: guest.name.as_str() });
    for (key, value) in &guest.settings.labels {
        labels[key] = json!(value);
    }
    labels
}

/// Says why a cluster would refuse a label; `None` if it takes it.
pub fn fault(key: &str, value: &str) -> Option<&'static str> {
    if [NAME, MANAGED_BY].contains(&key) {
        return Some("the objects have a label with this key already");
    }
    let (prefix, name) = match key.rsplit_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if !is_word(name) || !prefix.is_none_or(is_domain) {
        return Some(
            "a key there is at most 63 letters, digits, `-`, `_` and `.`, and begins and ends with \
             a letter or digit; a domain and `/` may stand before it",
        );
    }
    if !value.is_empty() && !is_word(value) {
        return Some(
            "a value there is at most 63 letters, digits, `-`, `_` and `.`, and begins and ends \
             with a letter or digit",
        );
    }
    None
}

fn is_word(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_alphanumeric();
    (1..=NAME_MAX).contains(&text.len())
        && text.starts_with(is_end)
        && text.ends_with(is_end)
        && text.chars().all(|c| is_end(c) || "-_.".contains(c))
}

fn is_domain(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_part = |part: &str| {
        part.starts_with(is_end)
            && part.ends_with(is_end)
            && part.chars().all(|c| is_end(c) || c == '-')
    };
    text.len() <= PREFIX_MAX && text.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_follow_the_rules_of_the_cluster() {
        let (long, longer) = ("x".repeat(63), "x".repeat(64));
        for (key, value) in [
            ("env", "test"),
            ("env", ""),
            ("Env_1.a-b", "A_1.b-C"),
            ("example.com/env", "1"),
            ("my-team/env", "1"),
            (&long, &long),
        ] {
            assert_eq!(fault(key, value), None, "{key}={value}");
        }
        for (key, value) in [
            ("", ""),
            ("-a", ""),
            ("a-", ""),
            ("a b", ""),
            ("ä", ""),
            ("/a", ""),
            ("a/", ""),
            ("a/b/c", ""),
            ("Example.com/a", ""),
            ("example..com/a", ""),
            (&longer, ""),
            ("a", "b c"),
            ("a", "-b"),
            ("a", "b/c"),
            ("a", &longer),
            (NAME, "x"),
            (MANAGED_BY, "x"),
        ] {
            assert!(fault(key, value).is_some(), "{key}={value}");
        }
    }
}
