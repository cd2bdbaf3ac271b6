//! The list of all VMs.

use std::path::Path;

use super::error::Error;
use super::instance::{CREATING_LOCK, State, Vm};
use crate::host::fs::lock;
use crate::text;
use crate::vm::filter::{Filter, Subject, pass};

/// An entry in the list of all VMs.
#[derive(Debug, Clone)]
pub enum Entry {
    Vm(Box<Vm>),
    /// The name of a VM that is being created.
    Creating(String),
    /// The name of a VM whose spec can't be read, and why.
    Damaged(String, String),
}

impl Entry {
    /// Reads the VM in this folder. Returns none if there is no VM.
    pub(super) fn open(folder: &Path) -> Option<Self> {
        let name = || {
            folder
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        match Vm::open(folder) {
            Ok(vm) => Some(Self::Vm(Box::new(vm))),
            Err(Error::File(e)) if e.is_not_found() => {
                lock::is_held(&folder.join(CREATING_LOCK)).then(|| Self::Creating(name()))
            }
            Err(e) => Some(Self::Damaged(name(), text::error_chain(&e))),
        }
    }

    /// Returns the VM, if it is complete.
    pub fn vm(self) -> Option<Vm> {
        self.complete().ok()
    }

    pub(super) fn complete(self) -> Result<Vm, Error> {
        match self {
            Self::Vm(vm) => Ok(*vm),
            Self::Creating(name) => Err(Error::Creating(name)),
            Self::Damaged(name, why) => Err(Error::Damaged { name, why }),
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Vm(vm) => vm.spec.name.as_str(),
            Self::Creating(name) | Self::Damaged(name, _) => name,
        }
    }

    /// Returns true if the filters choose it. A VM in the making and one whose spec can't be read
    /// have only a name and a state.
    pub fn is_chosen(&self, filters: &[Filter]) -> bool {
        let subject = |word| Subject {
            name: self.name(),
            labels: None,
            image: None,
            image_id: None,
            word,
        };
        match self {
            Self::Vm(vm) => {
                let image = vm.spec.running_image();
                let subject = Subject {
                    labels: Some(&vm.spec.settings.labels),
                    image: image.map(|image| image.reference.as_str()),
                    image_id: image.map(|image| image.id.as_str()),
                    ..subject(vm.state().name())
                };
                pass(filters, &subject)
            }
            Self::Creating(_) => pass(filters, &subject(State::Creating.name())),
            Self::Damaged(..) => pass(filters, &subject(State::Crashed(String::new()).name())),
        }
    }
}
