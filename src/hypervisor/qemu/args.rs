//! QEMU's arguments as text: options, paths and escaped values.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The name of the network card's back end, which port forwards need.
pub(super) const NETDEV: &str = "net0";

/// QEMU's options are text, which can't contain this path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("can't use the path {0:?} with QEMU: it is not UTF-8")]
pub struct PathNotUtf8(PathBuf);

/// The value of `-chardev` for a socket that QEMU connects to.
pub(super) fn socket(id: &str, path: &Path) -> Result<String, PathNotUtf8> {
    Ok(format!("socket,id={id},path={}", escape(utf8(path)?)))
}

/// Doubles commas, because QEMU splits option lists at single ones.
pub(super) fn escape(value: &str) -> String {
    value.replace(',', ",,")
}

pub(super) fn utf8(path: &Path) -> Result<&str, PathNotUtf8> {
    path.to_str().ok_or_else(|| PathNotUtf8(path.to_owned()))
}

/// A command line that grows option by option.
#[derive(Default)]
pub(super) struct Args(pub(super) Vec<OsString>);

impl Args {
    pub fn flag(&mut self, name: &str) -> &mut Self {
        self.0.push(name.into());
        self
    }

    pub fn option(&mut self, name: &str, value: &str) -> &mut Self {
        self.flag(name).flag(value)
    }
}
