//! The pull endpoint: the pull half of the OCI distribution specification for one image, served on
//! streams that the caller has.
//!
//! `oci_folder.rs` has the image's content on the host's disk, `names.rs` and `routes.rs` decide
//! what a request gets, `endpoint.rs` serves it. Only `listener.rs` listens, for guests that can't
//! be reached otherwise, and nothing is ever stored.

mod counts;
mod endpoint;
mod error;
mod listener;
mod names;
mod oci_folder;
mod routes;
#[cfg(test)]
mod samples;

pub use counts::Counts;
pub use endpoint::Endpoint;
pub use error::Error;
pub use listener::listen;
pub use oci_folder::OciFolder;
pub use routes::Blob;
