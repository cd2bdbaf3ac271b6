//! Shares and disks that a VM gets or loses, also while it runs.
//!
//! A running machine has at most the devices of the VM's settings: a new device is in the settings
//! first, and an old one leaves them last. So a crash in between leaves nothing that the settings
//! don't name, and the next start has what they name.

use super::supervisor::protocol::Request;
use super::{Store, Vm, disks, lifecycle, store};
use crate::disk::{self, ExtraDisk, QemuImgError};
use crate::guest::boot::shares::{self, Share};
use crate::guest::hot_plug;
use crate::guest::ssh::session::{self, Session};
use crate::host::fault;

/// A VM can't get or lose a share or a disk.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Vm(#[from] super::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Session(#[from] session::Error),
    #[error(transparent)]
    Disk(#[from] QemuImgError),
    #[error("VM {vm} already shares {source_folder} at {target}")]
    Shared {
        vm: String,
        source_folder: String,
        target: String,
    },
    #[error("VM {vm} already has the disk {file}, as {name}")]
    Attached {
        vm: String,
        file: String,
        name: String,
    },
    #[error("VM {vm} has no share at {target}; its shares: {known}")]
    NoShare {
        vm: String,
        target: String,
        known: String,
    },
    #[error("VM {vm} has no disk {name}; its disks: {known}")]
    NoDisk {
        vm: String,
        name: String,
        known: String,
    },
    #[error("can't remove {device} from VM {vm}: {users}")]
    InUse {
        vm: String,
        device: String,
        users: String,
    },
    #[error("VM {vm}: {why}")]
    Mount { vm: String, why: String },
    #[error(
        "the guest of VM {vm} doesn't see the disk {name}: its kernel has no PCI hot plug; \
         stop the VM first"
    )]
    Unseen { vm: String, name: String },
}

/// A VM whose shares and disks change.
pub struct Devices<'a> {
    pub vm: &'a mut Vm,
    pub store: &'a Store,
    /// A session of a running VM. None for a VM that the caller has taken.
    pub session: Option<&'a Session>,
}

impl Devices<'_> {
    /// Shares a folder with the VM. A running guest mounts it.
    ///
    /// # Errors
    /// The VM has a share there, or a running machine can't take it. Then the settings don't change.
    pub async fn add_share(&mut self, share: Share) -> Result<(), Error> {
        let (name, running) = (self.name(), self.session.is_some());
        let (mut number, mut is_new) = (0, true);
        self.vm.change_spec(|spec| {
            let shares = &mut spec.settings.shares;
            let same = |(_, old): &(usize, &Share)| old.target == share.target;
            let found = shares.numbered().find(same);
            match found.map(|(number, old)| (number, old.clone())) {
                // An earlier attempt was interrupted.
                Some((old_number, old)) if running && old == share => {
                    (number, is_new) = (old_number, false);
                }
                Some((_, old)) => {
                    return Err(Error::Shared {
                        vm: name,
                        source_folder: old.source.display().to_string(),
                        target: old.target,
                    });
                }
                None => {
                    if !running {
                        shares.close_gaps();
                    }
                    // The guest has mounted earlier numbers at boot, or mounts them after a reboot.
                    number = shares.append(share.clone());
                }
            }
            Ok(())
        })?;
        let Some(session) = self.session else {
            return Ok(());
        };
        fault::point("device-in-settings");
        let tag = shares::tag(number);
        let added = async {
            self.plug(&tag).await?;
            self.mount(session, number, &share).await
        };
        let added = added.await;
        if added.is_err() && is_new && self.unplug(&tag).await.is_ok() {
            self.vm.change_spec(|spec| {
                spec.settings.shares.remove(number);
                Ok::<_, Error>(())
            })?;
        }
        added
    }

    async fn mount(&self, session: &Session, number: usize, share: &Share) -> Result<(), Error> {
        let way = self.vm.features().shares;
        let line = hot_plug::mount_line(number, share, way);
        let (code, output) = session.capture_script(&line).await?;
        let mut failures = shares::failures(&[(number, share)], way, &output);
        if failures.is_empty() && code != 0 {
            failures.push(crate::text::plain(&output));
        }
        match failures.pop() {
            Some(why) => Err(Error::Mount {
                vm: self.name(),
                why,
            }),
            None => Ok(()),
        }
    }

    /// Removes the share at this folder of the guest, which a running guest unmounts.
    ///
    /// # Errors
    /// The VM has no share there, or a process of the guest uses it.
    pub async fn remove_share(&mut self, target: &str) -> Result<(), Error> {
        let shares = &self.vm.spec.settings.shares;
        let wanted = target.trim_end_matches('/');
        let found = shares.numbered().find(|(_, share)| share.target == wanted);
        let Some((number, share)) = found else {
            let known = shares.numbered().map(|(_, share)| share.target.clone());
            return Err(Error::NoShare {
                vm: self.name(),
                target: target.to_owned(),
                known: list(known),
            });
        };
        if let Some(session) = self.session {
            let line = hot_plug::unmount_line(number, share);
            self.check_unused(session, &line, format!("the share at {wanted}"))
                .await?;
            self.unplug(&shares::tag(number)).await?;
            fault::point("device-unplugged");
        }
        self.vm.change_spec(|spec| {
            spec.settings.shares.remove(number);
            Ok(())
        })
    }

    /// Adds a disk, and returns its name: `extra0`, `extra1`, and so on.
    ///
    /// # Errors
    /// The VM has it already, or a running machine can't take it. Then the settings don't change.
    pub async fn add_disk(&mut self, extra: &ExtraDisk) -> Result<String, Error> {
        let vm = self.vm.clone();
        let mut number = 0;
        self.vm.change_spec(|spec| {
            let disks = &mut spec.settings.disks;
            number = disks.gap();
            match extra {
                ExtraDisk::New { size } => disk::create_empty(&vm.extra_disk(number), *size)?,
                ExtraDisk::File { file: wanted, .. } => {
                    let same = |(_, old): &(usize, &ExtraDisk)| {
                        matches!(old, ExtraDisk::File { file, .. } if file == wanted)
                    };
                    if let Some((old, _)) = disks.numbered().find(same) {
                        return Err(Error::Attached {
                            vm: vm.spec.name.to_string(),
                            file: wanted.display().to_string(),
                            name: disks::extra_serial(old),
                        });
                    }
                }
            }
            disks.fill(extra.clone());
            Ok(())
        })?;
        let serial = disks::extra_serial(number);
        let Some(session) = self.session else {
            return Ok(serial);
        };
        fault::point("device-in-settings");
        let added = async {
            self.plug(&serial).await?;
            let line = hot_plug::wait_for_disk_line(&serial);
            match session.capture_script(&line).await? {
                (0, output) if !output.trim().is_empty() => Ok(()),
                _ => Err(Error::Unseen {
                    vm: self.name(),
                    name: serial.clone(),
                }),
            }
        };
        match added.await {
            Ok(()) => Ok(serial),
            Err(error) => {
                if self.unplug(&serial).await.is_ok() {
                    self.forget_disk(number)?;
                }
                Err(error)
            }
        }
    }

    /// Removes the disk of this name. A disk that was made for the VM is deleted.
    ///
    /// # Errors
    /// The VM has no such disk, or the guest uses it.
    pub async fn remove_disk(&mut self, name: &str) -> Result<(), Error> {
        let disks = &self.vm.spec.settings.disks;
        let serial = |(number, _): (usize, &ExtraDisk)| (disks::extra_serial(number), number);
        let found = disks.numbered().map(serial).find(|(old, _)| old == name);
        let Some((serial, number)) = found else {
            let known = disks.numbered().map(|disk| serial(disk).0);
            return Err(Error::NoDisk {
                vm: self.name(),
                name: name.to_owned(),
                known: list(known),
            });
        };
        if let Some(session) = self.session {
            let line = hot_plug::disk_users_line(&serial);
            self.check_unused(session, &line, format!("the disk {serial}"))
                .await?;
            self.unplug(&serial).await?;
            fault::point("device-unplugged");
        }
        self.forget_disk(number)
    }

    fn forget_disk(&mut self, number: usize) -> Result<(), Error> {
        let mut is_own = false;
        self.vm.change_spec(|spec| {
            let disks = &mut spec.settings.disks;
            is_own = matches!(disks.get(number), Some(ExtraDisk::New { .. }));
            disks.remove(number);
            Ok::<_, Error>(())
        })?;
        if is_own && let Err(error) = std::fs::remove_file(self.vm.extra_disk(number)) {
            tracing::warn!(%error, number, "can't delete a disk that was removed");
        }
        Ok(())
    }

    async fn check_unused(
        &self,
        session: &Session,
        line: &str,
        device: String,
    ) -> Result<(), Error> {
        let (_, output) = session.capture_script(line).await?;
        match hot_plug::in_use(&output) {
            None => Ok(()),
            Some(users) => Err(Error::InUse {
                vm: self.name(),
                device,
                users,
            }),
        }
    }

    async fn plug(&self, device: &str) -> Result<(), Error> {
        let device = device.to_owned();
        let request = |number| Request::Plug { number, device };
        lifecycle::ask(self.vm, self.store, request).await?;
        Ok(())
    }

    async fn unplug(&self, device: &str) -> Result<(), Error> {
        let device = device.to_owned();
        let request = |number| Request::Unplug { number, device };
        lifecycle::ask(self.vm, self.store, request).await?;
        Ok(())
    }

    fn name(&self) -> String {
        self.vm.spec.name.to_string()
    }
}

fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    }
}
