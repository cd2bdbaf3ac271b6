//! QEMU's arguments for a machine that is saved, or that resumes.

use super::args::{Args, PathNotUtf8, escape, utf8};
use super::shares::MEMORY;
use crate::hypervisor::{Arch, Machine, Saved, UseOfMemory};

/// Adds the memory, which is a file, and for a machine that resumes the wait for its state.
///
/// A machine that resumes maps the template's file for itself alone, so that it reads no page before
/// it needs it.
/// <https://www.qemu.org/docs/master/system/vm-templating.html>
pub(super) fn add(args: &mut Args, machine: &Machine) -> Result<(), PathNotUtf8> {
    if machine.wakes {
        args.option("-incoming", "defer");
    }
    if machine.arch == Arch::X86_64 && (machine.saved.is_some() || machine.is_copy) {
        // Tells the guest's kernel that it is a copy: it needs new random numbers.
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
    use crate::hypervisor::qemu::argv::tests::{line, machine};
    use crate::hypervisor::{Saved, UseOfMemory};

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
        // Its whole memory is in its state.
        let mut copy = machine();
        (copy.wakes, copy.is_copy) = (true, true);
        let copy = line(&copy);
        assert!(
            copy.contains("-incoming defer -device vmgenid,guid=auto"),
            "{copy}"
        );
        assert!(!copy.contains("memory-backend-file"), "{copy}");
    }
}
