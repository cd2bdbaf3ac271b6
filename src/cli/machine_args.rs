//! What the machine of a `run` is to have beside processors and memory.

use anyhow::Result;
use clap::ArgAction;

use crate::guest::shares::Share;
use crate::host::Os;
use crate::hypervisor::kind::Wish;
use crate::hypervisor::virtiofsd::Virtiofsd;
use crate::hypervisor::{Forward, Kind, Protocol, Shares};
use crate::vm::{Settings, ports};

/// The machine's devices and its surroundings.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Machine options")]
pub(super) struct MachineArgs {
    /// Share a folder of the host with the VM, live in both directions; may be given several times
    ///
    /// With :ro the VM can't write to it. What root in the VM makes belongs to you.
    #[arg(short, long = "volume", value_name = "SRC:DST[:ro]", action = ArgAction::Append)]
    volumes: Vec<Share>,
    /// Make a port of the VM one of the host; may be given several times
    ///
    /// IP is 127.0.0.1 when left out; HOST 0 or left out is chosen by the system, and `port` shows it.
    #[arg(short, long = "publish", value_name = "[[IP:]HOST:]GUEST[/tcp|udp]", action = ArgAction::Append)]
    publish: Vec<Forward>,
}

impl MachineArgs {
    /// What is asked for that not every hypervisor can do.
    pub fn wishes(&self) -> impl Iterator<Item = Wish> {
        let asked = [
            (!self.volumes.is_empty(), Wish::Share),
            (self.volumes.iter().any(|share| share.read_only), Wish::ReadOnlyShare),
            (self.publish.iter().any(|port| port.protocol == Protocol::Udp), Wish::UdpPort),
        ];
        asked.into_iter().filter_map(|(asked, wish)| asked.then_some(wish))
    }

    /// The settings; what can be checked before there is a VM is checked.
    ///
    /// # Errors
    /// A folder is not there, a port is taken.
    pub fn settings(&self, hypervisor: Kind) -> Result<Settings> {
        let shares = self.volumes.iter().cloned().map(Share::resolve).collect::<Result<Vec<_>, _>>()?;
        if !shares.is_empty() && hypervisor.features(Os::current()).shares == Shares::Virtiofsd {
            Virtiofsd::find()?;
        }
        ports::check(&self.publish)?;
        Ok(Settings { shares, ports: self.publish.clone() })
    }
}
