//! The output of `run --dry-run`.

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::Context;
use crate::guest::shell::quote;
use crate::host::Os;
use crate::hypervisor::accelerator::Accelerator;
use crate::hypervisor::{Hypervisor, Kind, Launch};
use crate::provision::{BootKind, Preview};
use crate::text::format_size;
use crate::ui::{Format, print, say};
use crate::vm::Spec;
use crate::vm::create::{self, NewVm};

/// What `run` would do. The field names are stable.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    preview: &'a Preview,
    /// `vm.json` of the new VM, with a new ID and, without --name, one of the names that `run` may
    /// generate.
    spec: Option<&'a Spec>,
    accelerator: Option<Accelerator>,
    /// The hypervisor's program and its arguments. Credentials are in files that it names.
    command: Option<Vec<String>>,
}

/// Prints it.
pub(super) fn show(
    context: &Context,
    preview: &Preview,
    new: &NewVm,
    format: Option<&Format>,
) -> Result<()> {
    let launch = preview.vm.as_ref().map(|vm| -> Result<_> {
        let (spec, os) = (&vm.spec, Os::current());
        let hypervisor = Hypervisor::find(spec.hypervisor, spec.arch, os)?;
        let cache = &context.dirs.cache;
        let all = hypervisor.accelerators(spec.accelerator, spec.arch, os, cache)?;
        let accelerator = all.all.first().copied().context("no accelerator")?;
        let machine = create::planned_machine(vm, &context.dirs, new)?;
        let plan = hypervisor.plan(&machine, accelerator)?;
        Ok((accelerator, plan.launch))
    });
    let launch = launch.transpose()?;
    let Some(format) = format else {
        say(text(preview, launch.as_ref()));
        return Ok(());
    };
    let shown = Shown {
        preview,
        spec: preview.vm.as_ref().map(|vm| &vm.spec),
        accelerator: launch.as_ref().map(|(accelerator, _)| *accelerator),
        command: launch.as_ref().map(|(_, launch)| words(launch)),
    };
    match format {
        Format::Json => say(serde_json::to_string_pretty(&shown)? + "\n"),
        Format::Template(_) => print(&[shown], format)?,
    }
    Ok(())
}

fn words(launch: &Launch) -> Vec<String> {
    let program = launch.program.display().to_string();
    let args = launch
        .args
        .iter()
        .map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once(program).chain(args).collect()
}

fn text(preview: &Preview, launch: Option<&(Accelerator, Launch)>) -> String {
    let mut lines = vec![];
    let mut line = |name: &str, text: String| lines.push(format!("{name:<12}{text}\n"));
    if let Some(text) = image(preview) {
        line("image", text);
    }
    if let Some(boot) = &preview.boot {
        let size = boot.install.as_ref().map_or(0, |options| options.disk_size);
        let (name, made) = match boot.kind {
            BootKind::BaseDisk => (
                "base disk",
                format!("would be installed on a disk of {}", format_size(size)),
            ),
            BootKind::DirectBoot => ("kernel", "would be read from the image".to_owned()),
            BootKind::DiskImage => ("disk image", String::new()),
        };
        let state = match (boot.kind, boot.cached) {
            (BootKind::DiskImage, _) => String::new(),
            (_, true) => ", cached".to_owned(),
            (_, false) => format!("; {made}"),
        };
        line(name, format!("{}{state}", boot.file.display()));
    }
    if let Some(id) = &preview.replaces {
        line("replaces", format!("VM {id}"));
    }
    if let Some(vm) = &preview.vm {
        let spec = &vm.spec;
        let mut parts = vec![
            spec.name.to_string(),
            format!("{} CPUs", spec.cpus),
            format!("{} of memory", format_size(spec.memory_mib << 20)),
        ];
        if let Some(size) = spec.disk_size {
            parts.push(format!("a disk of {}", format_size(size)));
        }
        line("VM", parts.join(", "));
    }
    if let Some((accelerator, launch)) = launch {
        let kind = preview
            .vm
            .as_ref()
            .map_or(Kind::Qemu, |vm| vm.spec.hypervisor);
        line(
            "hypervisor",
            format!("{} ({})", kind.title(), accelerator.name()),
        );
        lines.push(command(launch));
    }
    lines.concat()
}

/// Tells where the image is; none for a disk image.
fn image(preview: &Preview) -> Option<String> {
    let Preview {
        image, pull, copy, ..
    } = preview;
    let place = match copy {
        true => "the other podman's storage",
        false => "podman's storage",
    };
    let Some(image) = image else {
        let text = match (pull, copy) {
            (true, _) => format!("not in {place}; would be pulled. The rest depends on it"),
            (false, true) => "in a file; would be read. The rest depends on it".to_owned(),
            (false, false) => return None,
        };
        return Some(text);
    };
    let then = match (pull, copy) {
        (true, true) => "; would be pulled again and copied",
        (true, false) => "; would be pulled again",
        (false, true) => "; would be copied, if not cached",
        (false, false) => "",
    };
    let (name, id) = (&image.reference, image.short_id());
    Some(format!("{name} ({id}), in {place}{then}"))
}

/// Returns the command line for a shell, an option a line.
fn command(launch: &Launch) -> String {
    let mut text = String::from("\n");
    for (index, word) in words(launch).into_iter().enumerate() {
        let is_option = word.starts_with('-');
        let word = quote(&word);
        match (index, is_option) {
            (0, _) => {}
            (_, true) => text.push_str(" \\\n  "),
            (_, false) => text.push(' '),
        }
        text.push_str(&word);
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;

    #[test]
    fn the_place_of_the_image_and_the_work_are_told() {
        let told = |pull, copy, image_: Option<Image>| {
            image(&Preview {
                pull,
                copy,
                image: image_,
                boot: None,
                replaces: None,
                vm: None,
            })
        };
        let known = Some(Image::sample());
        for (pull, copy, image, texts) in [
            (
                false,
                false,
                &known,
                ["localhost/x:latest (aaaaaaaaaaaa)", "in podman's storage"],
            ),
            (
                true,
                false,
                &known,
                ["in podman's storage", "; would be pulled again"],
            ),
            (
                false,
                true,
                &known,
                ["in the other podman's storage", "; would be copied, if not"],
            ),
            (
                true,
                true,
                &known,
                ["other podman", "; would be pulled again and copied"],
            ),
            (
                true,
                false,
                &None,
                ["not in podman's storage; would be pulled", "depends"],
            ),
            (
                true,
                true,
                &None,
                ["not in the other podman's storage", "depends"],
            ),
            (false, true, &None, ["in a file; would be read", "depends"]),
        ] {
            let told = told(pull, copy, image.clone()).unwrap();
            assert!(texts.iter().all(|text| told.contains(text)), "{told}");
        }
        assert_eq!(told(false, false, None), None);
    }

    #[test]
    fn a_command_line_is_for_a_shell() {
        let launch = Launch {
            program: "/usr/bin/qemu".into(),
            args: ["-name", "guest=a b", "-nodefaults"].map(Into::into).into(),
        };
        let expected = "\n/usr/bin/qemu \\\n  -name 'guest=a b' \\\n  -nodefaults\n";
        assert_eq!(command(&launch), expected);
    }
}
