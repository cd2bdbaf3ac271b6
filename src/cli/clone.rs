//! `podman-bootc clone`

use anyhow::Result;

use super::Context;
use super::args::vm::VmArg;
use crate::disk::ExtraDisk;
use crate::ui::{say, tell};
use crate::vm::{Name, Vm, clone};

/// Make a VM of another one's settings and disks, and print its name
///
/// The clone is stopped. It has its own ID, machine ID, SSH host keys and ports of the host, but no
/// snapshots. A running VM is cloned as a power cut would leave its disks. A VM of --ephemeral has
/// no disk: its clone starts from the same image.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc clone web web2
  podman-bootc start web2")]
pub struct Args {
    #[command(flatten)]
    vm: VmArg,
    /// The clone's name [default: a generated one]
    name: Option<Name>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let vm = self.vm.find(context)?;
        let made = context.block_on(clone::clone(&vm, &context.store, self.name))?;
        for note in notes(&vm, &made) {
            tell(note);
        }
        say(format!("{}\n", made.spec.name));
        Ok(())
    }
}

/// Returns what the two VMs can't both have.
fn notes(vm: &Vm, clone: &Vm) -> Vec<String> {
    let (old, new) = (&vm.spec.name, &clone.spec.name);
    let mut notes = Vec::new();
    if vm.spec.settings.ports.iter().any(|port| port.host != 0) {
        notes.push(format!(
            "VM {new} gets other ports of the host than {old}; \
             `podman-bootc port {new}` lists them while it runs"
        ));
    }
    if keeps_identity(clone) {
        notes.push(format!(
            "the guest of VM {new} has the machine ID and the SSH host keys of {old}: the unit that renews them \
             needs systemd 256, and QEMU or krunkit"
        ));
    }
    for (_, disk) in vm.spec.settings.disks.numbered() {
        if let ExtraDisk::File {
            file,
            read_only: false,
            ..
        } = disk
        {
            notes.push(format!(
                "both VMs write to the disk {}, so only one of them can run at a time",
                file.display()
            ));
        }
    }
    notes
}

/// Returns whether a clone's guest gets no unit that renews its identity.
fn keeps_identity(clone: &Vm) -> bool {
    let takes_units = clone.features().credentials() && !clone.spec.bootstraps();
    !clone.spec.is_ephemeral() && !takes_units
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::DiskFormat;
    use crate::vm::Spec;

    #[test]
    fn what_only_one_of_the_two_can_have_is_noted() {
        let vm = |change: fn(&mut Spec)| {
            let mut spec = Spec::sample();
            change(&mut spec);
            let clone = Vm {
                spec: spec.clone(),
                folder: "/vms/two".into(),
            };
            let folder = "/vms/one".into();
            notes(&Vm { spec, folder }, &clone)
        };
        let none: [fn(&mut Spec); 3] = [
            |_| {},
            |s| s.settings.ports = vec!["80".parse().unwrap()],
            |s| s.settings.disks = vec![ExtraDisk::New { size: 1 }].into(),
        ];
        for change in none {
            assert_eq!(vm(change), [""; 0]);
        }
        let ports = vm(|s| s.settings.ports = vec!["8080:80".parse().unwrap()]);
        assert!(ports[0].contains("podman-bootc port one"), "{ports:?}");
        let old = vm(|s| s.systemd = Some(252));
        assert!(old[0].contains("SSH host keys"), "{old:?}");
        let disk = vm(|s| {
            s.settings.disks = vec![ExtraDisk::File {
                file: "/a.raw".into(),
                format: DiskFormat::Raw,
                read_only: false,
            }]
            .into();
        });
        assert!(disk[0].contains("/a.raw"), "{disk:?}");
    }
}
