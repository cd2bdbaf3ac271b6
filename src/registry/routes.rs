//! The reply to a request, as a pure function of the image's names and sizes.

use super::names::{is_digest, is_repository, is_tag};
/// A file of the image, by its digest and size.
pub use crate::disk::InstalledLayer as Blob;

/// The format of the manifest that podman saves in an OCI folder.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The content that the endpoint offers.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The repository, which is the image's name here.
    pub repository: String,
    /// The image's tag, if it has one.
    pub tag: Option<String>,
    pub manifest: Blob,
    /// The configuration and the layers.
    pub blobs: Vec<Blob>,
}

/// The parts of a request that count.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// The header `Range`, unless the request has `If-Range`: no validator of ours exists.
    pub range: Option<&'a str>,
}

/// The reply to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
}

/// The body of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A reply to HEAD, or one without content.
    Empty,
    Text(String),
    /// `length` bytes of a file from the byte `first` on.
    File {
        blob: Blob,
        first: u64,
        length: u64,
    },
}

/// Returns the reply to a request.
pub fn reply(offer: &Offer, request: Request<'_>) -> Reply {
    let is_head = request.method == "HEAD";
    let target = match request.method {
        "GET" | "HEAD" => target(offer, request.path),
        _ => Err(Refusal::Method),
    };
    let mut reply = match target {
        Err(refusal) => refusal.reply(),
        Ok(Target::Version) => json(200, "{}".into()),
        Ok(Target::Tags) => {
            let tags: Vec<&str> = offer.tag.iter().map(String::as_str).collect();
            json(
                200,
                serde_json::json!({ "name": offer.repository, "tags": tags }).to_string(),
            )
        }
        Ok(Target::Manifest) => file(&offer.manifest, MANIFEST, None),
        Ok(Target::Blob(blob)) => {
            let range = request.range.filter(|_| !is_head);
            file(blob, "application/octet-stream", range)
        }
    };
    reply
        .headers
        .push(("Docker-Distribution-API-Version", "registry/2.0".into()));
    if is_head {
        reply.body = Body::Empty;
    }
    reply
}

/// The thing that a path names.
enum Target<'a> {
    Version,
    Tags,
    Manifest,
    Blob(&'a Blob),
}

fn target<'a>(offer: &'a Offer, path: &str) -> Result<Target<'a>, Refusal> {
    let rest = path.strip_prefix("/v2").ok_or(Refusal::Path)?;
    if matches!(rest, "" | "/") {
        return Ok(Target::Version);
    }
    let rest = rest.strip_prefix('/').ok_or(Refusal::Path)?;
    // A repository may have components of these names, so the last two decide.
    let (front, last) = rest.rsplit_once('/').ok_or(Refusal::Path)?;
    let (repository, kind) = front.rsplit_once('/').ok_or(Refusal::Path)?;
    if !matches!(kind, "manifests" | "blobs") && (kind, last) != ("tags", "list") {
        return Err(Refusal::Path);
    }
    if !is_repository(repository) {
        return Err(Refusal::Name);
    }
    if repository != offer.repository {
        return Err(Refusal::Repository);
    }
    match kind {
        "manifests" if last.contains(':') => match is_digest(last) {
            true if last == offer.manifest.digest => Ok(Target::Manifest),
            true => Err(Refusal::Manifest),
            false => Err(Refusal::Digest),
        },
        "manifests" => match is_tag(last) {
            true if offer.tag.as_deref() == Some(last) => Ok(Target::Manifest),
            true => Err(Refusal::Manifest),
            false => Err(Refusal::Tag),
        },
        "blobs" if is_digest(last) => {
            let mut blobs = offer.blobs.iter();
            let blob = blobs.find(|blob| blob.digest == last);
            blob.map(Target::Blob).ok_or(Refusal::Blob)
        }
        "blobs" => Err(Refusal::Digest),
        _ => Ok(Target::Tags),
    }
}

/// The reason why a request gets nothing.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    Path,
    Method,
    Name,
    Repository,
    Tag,
    Digest,
    Manifest,
    Blob,
}

impl Refusal {
    /// The codes are those of the specification.
    fn reply(self) -> Reply {
        let (status, code, message) = match self {
            Self::Path => (404, "UNSUPPORTED", "this registry only serves pulls"),
            Self::Method => (405, "UNSUPPORTED", "this registry only serves pulls"),
            Self::Name => (400, "NAME_INVALID", "invalid repository name"),
            Self::Repository => (404, "NAME_UNKNOWN", "repository not known to the registry"),
            Self::Tag => (400, "MANIFEST_INVALID", "invalid tag"),
            Self::Digest => (400, "DIGEST_INVALID", "invalid digest"),
            Self::Manifest => (404, "MANIFEST_UNKNOWN", "manifest unknown to the registry"),
            Self::Blob => (404, "BLOB_UNKNOWN", "blob unknown to the registry"),
        };
        let mut reply = failure(status, code, message);
        if matches!(self, Self::Method) {
            reply.headers.push(("Allow", "GET, HEAD".into()));
        }
        reply
    }
}

/// Returns a failure in the specification's format.
pub fn failure(status: u16, code: &str, message: &str) -> Reply {
    let errors = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
    json(status, errors.to_string())
}

fn json(status: u16, text: String) -> Reply {
    Reply {
        status,
        headers: vec![
            ("Content-Type", "application/json".into()),
            ("Content-Length", text.len().to_string()),
        ],
        body: Body::Text(text),
    }
}

fn file(blob: &Blob, media_type: &str, range: Option<&str>) -> Reply {
    let mut headers = vec![
        ("Content-Type", media_type.to_owned()),
        ("Docker-Content-Digest", blob.digest.clone()),
        ("Accept-Ranges", "bytes".into()),
    ];
    let (status, first, length) = match range.and_then(|text| parse_range(text, blob.size)) {
        None => (200, 0, blob.size),
        Some(Range::Part { first, last }) => {
            let range = format!("bytes {first}-{last}/{}", blob.size);
            headers.push(("Content-Range", range));
            (206, first, last - first + 1)
        }
        Some(Range::Outside) => {
            let mut reply = failure(416, "SIZE_INVALID", "the range is outside of the blob");
            let range = format!("bytes */{}", blob.size);
            reply.headers.push(("Content-Range", range));
            return reply;
        }
    };
    headers.push(("Content-Length", length.to_string()));
    let body = Body::File {
        blob: blob.clone(),
        first,
        length,
    };
    Reply {
        status,
        headers,
        body,
    }
}

/// A range of bytes, both ends included.
#[derive(Debug, PartialEq, Eq)]
enum Range {
    Part { first: u64, last: u64 },
    Outside,
}

/// Parses a header `Range` for a file of `size` bytes. Returns `None` for everything that a server
/// may ignore: several ranges, another unit, text that is not a range (RFC 9110, section 14.2).
fn parse_range(text: &str, size: u64) -> Option<Range> {
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !unit.trim().eq_ignore_ascii_case("bytes") || !is_number(first) || !is_number(last) {
        return None;
    }
    let number = |text: &str| text.parse().unwrap_or(u64::MAX);
    let (first, last) = match (first, last) {
        ("", "") => return None,
        ("", "0") => return Some(Range::Outside),
        ("", suffix) => (size.saturating_sub(number(suffix)), u64::MAX),
        (first, "") => (number(first), u64::MAX),
        (first, last) if number(first) > number(last) => return None,
        (first, last) => (number(first), number(last)),
    };
    Some(match size.checked_sub(1) {
        Some(end) if first <= end => Range::Part {
            first,
            last: last.min(end),
        },
        _ => Range::Outside,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A digest of 64 equal digits.
    fn digest(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    fn offer() -> Offer {
        let blob = |digit, size| Blob {
            digest: digest(digit),
            size,
        };
        Offer {
            repository: "team/image".into(),
            tag: Some("v1".into()),
            manifest: blob('a', 500),
            blobs: vec![blob('b', 1000), blob('c', 0)],
        }
    }

    fn ask(method: &str, path: &str, range: Option<&str>) -> Reply {
        let request = Request {
            method,
            path,
            range,
        };
        reply(&offer(), request)
    }

    fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
        let found = reply.headers.iter().find(|(header, _)| *header == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The specification's demands on a registry, one a row, with a request for each. The
    /// quotations are from version 1.1, "Pull" and "Error Codes".
    #[test]
    fn the_replies_are_those_that_the_specification_demands() {
        let manifest = format!("/v2/team/image/manifests/{}", digest('a'));
        let blob = format!("/v2/team/image/blobs/{}", digest('b'));
        let other = format!("/v2/team/image/manifests/{}", digest('b'));
        let missing = format!("/v2/team/image/blobs/{}", digest('d'));
        let sha512 = format!("/v2/team/image/blobs/sha512:{}", "0".repeat(128));
        let elsewhere = format!("/v2/other/blobs/{}", digest('b'));
        let long_tag = format!("/v2/team/image/manifests/{}", "t".repeat(129));
        let tag = "/v2/team/image/manifests/v1";
        let found = "MUST provide the expected manifest, with a response code that MUST be 200 OK";
        let exists = "HEAD to an existing blob or manifest URL MUST return 200 OK";
        let no_manifest = "manifest not found: MUST be 404";
        let no_blob = "blob not found: MUST be 404";
        let grammar = "<name> and <reference> MUST match";
        for (demand, method, path, status, code) in [
            ("end-1: 200 OK", "GET", "/v2/", 200, ""),
            ("end-1: 200 OK", "HEAD", "/v2", 200, ""),
            (found, "GET", tag, 200, ""),
            (found, "GET", &*manifest, 200, ""),
            (found, "GET", &blob, 200, ""),
            (exists, "HEAD", tag, 200, ""),
            (exists, "HEAD", &manifest, 200, ""),
            (exists, "HEAD", &blob, 200, ""),
            (
                no_manifest,
                "GET",
                "/v2/team/image/manifests/v2",
                404,
                "MANIFEST_UNKNOWN",
            ),
            (no_manifest, "GET", &other, 404, "MANIFEST_UNKNOWN"),
            (no_manifest, "HEAD", &other, 404, ""),
            (no_blob, "GET", &missing, 404, "BLOB_UNKNOWN"),
            (no_blob, "GET", &sha512, 404, "BLOB_UNKNOWN"),
            (no_blob, "HEAD", &missing, 404, ""),
            (no_blob, "GET", &elsewhere, 404, "NAME_UNKNOWN"),
            (grammar, "GET", &long_tag, 400, "MANIFEST_INVALID"),
            (grammar, "GET", "/v2/Team/manifests/v1", 400, "NAME_INVALID"),
            (
                grammar,
                "GET",
                "/v2/a/../b/manifests/v1",
                400,
                "NAME_INVALID",
            ),
            (
                grammar,
                "GET",
                "/v2/team/image/blobs/sha256:../../passwd",
                404,
                "UNSUPPORTED",
            ),
            (
                grammar,
                "GET",
                "/v2/team/image/blobs/sha256:00",
                400,
                "DIGEST_INVALID",
            ),
            ("no push", "PUT", tag, 405, "UNSUPPORTED"),
            ("no push", "DELETE", &blob, 405, "UNSUPPORTED"),
            (
                "no push",
                "POST",
                "/v2/team/image/blobs/uploads/",
                405,
                "UNSUPPORTED",
            ),
            ("no other paths", "GET", "/", 404, "UNSUPPORTED"),
            ("no other paths", "GET", "/v2x", 404, "UNSUPPORTED"),
            ("no other paths", "GET", "/v2/_catalog", 404, "UNSUPPORTED"),
        ] {
            let reply = ask(method, path, None);
            assert_eq!(reply.status, status, "{demand}: {method} {path}");
            match &reply.body {
                Body::Text(text) if status >= 400 => {
                    let errors: serde_json::Value = serde_json::from_str(text).unwrap();
                    assert_eq!(errors["errors"][0]["code"], code, "{method} {path}");
                    let is_code = |c: char| c.is_ascii_uppercase() || c == '_';
                    assert!(code.chars().all(is_code), "{code}");
                }
                body => assert!(code.is_empty(), "{method} {path}: {body:?}"),
            }
        }
    }

    #[test]
    fn a_reply_has_the_headers_that_clients_rely_on() {
        let blob = format!("/v2/team/image/blobs/{}", digest('b'));
        for (path, kind, of, size) in [
            (
                "/v2/team/image/manifests/v1",
                "application/vnd.oci.image.manifest.v1+json",
                'a',
                "500",
            ),
            (&blob, "application/octet-stream", 'b', "1000"),
        ] {
            for method in ["GET", "HEAD"] {
                let reply = ask(method, path, None);
                assert_eq!(header(&reply, "Content-Type"), Some(kind));
                assert_eq!(header(&reply, "Docker-Content-Digest"), Some(&*digest(of)));
                assert_eq!(header(&reply, "Content-Length"), Some(size));
                assert_eq!(reply.body == Body::Empty, method == "HEAD");
            }
        }
        let tags = ask("GET", "/v2/team/image/tags/list", None);
        let text = r#"{"name":"team/image","tags":["v1"]}"#;
        assert_eq!(tags.body, Body::Text(text.into()));
        assert_eq!(header(&ask("PUT", &blob, None), "Allow"), Some("GET, HEAD"));
    }

    /// RFC 9110, section 14.
    #[test]
    fn a_single_range_is_a_part_and_others_are_ignored() {
        let blob = format!("/v2/team/image/blobs/{}", digest('b'));
        for (range, status, first, length) in [
            ("bytes=0-9", 206, 0, 10),
            ("Bytes = 990-", 206, 990, 10),
            ("bytes=990-99999999999999999999999", 206, 990, 10),
            ("bytes=-10", 206, 990, 10),
            ("bytes=-2000", 206, 0, 1000),
            ("bytes=0-0,5-6", 200, 0, 1000),
            ("bytes=9-0", 200, 0, 1000),
            ("bytes=-", 200, 0, 1000),
            ("bytes=+1-2", 200, 0, 1000),
            ("lines=0-9", 200, 0, 1000),
            ("bytes", 200, 0, 1000),
        ] {
            let reply = ask("GET", &blob, Some(range));
            assert_eq!(reply.status, status, "{range}");
            let want = Body::File {
                blob: offer().blobs[0].clone(),
                first,
                length,
            };
            assert_eq!(reply.body, want, "{range}");
            let part = format!("bytes {first}-{}/1000", first + length - 1);
            let part = (status == 206).then_some(&*part);
            assert_eq!(header(&reply, "Content-Range"), part, "{range}");
        }
        let empty = format!("/v2/team/image/blobs/{}", digest('c'));
        for (path, range, size) in [
            (&blob, "bytes=1000-", 1000),
            (&blob, "bytes=-0", 1000),
            (&empty, "bytes=0-", 0),
        ] {
            let reply = ask("GET", path, Some(range));
            assert_eq!(reply.status, 416, "{range}");
            let all = format!("bytes */{size}");
            assert_eq!(header(&reply, "Content-Range"), Some(&*all));
        }
        assert_eq!(ask("HEAD", &blob, Some("bytes=0-9")).status, 200);
    }
}
