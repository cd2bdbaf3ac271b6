//! The block images of a running machine: the ones that an image needs, and the unused ones.

use std::path::{Path, PathBuf};

use super::decision::Reason;
use super::error::Error;
use super::guest::Look;
use super::job::Job;
use crate::host::fault;
use crate::vm::lifecycle;
use crate::vm::spec::{Replaced, Spec};
use crate::vm::supervisor::protocol::Request;

/// The serial of a block image that a running machine gets, before its number.
const SERIAL: &str = "layer";

/// An image's root as the machine's disks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stack {
    /// Serials, the uppermost first.
    pub serials: Vec<String>,
    /// The disks that the machine lacks.
    pub new: Vec<(String, PathBuf)>,
}

impl Stack {
    /// Returns the stack of these files, the lowest first, in a machine with these disks.
    pub fn of(files: &[PathBuf], disks: &[(String, PathBuf)]) -> Self {
        let mut stack = Self {
            serials: vec![],
            new: vec![],
        };
        for file in files {
            let all = || disks.iter().chain(&stack.new);
            let serial = match all().find(|(_, old)| old == file) {
                Some((serial, _)) => serial.clone(),
                None => {
                    let is_free = |serial: &String| all().all(|(used, _)| used != serial);
                    let serials = (0..=disks.len() + files.len()).map(|n| format!("{SERIAL}{n}"));
                    // There are more names than disks.
                    let serial = serials.into_iter().find(is_free).unwrap_or_default();
                    stack.new.push((serial.clone(), file.clone()));
                    serial
                }
            };
            stack.serials.insert(0, serial);
        }
        stack
    }

    /// Returns the bytes of the disks that the machine lacks.
    pub fn new_bytes(&self) -> u64 {
        let size = |path: &Path| path.metadata().map_or(0, |metadata| metadata.len());
        self.new.iter().map(|(_, file)| size(file)).sum()
    }
}

/// Returns what the running machine of this VM has.
pub(super) fn running(spec: &Spec) -> Replaced {
    Replaced {
        disks: spec.machine_roots().to_vec(),
        scratch: match spec.replaced() {
            Some(replaced) => replaced.scratch.clone(),
            None => spec.scratch().map(Path::to_owned),
        },
    }
}

impl Job<'_> {
    /// Gives the machine the disks that it lacks.
    ///
    /// # Errors
    /// The VM's settings can't be written. `Ok` with a reason means that the machine can't take
    /// them, and has none of them.
    pub(super) async fn plug_layers(
        &mut self,
        stack: &Stack,
        look: &Look,
    ) -> Result<Option<Reason>, Error> {
        if stack.new.is_empty() {
            return Ok(None);
        }
        let unused = self.unused(look, &stack.serials);
        self.unplug_layers(unused).await?;
        self.vm.change_spec(|spec| {
            let mut running = running(spec);
            running.disks.extend(stack.new.iter().cloned());
            spec.set_replaced(running);
            Ok::<_, Error>(())
        })?;
        fault::point("layers-in-settings");
        for (serial, _) in &stack.new {
            let device = serial.clone();
            let request = |number| Request::Plug { number, device };
            if let Err(error) = lifecycle::ask(self.vm, self.store, request).await {
                let new = stack.new.iter().map(|(serial, _)| serial.clone());
                self.unplug_layers(new.collect()).await?;
                return Ok(Some(Reason::Ports(crate::text::error_chain(&error))));
            }
        }
        fault::point("layers-plugged");
        Ok(None)
    }

    /// Returns the layers of the running machine that the guest doesn't use, but these.
    pub(super) fn unused(&self, look: &Look, kept: &[String]) -> Vec<String> {
        let disks = running(&self.vm.spec)
            .disks
            .into_iter()
            .map(|(serial, _)| serial);
        let can_go = |serial: &String| {
            serial.starts_with(SERIAL)
                && ![&look.used, &look.stack, kept]
                    .iter()
                    .any(|serials| serials.contains(serial))
        };
        match look.blind {
            true => vec![],
            false => disks.filter(can_go).collect(),
        }
    }

    /// Takes disks from the machine and then from the VM's settings.
    pub(super) async fn unplug_layers(&mut self, serials: Vec<String>) -> Result<(), Error> {
        for serial in serials {
            let device = serial.clone();
            let request = |number| Request::Unplug { number, device };
            if let Err(error) = lifecycle::ask(self.vm, self.store, request).await {
                tracing::warn!(
                    error = crate::text::error_chain(&error),
                    "can't unplug a layer"
                );
                continue;
            }
            self.vm.change_spec(|spec| {
                let mut running = running(spec);
                running.disks.retain(|(used, _)| *used != serial);
                spec.set_replaced(running);
                Ok::<_, Error>(())
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disks(disks: &[(&str, &str)]) -> Vec<(String, PathBuf)> {
        let disk = |(serial, file): &(&str, &str)| ((*serial).to_owned(), PathBuf::from(file));
        disks.iter().map(disk).collect()
    }

    #[test]
    fn the_machine_gets_only_the_layers_that_it_lacks() {
        let machine = disks(&[("root0", "a"), ("root1", "b"), ("layer1", "c")]);
        for (files, serials, new) in [
            (&["a", "b"][..], &["root1", "root0"][..], &[][..]),
            (&["a", "b", "c"], &["layer1", "root1", "root0"], &[]),
            (
                &["a", "d", "e"],
                &["layer2", "layer0", "root0"],
                &[("layer0", "d"), ("layer2", "e")],
            ),
            (&["x"], &["layer0"], &[("layer0", "x")]),
        ] {
            let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            let stack = Stack::of(&files, &machine);
            assert_eq!(stack.serials, serials);
            assert_eq!(stack.new, disks(new));
        }
    }
}
