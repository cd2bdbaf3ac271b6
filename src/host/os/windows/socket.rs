//! Connections between our own processes are named pipes; those of other programs are Unix sockets, which Windows has
//! since 10 (1803), too.

use std::io;
use std::net::TcpStream;
use std::path::Path;

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::sync::mpsc;
use tokio_util::either::Either;

use super::pipe;
use super::pipe::Pipe;

/// A connection, on the async side.
pub type Stream = Either<Pipe, tokio::net::TcpStream>;
/// What is read from a connection.
pub type ReadHalf = tokio::io::ReadHalf<Stream>;
/// What is written to a connection.
pub type WriteHalf = tokio::io::WriteHalf<Stream>;

/// Accepts connections.
#[derive(Debug)]
pub enum Listener {
    /// From our own processes.
    Pipe(pipe::Listener),
    /// What a thread accepts, because nothing waits for it on the async side.
    Unix(mpsc::Receiver<io::Result<Socket>>),
}

impl Listener {
    /// The next connection. May be cancelled.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        match self {
            Self::Pipe(listener) => Ok(Either::Left(listener.accept().await?)),
            Self::Unix(accepted) => {
                let socket =
                    accepted.recv().await.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))?;
                socket.set_nonblocking(true)?;
                // By its name it is TCP's, and all that it does is done with any stream socket.
                let stream = tokio::net::TcpStream::from_std(TcpStream::from(socket))?;
                Ok(Either::Right(stream))
            }
        }
    }
}

pub fn listen(path: &Path) -> io::Result<Listener> {
    Ok(Listener::Pipe(pipe::listen(path)?))
}

pub fn listen_for_program(path: &Path) -> io::Result<Listener> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(16)?;
    let (sender, receiver) = mpsc::channel(1);
    // It waits for its next client for as long as the process lives: there are few of these, in a supervisor.
    std::thread::Builder::new()
        .name("accept".into())
        .spawn(move || while sender.blocking_send(socket.accept().map(|(socket, _)| socket)).is_ok() {})?;
    Ok(Listener::Unix(receiver))
}

pub async fn connect(path: &Path) -> io::Result<Stream> {
    Ok(Either::Left(pipe::connect(path).await?))
}

pub fn open_pipe(name: &str) -> io::Result<Stream> {
    Ok(Either::Left(pipe::open(name)?))
}

pub fn split(stream: Stream) -> (ReadHalf, WriteHalf) {
    tokio::io::split(stream)
}

/// What needs this (vfkit, krunkit) is not there on Windows.
pub fn connect_stream(_path: &Path) -> io::Result<std::net::TcpStream> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What needs this (virtiofsd) is not there on Windows.
pub fn listen_for_child(_path: &Path) -> io::Result<std::process::Stdio> {
    Err(io::ErrorKind::Unsupported.into())
}
