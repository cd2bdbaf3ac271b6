//! Saves a machine with its memory, and loads it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use qapi::qmp;
use serde_json::json;
use tokio::time::timeout;

use super::qmp::{Qmp, QmpError};

/// Bytes a second: no limit.
const BANDWIDTH: u64 = 1 << 36;
/// Time limit for the end of QEMU's own work after it has saved a state.
const SETTLE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

impl Qmp {
    /// Stops the machine and begins to write all of it to a file. [`Report::Moved`] or
    /// [`Report::MoveFailed`] follows.
    ///
    /// [`Report::Moved`]: crate::hypervisor::report::Report::Moved
    /// [`Report::MoveFailed`]: crate::hypervisor::report::Report::MoveFailed
    ///
    /// # Errors
    /// QEMU can't save such a machine.
    pub async fn save_all(&self, state: &Path) -> Result<(), QmpError> {
        self.tell_of_moves().await?;
        // QEMU's own limit is for networks.
        let parameters = json!({"max-bandwidth": BANDWIDTH});
        let parameters: qmp::MigrateSetParameters = serde_json::from_value(parameters)?;
        self.execute(qmp::migrate_set_parameters::from(parameters))
            .await?;
        self.stop_and_save(state).await
    }

    /// Begins to load what [`Self::save_all`] wrote. A report follows as there.
    pub async fn load_all(&self, state: &Path) -> Result<(), QmpError> {
        self.tell_of_moves().await?;
        self.incoming(state, None).await
    }

    /// Ends the writing of a state, and lets the machine run on. A state that QEMU completes later
    /// would stop the machine once more.
    pub async fn give_up_saving(&self) -> Result<(), QmpError> {
        if let Err(error) = self.execute(qmp::migrate_cancel {}).await {
            tracing::debug!(%error, "QEMU writes no state that can be cancelled");
        }
        let wait = async {
            use qmp::MigrationStatus::{cancelled, completed, failed, none};
            loop {
                let info = self.execute(qmp::query_migrate {}).await?;
                if matches!(
                    info.status,
                    None | Some(none | cancelled | completed | failed)
                ) {
                    return Ok(());
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let settled = timeout(SETTLE, wait).await;
        let settled: Result<(), QmpError> = settled.unwrap_or(Err(QmpError::Silent));
        self.resume().await.and(settled)
    }

    /// QEMU says that a state is saved a moment before it is ready for another command: until then a
    /// machine can't resume, and QEMU has not taken its disks back.
    pub(super) async fn wait_until_saved(&self) -> Result<(), QmpError> {
        let wait = async {
            loop {
                let info = self.execute(qmp::query_status {}).await?;
                if info.status != qmp::RunState::finish_migrate {
                    return Ok(());
                }
                tokio::time::sleep(POLL).await;
            }
        };
        timeout(SETTLE, wait).await.unwrap_or(Err(QmpError::Silent))
    }

    async fn tell_of_moves(&self) -> Result<(), QmpError> {
        let set = |capability, state| qmp::MigrationCapabilityStatus { capability, state };
        let capabilities = vec![
            set(qmp::MigrationCapability::events, true),
            // A machine that has resumed from a template had left its memory out.
            set(qmp::MigrationCapability::x_ignore_shared, false),
        ];
        self.execute(qmp::migrate_set_capabilities { capabilities })
            .await
            .map(drop)
    }

    /// Returns the files of all disks that the machine can write to, with the firmware's variables.
    pub async fn written_files(&self) -> Result<Vec<PathBuf>, QmpError> {
        let disks = self.execute(qmp::query_block {}).await?;
        let inserted = disks.into_iter().filter_map(|disk| disk.inserted);
        Ok(inserted
            .filter(|disk| !disk.ro)
            .map(|disk| disk.file.into())
            .collect())
    }

    /// Returns why the last state could not be saved or loaded, in QEMU's words.
    pub async fn why_not_moved(&self) -> Option<String> {
        let info = self.execute(qmp::query_migrate {}).await.ok()?;
        info.error_desc
    }
}
