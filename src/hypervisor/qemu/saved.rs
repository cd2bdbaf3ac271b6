//! QEMU's arguments for a machine that is saved, or that resumes.

use super::args::{Args, PathNotUtf8, escape, utf8};
use super::find::Qemu;
use super::shares::MEMORY;
use crate::host::Os;
use crate::hypervisor::{Arch, Machine, Saved, UseOfMemory};

/// The first QEMU that saves a machine to a file by itself, on Linux.
pub const FIRST_TO_SAVE: (u32, u32) = (8, 2);

/// Adds the memory, which is a file, and for a machine that resumes the wait for its state.
///
/// A machine that resumes maps the template's file for itself alone, so that it reads no page before
/// it needs it.
/// <https://www.qemu.org/docs/master/system/vm-templating.html>
pub(super) fn add(args: &mut Args, qemu: &Qemu, machine: &Machine) -> Result<(), PathNotUtf8> {
    if machine.wakes {
        args.option("-incoming", "defer");
    }
    let can_save = qemu.os == Os::Linux && qemu.version >= FIRST_TO_SAVE;
    let has_id = machine.saved.is_some() || machine.generation_id && can_save;
    // A device of ACPI. QEMU chooses another ID at each start.
    if machine.arch == Arch::X86_64 && has_id {
        args.option("-device", "vmgenid,guid=auto");
    }
    let Some(Saved {
        memory,
        use_of_memory,
    }) = &machine.saved
    else {
        return Ok(());
    };
    let (path, size) = (escape(utf8(memory)?), machine.memory_mib);
    let way = match use_of_memory {
        UseOfMemory::Resume => "share=off,readonly=on,rom=off",
        UseOfMemory::Save | UseOfMemory::ResumeShared => "share=on",
    };
    args.option(
        "-object",
        &format!("memory-backend-file,id={MEMORY},size={size}M,mem-path={path},{way}"),
    );
    if *use_of_memory != UseOfMemory::Save {
        args.option("-incoming", "defer");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::host::Os;
    use crate::hypervisor::accelerator::Accelerator;
    use crate::hypervisor::qemu::argv::tests::{line, machine, qemu};
    use crate::hypervisor::qemu::{Qemu, launch};
    use crate::hypervisor::{Arch, Saved, UseOfMemory};

    #[test]
    fn a_machine_that_resumes_has_memory_of_its_own() {
        let saved = |use_of_memory| {
            let mut machine = machine();
            machine.saved = Some(Saved {
                memory: "/a,b/memory".into(),
                use_of_memory,
            });
            line(&machine)
        };
        let (first, other) = (saved(UseOfMemory::Save), saved(UseOfMemory::Resume));
        let shared = saved(UseOfMemory::ResumeShared);
        let memory = "memory-backend-file,id=memory,size=2048M,mem-path=/a,,b/memory";
        assert!(first.contains(&format!(
            "-device vmgenid,guid=auto -object {memory},share=on"
        )));
        assert!(!first.contains("-incoming"));
        let wanted = format!(
            "-device vmgenid,guid=auto -object {memory},share=off,readonly=on,rom=off -incoming defer"
        );
        assert!(other.contains(&wanted), "{other}");
        let wanted = format!("{memory},share=on -incoming defer");
        assert!(shared.contains(&wanted), "{shared}");
        for line in [first, other, shared] {
            assert!(line.contains(",memory-backend=memory"), "{line}");
        }
    }

    #[test]
    fn a_machine_that_can_be_saved_has_a_generation_id() {
        let has_id = |os, version, arch| {
            let mut machine = machine();
            (machine.generation_id, machine.arch) = (true, arch);
            let qemu = Qemu {
                os,
                arch,
                ..qemu(version)
            };
            let launch = launch(&qemu, &machine, Accelerator::Tcg).unwrap();
            launch.args.iter().any(|arg| arg == "vmgenid,guid=auto")
        };
        assert!(has_id(Os::Linux, (8, 2), Arch::X86_64));
        assert!(!has_id(Os::Linux, (8, 1), Arch::X86_64));
        assert!(!has_id(Os::Macos, (10, 0), Arch::X86_64));
        assert!(!has_id(Os::Linux, (10, 0), Arch::Aarch64));
    }
}
