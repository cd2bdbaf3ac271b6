//! What every command needs.

use anyhow::{Context as _, Result};

use crate::host::dirs::Dirs;
use crate::host::interrupt;
use crate::vm::Store;

/// The tool's folders, the VMs, and a runtime for what waits.
pub struct Context {
    /// The tool's folders.
    pub dirs: Dirs,
    /// The VMs.
    pub store: Store,
    runtime: tokio::runtime::Runtime,
}

impl Context {
    /// Opens the folders and begins to note signals.
    ///
    /// # Errors
    /// The folders can't be used.
    pub fn open() -> Result<Self> {
        interrupt::listen().context("can't listen to signals")?;
        let dirs = Dirs::open()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("can't make the async runtime")?;
        Ok(Self { store: Store::new(&dirs), dirs, runtime })
    }

    /// Waits for a future on this thread.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}
