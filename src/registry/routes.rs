//! The reply to a request, as a pure function of the image's names and sizes.

use serde::Deserialize;

use super::names::{is_digest, is_repository, is_tag};

/// The content that the endpoint offers.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The repository, which is the image's name here.
    pub repository: String,
    /// The image's tag, if it has one.
    pub tag: Option<String>,
    pub manifest: Blob,
    pub media_type: String,
    /// The configuration and the layers.
    pub blobs: Vec<Blob>,
}

/// A file of the image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Blob {
    /// `sha256:` and 64 hex digits.
    pub digest: String,
    /// Bytes.
    pub size: u64,
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
    let mut reply = match target(offer, request.path) {
        Err(refusal) => refusal.reply(),
        Ok(_) if !is_head && request.method != "GET" => Refusal::Method.reply(),
        Ok(Target::Version) => json(200, "{}".into()),
        Ok(Target::Tags) => {
            let tags: Vec<&str> = offer.tag.iter().map(String::as_str).collect();
            json(
                200,
                serde_json::json!({ "name": offer.repository, "tags": tags }).to_string(),
            )
        }
        Ok(Target::Manifest) => file(&offer.manifest, &offer.media_type, None),
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
/// may ignore: several ranges, another unit, a text that is no range (RFC 9110, section 14.2).
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
