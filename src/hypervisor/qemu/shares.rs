//! QEMU's arguments for shared folders.

use super::args::{Args, PathNotUtf8, escape, socket, utf8};
use super::root_ports::Plugs;
use crate::hypervisor::{FolderServer, Machine, SharedFolder};

/// The name of the guest's memory if virtiofsd shares it.
pub(super) const MEMORY: &str = "memory";
/// Requests that a share can have on their way.
pub(super) const QUEUE: u32 = 1024;

/// Adds the shares. virtiofsd accesses the guest's memory, so that the memory must be a file that
/// QEMU can pass on.
pub(super) fn add(
    args: &mut Args,
    machine: &Machine,
    plugs: &mut Plugs,
) -> Result<(), PathNotUtf8> {
    if has_memory(machine) {
        let size = machine.memory_mib;
        args.option(
            "-object",
            &format!("memory-backend-memfd,id={MEMORY},size={size}M,share=on"),
        );
    }
    for SharedFolder { tag, server } in &machine.devices.shares {
        let tag = escape(tag);
        match server {
            FolderServer::Virtiofsd(path) => {
                args.option("-chardev", &socket(&tag, path)?);
                let place = plugs.next(&tag);
                let device =
                    format!("vhost-user-fs-pci,chardev={tag},tag={tag},queue-size={QUEUE},{place}");
                args.option("-device", &device);
            }
            FolderServer::Hypervisor { folder, read_only } => {
                let path = escape(utf8(folder)?);
                let read_only = if *read_only { ",readonly=on" } else { "" };
                // The guest's files belong to QEMU's user.
                let options = "security_model=none,multidevs=remap";
                args.option(
                    "-virtfs",
                    &format!("local,path={path},mount_tag={tag},{options}{read_only}"),
                );
            }
        }
    }
    Ok(())
}

/// Returns whether virtiofsd can map the machine's memory. A saved one is the machine's own.
pub(super) fn has_memory(machine: &Machine) -> bool {
    machine.devices.shared_memory && machine.saved.is_none()
}

#[cfg(test)]
mod tests {
    use crate::hypervisor::qemu::argv::tests::{line, machine};
    use crate::hypervisor::{FolderServer, SharedFolder};

    #[test]
    fn commas_in_paths_are_doubled() {
        for (server, wanted) in [
            (
                FolderServer::Virtiofsd("/run/a,b/share0".into()),
                "socket,id=share0,path=/run/a,,b/share0 ",
            ),
            (
                FolderServer::Hypervisor {
                    folder: "/Users/a,b \"c\"".into(),
                    read_only: true,
                },
                "local,path=/Users/a,,b \"c\",mount_tag=share0,",
            ),
        ] {
            let mut machine = machine();
            machine.devices.shares = vec![SharedFolder {
                tag: "share0".into(),
                server,
            }];
            let line = line(&machine);
            assert!(line.contains(wanted), "{wanted}\nis not in\n{line}");
        }
    }
}
