//! Local stream connections between processes, named by a path: Unix sockets, or named pipes on
//! Windows.

pub use crate::host::os::{
    Listener, ReadHalf, Stream, WriteHalf, connect, listen, listen_for_child, listen_for_program,
    open_pipe, split,
};
