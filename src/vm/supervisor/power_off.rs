//! Asks a guest over SSH to shut down, where the power button has no effect.

use std::time::Duration;

use tokio::sync::watch;

use crate::guest::shell;
use crate::guest::ssh::endpoint::{self, Routes};
use crate::guest::ssh::session::{Error, Session};
use crate::vm::Vm;

/// Time limit for each answer of the guest's sshd.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// Runs `systemctl poweroff` in the guest as soon as its sshd answers. The end of the machine shows
/// whether that helped.
pub async fn over_ssh(vm: Vm, routes: Routes) {
    if let Err(error) = ask(&vm, &routes).await {
        tracing::debug!(%error, "can't ask the guest over SSH to shut down");
    }
}

async fn ask(vm: &Vm, routes: &Routes) -> Result<(), Error> {
    let (_sender, started) = watch::channel(true);
    let connection = endpoint::connect(routes, started, false, false).await;
    let login = vm.login(&vm.spec.user);
    let session = Session::open(connection.stream, &login, ANSWER_TIME).await?;
    session.order(&shell::as_root("systemctl poweroff")).await
}
