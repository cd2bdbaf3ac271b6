//! The pull endpoint: the pull half of the OCI distribution specification for one image, served on
//! streams that the caller has.
//!
//! `oci_folder.rs` has the image's content on the host's disk, `names.rs` and `routes.rs` decide
//! what a request gets, `endpoint.rs` serves it. Nothing here listens, and nothing is ever stored.

mod endpoint;
mod error;
mod names;
mod oci_folder;
mod routes;
#[cfg(test)]
mod samples;

pub use endpoint::{Counts, Endpoint};
pub use error::Error;
pub use oci_folder::OciFolder;
pub use routes::Blob;
