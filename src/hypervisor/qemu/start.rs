//! Starts QEMU and accepts its connections.

use std::io::{self, Write as _};
use std::process::Stdio;

use tokio::sync::mpsc;

use super::argv::{console_socket, without_sandbox};
use super::credentials;
use super::find::Qemu;
use super::qmp::Qmp;
use crate::host::fs::file;
use crate::host::net::socket;
use crate::hypervisor::process::{Output, Ready, Start, StartError, Stdout, pump};

/// Starts QEMU and waits for its connections. A QEMU that doesn't support the sandbox starts
/// without it.
pub async fn start(start: Start<'_>, qemu: &Qemu) -> Result<Ready<Qmp>, StartError> {
    match start_once(start, qemu).await {
        Err(StartError::Ended(failure))
            if refuses_sandbox(failure.status.code(), &failure.message) =>
        {
            let Some(launch) = without_sandbox(start.launch) else {
                return Err(failure.into());
            };
            tracing::warn!(failure.message, "this QEMU doesn't support the sandbox");
            start_once(
                Start {
                    launch: &launch,
                    ..start
                },
                qemu,
            )
            .await
        }
        other => other,
    }
}

/// A QEMU that was built without the sandbox reports this. A QEMU whose libraries don't support it
/// prints nothing.
fn refuses_sandbox(code: Option<i32>, message: &str) -> bool {
    let errors = [
        "-sandbox support is not enabled",
        "failed to load seccomp",
        "failed to set seccomp",
    ];
    (code == Some(1) && message.is_empty()) || errors.iter().any(|error| message.contains(error))
}

async fn start_once(start: Start<'_>, qemu: &Qemu) -> Result<Ready<Qmp>, StartError> {
    let io = |source| start.io(source);
    for (path, content) in credentials::files(start.machine) {
        file::create_private(&path)
            .and_then(|mut file| file.write_all(&content))
            .map_err(io)?;
    }
    let mut control_listener = socket::listen_for_program(&start.machine.control).map_err(io)?;
    let mut listeners = Vec::new();
    for channel in &start.machine.channels {
        listeners.push(socket::listen_for_program(&channel.socket).map_err(io)?);
    }
    let console = console_socket(qemu, start.machine);
    let mut console = console
        .map(|path| socket::listen_for_program(&path))
        .transpose()
        .map_err(io)?;
    let (sender, output) = mpsc::channel(64);
    let mut process = match &console {
        Some(_) => start.spawn(Stdio::null(), Stdout::Log)?,
        None => {
            let mut process = start.spawn(Stdio::piped(), Stdout::Read)?;
            let stdout = process.stdout().map_err(io)?;
            tokio::spawn(pump(stdout, sender.clone(), Output::Console));
            process
        }
    };
    let connect = async {
        let keys = match &mut console {
            Some(listener) => {
                let (read, write) = socket::split(listener.accept().await?);
                tokio::spawn(pump(read, sender.clone(), Output::Console));
                Some(write)
            }
            None => None,
        };
        let mut writers = Vec::new();
        for (index, listener) in listeners.iter_mut().enumerate() {
            let (read, write) = socket::split(listener.accept().await?);
            tokio::spawn(pump(read, sender.clone(), move |bytes| {
                Output::Channel(index, bytes)
            }));
            writers.push(write);
        }
        let (qmp, reports) = Qmp::open(control_listener.accept().await?).await?;
        Ok::<_, io::Error>((keys, writers, qmp, reports))
    };
    let connected = tokio::select! {
        connected = connect => connected,
        early = process.ended_early() => return Err(early),
    };
    match connected {
        Ok((keys, channels, qmp, reports)) => {
            if let Some(keys) = keys {
                process.set_console(keys);
            }
            channels
                .into_iter()
                .for_each(|channel| process.add_channel(channel));
            Ok(Ready {
                process,
                control: qmp,
                reports,
                output,
            })
        }
        // QEMU's last messages say more than the broken connection.
        Err(_) => Err(process.hung_up().await),
    }
}

#[cfg(test)]
mod tests {
    use super::refuses_sandbox;

    #[test]
    fn only_the_sandboxs_own_errors_turn_it_off() {
        for message in [
            "qemu-system-x86_64: -sandbox on,spawn=deny: -sandbox support is not enabled in this QEMU binary",
            "qemu-system-x86_64: failed to load seccomp syscall filter in kernel: Invalid argument",
            "",
        ] {
            assert!(refuses_sandbox(Some(1), message), "{message}");
        }
        assert!(!refuses_sandbox(
            Some(1),
            "qemu-system-x86_64: cannot set up guest memory 'pc.ram'"
        ));
        assert!(
            !refuses_sandbox(None, ""),
            "a signal is not an error of the sandbox"
        );
    }
}
