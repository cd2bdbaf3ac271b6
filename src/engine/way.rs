//! The ways in which a machine begins: cold, cold until it is frozen to a template, or resumed from
//! one.

use std::borrow::Cow;
use std::time::Duration;

use super::Engine;
use crate::guest::boot::identity::Identity;
use crate::hypervisor::accelerator::Accelerator;
use crate::hypervisor::{Base, Disk, Hypervisor, Machine, SharedFolder};
use crate::warm::{self, Begun, Key, Making, Template, Templates};

/// What a machine needs to start warm.
#[derive(Debug)]
pub struct Warm {
    pub templates: Templates,
    /// The machine without anything that is not in each VM of its shape.
    pub machine: Machine,
    /// The index of the channel on which the guest says that it is frozen.
    pub channel: usize,
    /// Make a missing template.
    pub may_make: bool,
    /// The shares that the machine gets when it resumes.
    pub shares: Vec<SharedFolder>,
    pub identity: Identity,
    /// A hash of the firmware's variables, if the machine has a file of them.
    pub variables: Vec<u8>,
    /// The name of what the machine runs, for listings.
    pub origin: String,
}

/// The beginning of one run.
#[derive(Debug, Default)]
pub enum Way {
    #[default]
    Cold,
    Make(Making),
    Resume(Template),
    /// From [`Engine::wake`].
    Wake,
}

impl Warm {
    /// Chooses the way with this accelerator.
    ///
    /// # Errors
    /// The reason why the machine starts cold.
    pub fn choose(&self, hypervisor: &Hypervisor, accelerator: Accelerator) -> Result<Way, String> {
        let shape = warm::shape(&self.machine);
        let plan = hypervisor.plan(&shape, accelerator);
        let launch = plan.map_err(|error| error.to_string())?.launch;
        let key = Key::new(&launch, &shape, &self.variables);
        if let Some(template) = self.templates.find(&key) {
            return self.resume(template);
        }
        if !self.may_make {
            return Ok(Way::Cold);
        }
        if let Some(reason) = self.templates.refusal(&key) {
            return Err(reason);
        }
        let size = self.machine.memory_mib << 20;
        match self.templates.begin(&key, size, &self.origin) {
            Begun::Making(making) => Ok(Way::Make(making)),
            Begun::Made(template) => self.resume(template),
            Begun::Not(reason) => Err(reason),
        }
    }

    /// Returns the way that resumes from this template.
    ///
    /// # Errors
    /// The reason why the machine starts cold.
    pub fn resume(&self, mut template: Template) -> Result<Way, String> {
        if !self.shares.is_empty() {
            let copied = template.copy_memory();
            copied.map_err(|error| format!("can't copy its template's memory: {error}"))?;
        }
        Ok(Way::Resume(template))
    }

    /// Returns the disks that outlive a run. A boot must not begin with what a template's machine
    /// wrote to them.
    pub fn kept_disks(&self) -> impl Iterator<Item = (&Disk, &Base)> {
        let disks = self.machine.disks.iter().filter(|disk| disk.durable);
        disks.filter_map(|disk| Some((disk, disk.fresh_over.as_ref()?)))
    }
}

impl Way {
    /// Returns the machine that begins in this way.
    pub fn machine<'a>(&self, engine: &'a Engine<'_>) -> Cow<'a, Machine> {
        let Some(warm) = &engine.warm else {
            return Cow::Borrowed(engine.machine);
        };
        let mut machine = warm.machine.clone();
        let overlays = |disk: &&mut Disk| disk.fresh_over.is_some();
        let saved = match self {
            Self::Cold | Self::Wake => return Cow::Borrowed(engine.machine),
            Self::Make(making) => {
                for disk in machine.disks.iter_mut().filter(overlays) {
                    disk.file = making.disk();
                }
                making.saved()
            }
            Self::Resume(template) => {
                for disk in machine.disks.iter_mut().filter(overlays) {
                    disk.fresh_over = Some(Base {
                        file: template.disk(),
                        format: disk.format,
                        size: None,
                        linked: true,
                    });
                }
                template.saved()
            }
        };
        machine.saved = Some(saved);
        Cow::Owned(machine)
    }

    /// Returns the time limit for the guest's next message.
    pub fn limit(&self, accelerator: Accelerator) -> Option<Duration> {
        let (hardware, emulated) = match self {
            Self::Cold | Self::Wake => return None,
            // A whole boot.
            Self::Make(_) => (120, 600),
            Self::Resume(_) => (15, 90),
        };
        let seconds = match accelerator.is_hardware() {
            true => hardware,
            false => emulated,
        };
        Some(Duration::from_secs(seconds))
    }
}
