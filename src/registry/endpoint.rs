//! The HTTP server of an image.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{StreamExt, TryStreamExt};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{HeaderName, HeaderValue, IF_RANGE, RANGE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::Receiver;
use tokio_util::io::ReaderStream;

use super::counts::Counts;
use super::error::Error;
use super::oci_folder::OciFolder;
use super::routes::{self, Blob, Body, Offer, Reply};
use crate::host::fs::file::IoContext;
use crate::host::random;

/// The only repository, or the beginning of its name.
const REPOSITORY: &str = "image";
/// Connections at the same time. A client opens one for each layer that it fetches, at most six.
const CONNECTIONS: usize = 32;
/// Bytes that are read from a file at once.
const PIECE: usize = 256 << 10;

/// Serves one image. Clones serve the same one, and count together.
#[derive(Clone)]
pub struct Endpoint(Arc<Inner>);

struct Inner {
    folder: OciFolder,
    offer: Offer,
    counts: Mutex<Counts>,
    failure: Mutex<Option<Error>>,
}

impl Endpoint {
    /// Serves the image under this tag, and under its digest.
    pub fn new(folder: OciFolder, tag: Option<&str>) -> Self {
        Self::at(REPOSITORY.to_owned(), folder, tag)
    }

    /// The same, with a secret in the repository's name: it doesn't matter who else reaches the
    /// endpoint.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn secret(folder: OciFolder, tag: Option<&str>) -> Result<Self, Error> {
        let secret = random::secret::<16>().reading("/dev/urandom")?;
        let name = secret.map(|byte| format!("{byte:02x}")).concat();
        Ok(Self::at(format!("{REPOSITORY}/{name}"), folder, tag))
    }

    fn at(repository: String, folder: OciFolder, tag: Option<&str>) -> Self {
        let layers = folder.layers().iter();
        let offer = Offer {
            repository,
            tag: tag.map(str::to_owned),
            manifest: folder.manifest().clone(),
            blobs: layers.chain([folder.config()]).cloned().collect(),
        };
        Self(Arc::new(Inner {
            folder,
            offer,
            counts: Mutex::default(),
            failure: Mutex::default(),
        }))
    }

    /// The repository to ask for, without host and port.
    pub fn repository(&self) -> &str {
        &self.0.offer.repository
    }

    /// The image's content on the host.
    pub fn folder(&self) -> &OciFolder {
        &self.0.folder
    }

    pub fn counts(&self) -> Counts {
        lock(&self.0.counts).clone()
    }

    /// Takes the reason why the host could not provide something that a client asked for. The
    /// client only sees that the server failed.
    pub fn failure(&self) -> Option<Error> {
        lock(&self.0.failure).take()
    }

    /// Serves connections until their sender is gone and all have ended. Dropping the future ends
    /// them.
    pub async fn serve_all<S>(&self, mut streams: Receiver<S>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(()) = connections.next() => {}
                stream = streams.recv(), if connections.len() < CONNECTIONS => match stream {
                    Some(stream) => connections.push(self.serve(stream)),
                    None => break,
                },
            }
        }
        while connections.next().await.is_some() {}
    }

    /// Serves one connection to its end.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let stream = Counted {
            stream,
            counts: &self.0.counts,
        };
        let service =
            service_fn(|request| async move { Ok::<_, Infallible>(self.respond(&request).await) });
        // A client may end its side when it has asked.
        let connection = hyper::server::conn::http1::Builder::new()
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service);
        // A client tries TLS first, and clients end connections as they like.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the pull endpoint");
        }
    }

    async fn respond(&self, request: &Request<Incoming>) -> Response<BoxBody<Bytes, io::Error>> {
        let headers = request.headers();
        let range = headers.get(RANGE).and_then(|value| value.to_str().ok());
        let reply = routes::reply(
            &self.0.offer,
            routes::Request {
                method: request.method().as_str(),
                path: request.uri().path(),
                range: range.filter(|_| !headers.contains_key(IF_RANGE)),
            },
        );
        tracing::debug!(method = %request.method(), path = request.uri().path(), status = reply.status, "pull");
        match self.body(&reply.body).await {
            Ok(body) => response(reply, body),
            Err(error) => {
                tracing::debug!(
                    error = crate::text::error_chain(&error),
                    "can't serve a blob"
                );
                lock(&self.0.failure).get_or_insert(error);
                let reply = routes::failure(500, "UNKNOWN", "the host can't read the blob");
                let body = text(&reply.body);
                response(reply, body)
            }
        }
    }

    async fn body(&self, body: &Body) -> Result<BoxBody<Bytes, io::Error>, Error> {
        let Body::File {
            blob,
            first,
            length,
        } = body
        else {
            return Ok(text(body));
        };
        let file = self.open(blob.clone(), *first).await?;
        let requests = &mut lock(&self.0.counts).requests;
        *requests.entry(blob.digest.clone()).or_default() += 1;
        let pieces = ReaderStream::with_capacity(file.take(*length), PIECE);
        Ok(BodyExt::boxed(StreamBody::new(pieces.map_ok(Frame::data))))
    }

    async fn open(&self, blob: Blob, first: u64) -> Result<tokio::fs::File, Error> {
        let inner = self.0.clone();
        let open = move || -> Result<File, Error> {
            let mut file = inner.folder.open(&blob)?;
            file.seek(SeekFrom::Start(first)).reading(&blob.digest)?;
            Ok(file)
        };
        let file = tokio::task::spawn_blocking(open).await??;
        Ok(tokio::fs::File::from_std(file))
    }
}

fn response<B>(reply: Reply, body: B) -> Response<B> {
    let mut response = Response::new(body);
    // The replies have valid numbers and headers only.
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or_default();
    for (name, value) in reply.headers {
        let name = HeaderName::try_from(name);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn text(body: &Body) -> BoxBody<Bytes, io::Error> {
    let text = match body {
        Body::Text(text) => Bytes::from(text.clone()),
        Body::Empty | Body::File { .. } => Bytes::new(),
    };
    Full::new(text).map_err(|never| match never {}).boxed()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stream whose bytes are counted.
struct Counted<'a, S> {
    stream: S,
    counts: &'a Mutex<Counts>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        lock(self.counts).received += (buffer.filled().len() - before) as u64;
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<'_, S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        lock(self.counts).sent += count as u64;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::host::fs::file;
    use crate::registry::samples::{Sample, digest};

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    }

    /// Sends these bytes over one connection, and returns all that comes back.
    async fn exchange(endpoint: &Endpoint, request: &[u8]) -> Vec<u8> {
        let (mut client, server) = tokio::io::duplex(64 << 10);
        let ask = async {
            // The server may have ended the connection.
            let _ = client.write_all(request).await;
            let _ = client.shutdown().await;
            let mut answer = Vec::new();
            let _ = client.read_to_end(&mut answer).await;
            answer
        };
        tokio::join!(endpoint.serve(server), ask).1
    }

    /// Returns the status, the head and the body of the reply to one request.
    async fn ask(
        endpoint: &Endpoint,
        method: &str,
        path: &str,
        more: &str,
    ) -> (u16, String, Vec<u8>) {
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n");
        let answer = exchange(endpoint, request.as_bytes()).await;
        let end = answer.windows(4).position(|part| part == b"\r\n\r\n");
        let (head, body) = answer.split_at(end.unwrap() + 4);
        let head = String::from_utf8(head.to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head, body.to_vec())
    }

    fn blob(endpoint: &Endpoint, index: usize) -> String {
        let digest = &endpoint.folder().layers()[index].digest;
        format!("/v2/image/blobs/{digest}")
    }

    #[test]
    fn an_image_is_served_whole_and_in_parts_and_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let large: Vec<u8> = (0..3_000_000_u32).map(|number| number as u8).collect();
        let sample = Sample::new(&[&large, b"small", b"small"]);
        let endpoint = Endpoint::new(sample.folder(&[], dir.path()).unwrap(), Some("latest"));
        runtime().block_on(async {
            let (status, head, body) = ask(&endpoint, "GET", &blob(&endpoint, 0), "").await;
            assert!(status == 200 && body == large);
            assert!(head.contains("content-length: 3000000\r\n"), "{head}");
            let range = "Range: bytes=1000000-2999999\r\n";
            let (status, head, body) = ask(&endpoint, "GET", &blob(&endpoint, 0), range).await;
            assert!(status == 206 && body == large[1_000_000..]);
            assert!(head.contains("content-range: bytes 1000000-2999999/3000000\r\n"));
            let sure = format!("{range}If-Range: \"x\"\r\n");
            let (status, _, body) = ask(&endpoint, "GET", &blob(&endpoint, 0), &sure).await;
            assert!(status == 200 && body.len() == large.len());

            let sent = endpoint.counts().sent;
            let (status, head, body) = ask(&endpoint, "HEAD", &blob(&endpoint, 0), "").await;
            assert!(status == 200 && body.is_empty());
            assert!(head.contains("content-length: 3000000\r\n"), "{head}");
            let counts = endpoint.counts();
            assert_eq!(counts.sent, sent + head.len() as u64, "headers count");
            assert_eq!(counts.requests.len(), 1, "{counts:?}");
            assert_eq!(counts.requests[&endpoint.folder().layers()[0].digest], 3);

            let manifest = "/v2/image/manifests/latest";
            let (status, head, body) = ask(&endpoint, "GET", manifest, "").await;
            assert_eq!(status, 200);
            assert!(head.contains("content-type: application/vnd.oci.image.manifest.v1+json\r\n"));
            assert_eq!(digest(&body), endpoint.folder().manifest().digest);
            assert_eq!(
                ask(&endpoint, "GET", "/v2/image/manifests/other", "")
                    .await
                    .0,
                404
            );
        });
    }

    #[test]
    fn several_requests_share_one_connection() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Sample::new(&[b"one"]).folder(&[], dir.path()).unwrap();
        let endpoint = Endpoint::new(folder, None);
        let requests = "GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20);
        let answer = runtime().block_on(exchange(&endpoint, requests.as_bytes()));
        let answer = String::from_utf8(answer).unwrap();
        assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 20);
    }

    #[test]
    fn a_placeholder_that_several_clients_want_is_saved_once() {
        let dir = tempfile::tempdir().unwrap();
        let sample = Sample::new(&[b"known", b"new"]);
        let endpoint = Endpoint::new(sample.folder(&[0], dir.path()).unwrap(), None);
        runtime().block_on(async {
            let path = blob(&endpoint, 0);
            let head = ask(&endpoint, "HEAD", &path, "").await;
            assert_eq!(head.0, 200);
            let asks = std::iter::repeat_with(|| ask(&endpoint, "GET", &path, "")).take(6);
            for (status, _, body) in futures::future::join_all(asks).await {
                assert!(status == 200 && body == b"known");
            }
        });
        assert_eq!(sample.saved.load(std::sync::atomic::Ordering::Relaxed), 2);
    }

    #[test]
    fn a_full_host_is_a_failure_with_a_reason_and_nothing_is_sent_for_the_blob() {
        let dir = tempfile::tempdir().unwrap();
        let sample = Sample::new(&[b"known", b"new"]);
        let folder = sample.folder(&[0], dir.path()).unwrap();
        let endpoint = Endpoint::new(folder, None);
        let held = file::entries(dir.path()).map(|entry| entry.path());
        let held = held.filter(|path| path.is_dir()).last().unwrap();
        std::fs::write(held.join("full"), "").unwrap();
        runtime().block_on(async {
            let (status, _, body) = ask(&endpoint, "GET", &blob(&endpoint, 0), "").await;
            let body = String::from_utf8(body).unwrap();
            assert!(status == 500 && body.contains("\"UNKNOWN\""), "{body}");
            assert!(!body.contains(dir.path().to_str().unwrap()), "{body}");
            assert_eq!(
                ask(&endpoint, "GET", &blob(&endpoint, 1), "").await.2,
                b"new"
            );
        });
        assert!(endpoint.failure().is_some() && endpoint.failure().is_none());
        std::fs::remove_file(held.join("full")).unwrap();
        let again = runtime().block_on(ask(&endpoint, "GET", &blob(&endpoint, 0), ""));
        assert_eq!(again.2, b"known");
    }

    #[test]
    fn a_blob_that_is_too_short_ends_the_connection() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Sample::new(&[&[1; 100_000]])
            .folder(&[], dir.path())
            .unwrap();
        let endpoint = Endpoint::new(folder, None);
        let held = file::entries(dir.path()).map(|entry| entry.path());
        let held = held.filter(|path| path.is_dir()).last().unwrap();
        let digest = &endpoint.folder().layers()[0].digest["sha256:".len()..];
        let path = held.join("blobs/sha256").join(digest);
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_len(10)
            .unwrap();
        let request = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", blob(&endpoint, 0));
        let answer = runtime().block_on(exchange(&endpoint, request.as_bytes()));
        let answer = String::from_utf8(answer).unwrap();
        // Whatever came, the client sees that it is not all.
        let is_cut = answer.to_lowercase().contains("content-length: 100000\r\n");
        assert!(answer.is_empty() || is_cut && answer.len() < 1000);
    }

    /// Requests that are nearly right, and bytes that are none.
    fn request() -> impl Strategy<Value = Vec<u8>> {
        let method = prop_oneof!["GET", "HEAD", "PUT", "POST", "[A-Z]{0,9}", ".{0,5}"];
        let digest = prop_oneof![
            "sha256:[0-9a-f]{64}",
            "sha(256|512):[0-9a-f]{0,130}",
            ".{0,20}"
        ];
        let part = prop_oneof![
            "v2",
            "image",
            "blobs",
            "manifests",
            "tags",
            "list",
            "latest",
            r"\.\.",
            digest
        ];
        let path = prop::collection::vec(part, 0..7).prop_map(|parts| parts.join("/"));
        let number = prop_oneof!["[0-9]{0,3}", "[0-9]{18,40}", ".{0,3}"];
        let range =
            (number.clone(), number).prop_map(|(first, last)| format!("bytes={first}-{last}"));
        let name = prop_oneof![
            "Range",
            "If-Range",
            "Content-Length",
            "Transfer-Encoding",
            "Expect",
            "[a-zA-Z-]{0,9}"
        ];
        let header = (name, prop_oneof![range, ".{0,30}"]);
        let headers = prop::collection::vec(header, 0..4);
        let whole = (method, path, headers).prop_map(|(method, path, headers)| {
            let headers: String = headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}\r\n"))
                .collect();
            format!("{method} /{path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").into_bytes()
        });
        let bytes = prop::collection::vec(any::<u8>(), 0..400);
        prop_oneof![9 => whole, 1 => bytes]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn any_request_gets_a_reply_or_the_end_of_the_connection(request in request()) {
            thread_local! {
                static SERVED: (tempfile::TempDir, Endpoint, tokio::runtime::Runtime) = {
                    let dir = tempfile::tempdir().unwrap();
                    let folder = Sample::new(&[b"one", b"two"]).folder(&[0], dir.path()).unwrap();
                    (dir, Endpoint::new(folder, Some("latest")), runtime())
                };
            }
            SERVED.with(|(_, endpoint, runtime)| {
                let answer = runtime.block_on(exchange(endpoint, &request));
                prop_assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."));
                let (status, ..) = runtime.block_on(ask(endpoint, "GET", "/v2/", ""));
                prop_assert_eq!(status, 200);
                Ok(())
            })?;
        }
    }
}
