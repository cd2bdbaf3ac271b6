//! `podman-bootc cp`

use std::path::Path;

use anyhow::{Result, bail};

use super::Context;
use super::args::session::SessionArgs;
use crate::guest::ssh::copy::{self, Copied};
use crate::host;
use crate::text::{Progress, format_size};
use crate::vm::Name;
use crate::vm::live::Live;

/// Copy a file or folder into a running VM, or out of it
///
/// One of the two paths is VM:PATH. If DST is a folder, the copy is created in it. Otherwise DST is
/// the copy's name. FOLDER/. copies only the folder's content. In a VM, ~ is the user's home folder.
/// Write ./VM:PATH for a host path that looks like VM:PATH.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc cp app.conf web:/etc/app.conf
  podman-bootc cp ./site web:/var/www/
  podman-bootc cp notes.txt web:~/
  podman-bootc cp web:/var/log ./web-logs")]
pub struct Args {
    #[command(flatten)]
    session: SessionArgs,
    /// The file or folder to copy: PATH or VM:PATH
    #[arg(value_name = "SRC")]
    source: String,
    /// Where to copy it: VM:PATH or PATH
    #[arg(value_name = "DST")]
    target: String,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let name = match (in_vm(&self.source), in_vm(&self.target)) {
            (Some((name, _)), None) | (None, Some((name, _))) => name,
            (Some(_), Some(_)) => {
                bail!("SRC and DST are both in a VM: one of them must be a path on this host")
            }
            (None, None) => bail!("SRC and DST are both on this host: one of them must be VM:PATH"),
        };
        let vm = context.store.find(name)?;
        let progress = self.session.progress();
        let (user, timeout) = (self.session.user(&vm), self.session.timeout);
        let (mut client, ready) = context.session(&vm, &user, timeout, progress.stage("boot"))?;
        let stage = progress.stage("copy");
        let update = |bytes| stage.update(&format_size(bytes));
        let mut live = Live {
            vm: &vm,
            store: &context.store,
            user: &user,
            client: &mut client,
            boot: ready.boot,
        };
        let copy = async {
            match (in_vm(&self.source), in_vm(&self.target)) {
                (Some((_, source)), _) => {
                    copy::from_guest(&ready.session, source, Path::new(&self.target), update).await
                }
                (_, Some((_, target))) => {
                    copy::to_guest(&ready.session, Path::new(&self.source), target, update).await
                }
                (None, None) => Ok(Copied {
                    bytes: 0,
                    changed: false,
                }),
            }
        };
        let work = live.work(
            copy,
            |result| matches!(result, Err(copy::Error::Session(error)) if error.is_loss()),
        );
        let copied = context.block_on(work)??;
        if copied.changed {
            stage.note(
                "files changed while they were copied; run `cp` again for their newest state",
            );
        }
        stage.done(&format!(
            "{} to {}, {}",
            self.source,
            self.target,
            format_size(copied.bytes)
        ));
        Ok(())
    }
}

/// Splits `VM:PATH`. Returns nothing for a path on this host.
fn in_vm(text: &str) -> Option<(&str, &str)> {
    let (name, path) = host::fs::path::split_colon(text)?;
    name.parse::<Name>().is_ok().then_some((name, path))
}

/// Returns true for `VM:PATH`.
pub(super) fn is_in_vm(text: &str) -> bool {
    in_vm(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::in_vm;

    #[test]
    fn a_path_in_a_vm_is_distinguished_from_a_host_path() {
        assert_eq!(in_vm("web:/a:b"), Some(("web", "/a:b")));
        assert_eq!(in_vm("web:"), Some(("web", "")));
        for path in ["/a", "./web:/a", "a b:/c", ":/a", "/x:y"] {
            assert_eq!(in_vm(path), None, "{path}");
        }
    }
}
