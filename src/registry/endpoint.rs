//! The HTTP server of an image.

use std::collections::BTreeMap;
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

use super::error::Error;
use super::oci_folder::OciFolder;
use super::routes::{self, Blob, Body, Offer, Reply};
use crate::host::fs::file::IoContext;

/// The only repository. A guest asks for it at `127.0.0.1:PORT/image`.
const REPOSITORY: &str = "image";
/// Connections at the same time. A client opens one for each layer that it fetches, at most six.
const CONNECTIONS: usize = 32;
/// Bytes that are read from a file at once.
const PIECE: usize = 256 << 10;

/// Serves one image. Clones serve the same one, and count together.
#[derive(Debug, Clone)]
pub struct Endpoint(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: OciFolder,
    offer: Offer,
    counts: Mutex<Counts>,
    failure: Mutex<Option<Error>>,
}

/// The work of an endpoint so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// GET requests that were answered with content, by digest: manifest, configuration, layers.
    pub requests: BTreeMap<String, u64>,
    /// Bytes to the guest, with the headers.
    pub sent: u64,
    /// Bytes from the guest.
    pub received: u64,
}

impl Endpoint {
    /// Serves the image under this tag, and under its digest.
    pub fn new(folder: OciFolder, tag: Option<&str>) -> Self {
        let layers = folder.layers().iter();
        let offer = Offer {
            repository: REPOSITORY.to_owned(),
            tag: tag.map(str::to_owned),
            manifest: folder.manifest().clone(),
            media_type: folder.media_type().to_owned(),
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
        let connection = hyper::server::conn::http1::Builder::new()
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
