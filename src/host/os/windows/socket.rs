//! Our own processes connect through named pipes, other programs through Unix sockets, which
//! Windows has since 10 (1803).

use std::io;
use std::net::TcpStream;
use std::path::Path;

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::sync::mpsc;
use tokio_util::either::Either;

use super::pipe;
use super::pipe::Pipe;

pub type Stream = Either<Pipe, tokio::net::TcpStream>;
pub type ReadHalf = tokio::io::ReadHalf<Stream>;
pub type WriteHalf = tokio::io::WriteHalf<Stream>;

#[derive(Debug)]
pub enum Listener {
    /// From our own processes.
    Pipe(pipe::Listener),
    /// From other programs. A thread accepts them, because tokio has no Unix sockets on Windows.
    Unix(mpsc::Receiver<io::Result<Socket>>),
}

impl Listener {
    /// Waits for the next connection. May be cancelled.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        match self {
            Self::Pipe(listener) => Ok(Either::Left(listener.accept().await?)),
            Self::Unix(accepted) => {
                let socket = accepted
                    .recv()
                    .await
                    .unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))?;
                socket.set_nonblocking(true)?;
                // A TCP stream in name only: it uses nothing but what all stream sockets can do.
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
    // The thread waits as long as the process lives. A supervisor has few of them.
    std::thread::Builder::new()
        .name("accept".into())
        .spawn(move || {
            while sender
                .blocking_send(socket.accept().map(|(socket, _)| socket))
                .is_ok()
            {}
        })?;
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

/// No hypervisor on Windows has such a socket.
pub fn connect_stream(_path: &Path) -> io::Result<std::net::TcpStream> {
    Err(io::ErrorKind::Unsupported.into())
}

/// No helper on Windows needs it.
pub fn listen_for_child(_path: &Path) -> io::Result<std::process::Stdio> {
    Err(io::ErrorKind::Unsupported.into())
}
