//! `podman-bootc port`

use anyhow::{Result, bail};
use clap::ArgAction;
use serde::Serialize;

use super::args::vm::VmArg;
use super::{Context, requirements};
use crate::engine::Change;
use crate::hypervisor::features::Wish;
use crate::hypervisor::{Forward, Protocol};
use crate::ui::{Format, print, say};
use crate::vm::{Nic, State, Vm, lifecycle, ports};

/// Show the ports of the host that lead to a VM, or change them
///
/// Changes hold at once for a running VM, and for its next starts.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc port web                           80/tcp -> 127.0.0.1:8080
  podman-bootc port web --add 8443:443
  podman-bootc port web --remove 8443:443")]
pub struct Args {
    /// Forward one more port; may be given several times
    #[arg(long, value_name = "[[IP:]HOST:]GUEST[/tcp|udp]", action = ArgAction::Append)]
    add: Vec<Forward>,
    /// Forward it no longer; may be given several times
    ///
    /// With HOST left out all forwards to that port of the guest go.
    #[arg(long, value_name = "[[IP:]HOST:]GUEST[/tcp|udp]", action = ArgAction::Append)]
    remove: Vec<Forward>,
    /// Print as JSON, or by a template as in '{{.host_port}}'
    #[arg(long, value_name = "json|TEMPLATE", conflicts_with_all = ["add", "remove"])]
    format: Option<Format>,
    #[command(flatten)]
    vm: VmArg,
}

/// A port as listings show it. The field names are part of the tool's interface.
#[derive(Debug, Serialize)]
struct Row {
    /// `tcp` or `udp`.
    protocol: Protocol,
    /// The guest's port.
    guest_port: u16,
    /// The host's address.
    host_address: std::net::Ipv4Addr,
    /// The host's port; 0 in a VM that doesn't run, when the system is to choose.
    host_port: u16,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let mut vm = self.vm.find(context)?;
        for forward in &self.remove {
            remove(context, &mut vm, forward)?;
        }
        for forward in &self.add {
            add(context, &mut vm, *forward)?;
        }
        let ports = current(&vm);
        if let Some(format) = &self.format {
            let row = |port: &Forward| Row {
                protocol: port.protocol,
                guest_port: port.guest,
                host_address: port.address,
                host_port: port.host,
            };
            return print(&ports.iter().map(row).collect::<Vec<_>>(), format);
        }
        for port in ports {
            say(format!("{} -> {}\n", port.guest_side(), port.host_side()));
        }
        Ok(())
    }
}

fn current(vm: &Vm) -> Vec<Forward> {
    if vm.state() == State::Running { vm.record().ports } else { vm.spec.settings.ports.clone() }
}

fn add(context: &Context, vm: &mut Vm, forward: Forward) -> Result<()> {
    let clash = |ports: &[Forward]| ports.iter().find(|port| port.clashes(&forward)).copied();
    if let Some(other) = clash(&current(vm)).or_else(|| clash(&vm.spec.settings.ports)) {
        bail!("VM {} forwards {} to {} already", vm.spec.name, other.host_side(), other.guest_side());
    }
    if vm.spec.settings.nic == Nic::None {
        bail!("VM {} has no network card (--nic none), and so no ports", vm.spec.name);
    }
    if forward.protocol == Protocol::Udp {
        requirements::check(vm.spec.hypervisor, &[Wish::UdpPort])?;
    }
    ports::check(&[forward])?;
    if vm.state() == State::Running {
        context.block_on(lifecycle::change(vm, &context.store, Change::AddPort(forward)))?;
    }
    vm.change_spec(|spec| {
        spec.settings.ports.push(forward);
        Ok::<_, anyhow::Error>(())
    })
}

fn remove(context: &Context, vm: &mut Vm, forward: &Forward) -> Result<()> {
    let meant = |port: &Forward| {
        (port.protocol, port.guest) == (forward.protocol, forward.guest)
            && (forward.host == 0 || (port.host, port.address) == (forward.host, forward.address))
    };
    let doomed: Vec<Forward> = current(vm).into_iter().filter(meant).collect();
    if doomed.is_empty() {
        bail!("VM {} forwards no such port as {forward}", vm.spec.name);
    }
    if vm.state() == State::Running {
        for port in &doomed {
            context.block_on(lifecycle::change(vm, &context.store, Change::RemovePort(*port)))?;
        }
    }
    vm.change_spec(|spec| {
        for port in &doomed {
            take(&mut spec.settings.ports, port);
        }
        Ok::<_, anyhow::Error>(())
    })
}

/// Takes this one forward out, and no other of the same port of the guest.
fn take(ports: &mut Vec<Forward>, forward: &Forward) {
    // One whose port the system chose has no number in the spec.
    let chosen = Forward { host: 0, ..*forward };
    let place = |wanted: &Forward| ports.iter().position(|port| port == wanted);
    if let Some(place) = place(forward).or_else(|| place(&chosen)) {
        ports.remove(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_forward_goes_and_no_other() {
        let ports = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Forward>>();
        let taken = |from: &[&str], forward: &str| {
            let mut left = ports(from);
            take(&mut left, &forward.parse().unwrap());
            left
        };
        assert_eq!(taken(&["0:22", "0:22", "8022:22"], "40000:22"), ports(&["0:22", "8022:22"]));
        assert_eq!(taken(&["0:22", "8022:22"], "8022:22"), ports(&["0:22"]));
        assert_eq!(taken(&["53/udp", "53"], "40000:53"), ports(&["53/udp"]));
        assert_eq!(taken(&["127.0.0.2:80:80", "80:80"], "80:80"), ports(&["127.0.0.2:80:80"]));
        assert_eq!(taken(&["80:80"], "81:81"), ports(&["80:80"]));
    }
}
