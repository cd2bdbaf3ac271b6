//! Names by the grammar of the OCI distribution specification.
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pull>

/// The specification's limit of a tag. Bytes.
const TAG_MAX: usize = 128;
/// Clients limit a host with its port and a repository to 255 bytes together.
const REPOSITORY_MAX: usize = 255;

/// Returns true if `text` is a repository: components of lower-case letters and digits, which
/// single separators divide, with slashes between the components.
pub fn is_repository(text: &str) -> bool {
    text.len() <= REPOSITORY_MAX && text.split('/').all(is_component)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut rest = text;
    loop {
        let after_word = rest.trim_start_matches(is_word);
        if after_word.len() == rest.len() {
            return false;
        }
        if after_word.is_empty() {
            return true;
        }
        rest = after_word.trim_start_matches(|c| !is_word(c));
        let separator = &after_word[..after_word.len() - rest.len()];
        let dashes = separator.bytes().all(|byte| byte == b'-');
        if !(dashes || matches!(separator, "." | "_" | "__")) {
            return false;
        }
    }
}

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`
pub fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= TAG_MAX
        && text.bytes().next().is_some_and(is_word)
        && text
            .bytes()
            .all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

/// Returns true if `text` is a digest of any algorithm.
/// `algorithm ::= component (separator component)*`, `encoded ::= [a-zA-Z0-9=_-]+`
/// <https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests>
pub fn is_digest(text: &str) -> bool {
    let Some((algorithm, encoded)) = text.split_once(':') else {
        return false;
    };
    let is_component = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let hex_digits = match algorithm {
        "sha256" => Some(64),
        "sha512" => Some(128),
        _ => None,
    };
    algorithm.split(['+', '.', '_', '-']).all(is_component)
        && match hex_digits {
            Some(digits) => encoded.len() == digits && encoded.bytes().all(is_lower_hex),
            None => {
                !encoded.is_empty()
                    && encoded.bytes().all(|byte| {
                        byte.is_ascii_alphanumeric() || matches!(byte, b'=' | b'_' | b'-')
                    })
            }
        }
}

/// Returns the hex digits of a SHA-256 digest, which are a file's name in an OCI folder.
pub fn sha256_hex(digest: &str) -> Option<&str> {
    let hex = digest.strip_prefix("sha256:")?;
    (hex.len() == 64 && hex.bytes().all(is_lower_hex)).then_some(hex)
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_follow_the_grammar_of_the_specification() {
        for good in [
            "a",
            "image",
            "a/b/c",
            "library/my-os",
            "a.b_c__d---e/0",
            "9",
        ] {
            assert!(is_repository(good), "{good}");
        }
        let long = "a".repeat(256);
        for bad in [
            "", "/", "a/", "/a", "a//b", "A", "a b", "-a", "a-", "a..b", "a___b", "a._b", "a.-b",
            ".", "..", "a/../b", "ä", "a%2fb", "a\\b", &long,
        ] {
            assert!(!is_repository(bad), "{bad}");
        }
    }

    #[test]
    fn tags_and_digests_follow_the_grammar_of_the_specification() {
        let longest = "t".repeat(128);
        for good in ["latest", "1.0", "_x", "A-b.C_d", &longest] {
            assert!(is_tag(good), "{good}");
        }
        let too_long = "t".repeat(129);
        for bad in ["", ".a", "-a", "a/b", "a:b", "a b", "ä", &too_long] {
            assert!(!is_tag(bad), "{bad}");
        }
        let hex = "0123456789abcdef".repeat(4);
        for good in [
            format!("sha256:{hex}"),
            format!("sha512:{hex}{hex}"),
            "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8".into(),
        ] {
            assert!(is_digest(&good), "{good}");
        }
        for bad in [
            String::new(),
            hex.clone(),
            format!("sha256:{}", &hex[1..]),
            format!("sha256:{}", hex.to_uppercase()),
            format!("sha256:{hex}/.."),
            "sha256:../../../etc/passwd".into(),
            "SHA256:00".into(),
            "x:".into(),
            ":x".into(),
        ] {
            assert!(!is_digest(&bad), "{bad}");
            assert_eq!(sha256_hex(&bad), None, "{bad}");
        }
        assert_eq!(sha256_hex(&format!("sha256:{hex}")), Some(&*hex));
    }
}
