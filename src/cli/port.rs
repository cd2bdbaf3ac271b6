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

/// Show or change the ports of the host that are forwarded to a VM
///
/// Changes apply to a running VM at once, and to its next starts.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc port web                           80/tcp -> 127.0.0.1:8080
  podman-bootc port web --add 8443:443
  podman-bootc port web --remove 8443:443")]
pub struct Args {
    /// Forward one more port; can be repeated
    #[arg(long, value_name = "[[IP:]HOST:]GUEST[/tcp|udp]", action = ArgAction::Append)]
    add: Vec<Forward>,
    /// Stop forwarding a port; can be repeated
    ///
    /// Without HOST, all forwards to that port of the guest are removed.
    #[arg(long, value_name = "[[IP:]HOST:]GUEST[/tcp|udp]", action = ArgAction::Append)]
    remove: Vec<Forward>,
    /// Print as JSON, or by a template such as '{{.host_port}}'
    #[arg(long, value_name = "json|TEMPLATE", conflicts_with_all = ["add", "remove"])]
    format: Option<Format>,
    #[command(flatten)]
    vm: VmArg,
}

/// A forwarded port in the list. The field names are stable.
#[derive(Debug, Serialize)]
struct Row {
    protocol: Protocol,
    guest_port: u16,
    host_address: std::net::Ipv4Addr,
    /// 0 if the system chooses a port at the VM's next start.
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
    if vm.state() == State::Running {
        vm.record().ports
    } else {
        vm.spec.settings.ports.clone()
    }
}

fn add(context: &Context, vm: &mut Vm, forward: Forward) -> Result<()> {
    let clash = |ports: &[Forward]| ports.iter().find(|port| port.clashes(&forward)).copied();
    if let Some(other) = clash(&current(vm)).or_else(|| clash(&vm.spec.settings.ports)) {
        bail!(
            "VM {} already forwards {} to {}",
            vm.spec.name,
            other.host_side(),
            other.guest_side()
        );
    }
    if vm.spec.settings.nic == Nic::None {
        bail!(
            "VM {} has no network card (--nic none), so it can't have ports",
            vm.spec.name
        );
    }
    if forward.protocol == Protocol::Udp {
        requirements::check(vm.spec.hypervisor, &[Wish::UdpPort])?;
    }
    ports::check(&[forward])?;
    if vm.state() == State::Running {
        context.block_on(lifecycle::change(
            vm,
            &context.store,
            Change::AddPort(forward),
        ))?;
    }
    vm.change_spec(|spec| {
        spec.settings.ports.push(forward);
        Ok::<_, anyhow::Error>(())
    })
}

fn remove(context: &Context, vm: &mut Vm, forward: &Forward) -> Result<()> {
    let matches = |port: &Forward| {
        (port.protocol, port.guest) == (forward.protocol, forward.guest)
            && (forward.host == 0 || (port.host, port.address) == (forward.host, forward.address))
    };
    let forwards: Vec<Forward> = current(vm).into_iter().filter(matches).collect();
    if forwards.is_empty() {
        let name = &vm.spec.name;
        bail!("VM {name} doesn't forward {forward}: `podman-bootc port {name}` lists its ports");
    }
    if vm.state() == State::Running {
        for port in &forwards {
            context.block_on(lifecycle::change(
                vm,
                &context.store,
                Change::RemovePort(*port),
            ))?;
        }
    }
    vm.change_spec(|spec| {
        for port in &forwards {
            remove_one(&mut spec.settings.ports, port);
        }
        Ok::<_, anyhow::Error>(())
    })
}

/// Removes this forward, and no other forward to the same port of the guest.
fn remove_one(ports: &mut Vec<Forward>, forward: &Forward) {
    // The spec has no port number if the system chooses it.
    let chosen = Forward {
        host: 0,
        ..*forward
    };
    let position = |wanted: &Forward| ports.iter().position(|port| port == wanted);
    if let Some(position) = position(forward).or_else(|| position(&chosen)) {
        ports.remove(position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_matching_forward_is_removed() {
        let ports = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| text.parse().unwrap())
                .collect::<Vec<Forward>>()
        };
        let left = |from: &[&str], forward: &str| {
            let mut left = ports(from);
            remove_one(&mut left, &forward.parse().unwrap());
            left
        };
        assert_eq!(
            left(&["0:22", "0:22", "8022:22"], "40000:22"),
            ports(&["0:22", "8022:22"])
        );
        assert_eq!(left(&["0:22", "8022:22"], "8022:22"), ports(&["0:22"]));
        assert_eq!(left(&["53/udp", "53"], "40000:53"), ports(&["53/udp"]));
        assert_eq!(
            left(&["127.0.0.2:80:80", "80:80"], "80:80"),
            ports(&["127.0.0.2:80:80"])
        );
        assert_eq!(left(&["80:80"], "81:81"), ports(&["80:80"]));
    }
}
