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
    /// Cold, on the machine that could not become a template.
    Abandoned,
    /// Cold, on the disks of a guest that rebooted.
    Reboot,
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
            return Err(format!(
                "{reason}; after `podman-bootc prune` it is tried again"
            ));
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
        if matches!(self, Self::Reboot) {
            let mut machine = engine.machine.clone();
            let disks = machine.disks.iter_mut();
            disks.for_each(|disk| disk.fresh_over = None);
            machine.wakes = false;
            return Cow::Owned(machine);
        }
        let Some(warm) = &engine.warm else {
            return Cow::Borrowed(engine.machine);
        };
        let mut machine = warm.machine.clone();
        let overlays = |disk: &&mut Disk| disk.fresh_over.is_some();
        let saved = match self {
            Self::Cold | Self::Abandoned | Self::Reboot | Self::Wake => {
                return Cow::Borrowed(engine.machine);
            }
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

    /// Returns the reason why a machine can't be saved, or get a device, that `waits` for the guest's
    /// next message or not.
    pub fn obstacle(&self, waits: bool) -> Option<&'static str> {
        match self {
            Self::Make(_) => Some("its template is being made; try it again when the VM is ready"),
            Self::Resume(_) if waits => Some("it is just resuming; try it again in a moment"),
            Self::Cold | Self::Abandoned | Self::Reboot | Self::Resume(_) | Self::Wake => None,
        }
    }

    /// Returns the time limit for the guest's next message.
    pub fn limit(&self, accelerator: Accelerator) -> Option<Duration> {
        let (hardware, emulated) = match self {
            Self::Cold | Self::Abandoned | Self::Reboot | Self::Wake => return None,
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

// Only Linux has templates.
#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::host::Os;
    use crate::hypervisor::qemu::Qemu;
    use crate::hypervisor::sample_machine;

    fn warm(folder: &Path, may_make: bool) -> Warm {
        Warm {
            templates: Templates::open(folder).unwrap(),
            machine: Machine {
                memory_mib: 1,
                ..sample_machine()
            },
            channel: 0,
            may_make,
            shares: vec![],
            identity: Identity::default(),
            variables: vec![],
            origin: "an image".into(),
        }
    }

    fn choose(warm: &Warm) -> Result<Way, String> {
        let qemu = Hypervisor::Qemu(Qemu {
            program: "/qemu".into(),
            arch: warm.machine.arch,
            version: (10, 0),
            os: Os::Linux,
        });
        warm.choose(&qemu, Accelerator::Tcg)
    }

    #[test]
    fn a_template_is_used_if_it_exists_and_made_if_that_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let (auto, always) = (warm(dir.path(), false), warm(dir.path(), true));
        assert!(matches!(choose(&auto), Ok(Way::Cold)));
        let Ok(Way::Make(making)) = choose(&always) else {
            panic!("no template is made");
        };
        assert!(choose(&always).unwrap_err().contains("is making"));
        assert!(matches!(choose(&auto), Ok(Way::Cold)));
        std::fs::write(making.state(), "").unwrap();
        drop(making.finish().unwrap());
        for warm in [&auto, &always] {
            assert!(matches!(choose(warm), Ok(Way::Resume(_))));
        }
    }

    #[test]
    fn a_refused_shape_starts_cold_and_only_who_asks_hears_why() {
        let dir = tempfile::tempdir().unwrap();
        let (auto, always) = (warm(dir.path(), false), warm(dir.path(), true));
        let Ok(Way::Make(making)) = choose(&always) else {
            panic!("no template is made");
        };
        making.refuse("why", warm::Lasts::Always);
        drop(making);
        let reason = choose(&always).unwrap_err();
        assert!(reason.starts_with("why") && reason.contains("podman-bootc prune"));
        assert!(matches!(choose(&auto), Ok(Way::Cold)));
    }

    #[test]
    fn a_machine_with_a_templates_business_cant_be_saved_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let Ok(making) = choose(&warm(dir.path(), true)) else {
            panic!("no template is made");
        };
        assert!(making.obstacle(true).unwrap().contains("being made"));
        let Way::Make(made) = making else {
            panic!("{making:?}");
        };
        std::fs::write(made.state(), "").unwrap();
        let resumed = Way::Resume(made.finish().unwrap());
        assert!(resumed.obstacle(true).unwrap().contains("resuming"));
        assert_eq!(resumed.obstacle(false), None);
        assert_eq!(Way::Cold.obstacle(false), None);
    }
}
