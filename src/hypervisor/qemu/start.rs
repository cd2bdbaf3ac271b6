//! Starts QEMU and takes the connections that it makes.

use std::io::{self, Write as _};
use std::process::Stdio;

use tokio::sync::mpsc;

use super::Qmp;
use super::argv::credential_files;
use crate::host::{file, socket};
use crate::hypervisor::control::Control;
use crate::hypervisor::process::{Output, Ready, START_TIME, Start, StartError, pump};

/// Starts QEMU and waits until it is connected.
///
/// # Errors
/// It can't be started, or ends at once.
pub async fn start(start: Start<'_>) -> Result<Ready, StartError> {
    let io = |source| start.io(source);
    for (path, content) in credential_files(start.machine) {
        file::create_private(&path).and_then(|mut file| file.write_all(&content)).map_err(io)?;
    }
    let mut control_listener = socket::listen_for_program(&start.machine.control).map_err(io)?;
    let mut listeners = Vec::new();
    for channel in &start.machine.channels {
        listeners.push(socket::listen_for_program(&channel.socket).map_err(io)?);
    }
    let mut process = start.spawn(Stdio::piped())?;
    let stdout = process.stdout().map_err(io)?;
    let (sender, output) = mpsc::channel(64);
    tokio::spawn(pump(stdout, sender.clone(), Output::Console));
    let connect = async {
        let mut writers = Vec::new();
        for (index, listener) in listeners.iter_mut().enumerate() {
            let (read, write) = socket::split(listener.accept().await?);
            tokio::spawn(pump(read, sender.clone(), move |bytes| Output::Channel(index, bytes)));
            writers.push(write);
        }
        let (qmp, events) = Qmp::open(control_listener.accept().await?).await?;
        Ok::<_, io::Error>((writers, qmp, events))
    };
    let connected = tokio::select! {
        connected = connect => connected,
        early = process.ended_early() => return Err(early),
        () = tokio::time::sleep(START_TIME) => return Err(process.silent()),
    };
    match connected {
        Ok((channels, qmp, events)) => {
            process.channels = channels;
            Ok(Ready { process, control: Control::Qemu(qmp), events, output })
        }
        // Its last words say more than the broken connection.
        Err(_) => Err(process.hung_up().await),
    }
}
