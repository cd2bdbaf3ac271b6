//! What the machine of a `run` is to have beside processors and memory.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::ArgAction;

use crate::disk::ExtraDiskArg;
use crate::guest::boot::cloudinit::Seed;
use crate::guest::boot::hostname::Hostname;
use crate::guest::boot::ignition::Ignition;
use crate::guest::boot::shares::Share;
use crate::guest::boot::user_credentials;
use crate::guest::boot::user_credentials::CredentialArg;
use crate::guest::ssh::keys;
use crate::host::Os;
use crate::hypervisor::features::Wish;
use crate::hypervisor::helpers::swtpm;
use crate::hypervisor::helpers::virtiofsd::Virtiofsd;
use crate::hypervisor::qemu::firmware;
use crate::hypervisor::{Forward, Kind, Protocol, Shares};
use crate::text::parse_size;
use crate::vm::{Nic, Settings, UserFiles, ports};

/// The machine's devices and its surroundings.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Machine options")]
pub struct MachineArgs {
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
    /// One more disk: a disk image (raw or qcow2), or new:SIZE for an empty one; may be given several times
    ///
    /// The VM finds them as /dev/disk/by-id/virtio-extra0, virtio-extra1, and so on. With :ro it can't write to
    /// the file. A new one goes with the VM.
    #[arg(long = "add-disk", value_name = "FILE[:ro]|new:SIZE", action = ArgAction::Append)]
    add_disks: Vec<ExtraDiskArg>,
    /// The VM's network card
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    nic: Nic,
    /// How the VM calls itself
    #[arg(long, value_name = "NAME")]
    hostname: Option<Hostname>,
    /// A file with public keys that may log in, too; may be given several times
    #[arg(long = "ssh-key", value_name = "FILE", action = ArgAction::Append)]
    ssh_keys: Vec<PathBuf>,
    /// A systemd credential for the VM, its value as it stands or from a file; may be given several times
    #[arg(long = "credential", value_name = "NAME=VALUE|NAME=@FILE", action = ArgAction::Append)]
    credentials: Vec<CredentialArg>,
    /// Give cloud-init the files in this folder: user-data, and perhaps meta-data, network-config, vendor-data
    #[arg(long, value_name = "DIR")]
    cloudinit: Option<PathBuf>,
    /// Give Ignition this configuration
    #[arg(long, value_name = "FILE")]
    ignition: Option<PathBuf>,
    /// What starts the VM from its disk
    #[arg(long, value_enum, default_value_t, value_name = "KIND", conflicts_with = "ephemeral")]
    pub firmware: firmware::Choice,
    /// Give the VM a TPM 2.0
    #[arg(long)]
    tpm: bool,
    /// Keep the VM's journal on this host, for `logs --journal` (systemd 256 and up in the image)
    #[arg(long)]
    journal: bool,
    /// Open a window with the VM's screen
    #[arg(long)]
    gui: bool,
}

impl MachineArgs {
    /// What is asked for that not every hypervisor can do.
    pub fn wishes(&self) -> impl Iterator<Item = Wish> {
        let asked = [
            (!self.volumes.is_empty(), Wish::Share),
            (self.volumes.iter().any(|share| share.read_only), Wish::ReadOnlyShare),
            (self.publish.iter().any(|port| port.protocol == Protocol::Udp), Wish::UdpPort),
            (self.hostname.is_some(), Wish::Credential("--hostname")),
            (!self.ssh_keys.is_empty(), Wish::Credential("--ssh-key")),
            (!self.credentials.is_empty(), Wish::Credential("--credential")),
            (self.tpm, Wish::Tpm),
            (self.firmware != firmware::Choice::default(), Wish::Device("--firmware")),
            (!self.add_disks.is_empty(), Wish::Device("--add-disk")),
            (self.nic != Nic::default(), Wish::Device("--nic")),
            (self.cloudinit.is_some(), Wish::Device("--cloudinit")),
            (self.ignition.is_some(), Wish::Device("--ignition")),
            (self.journal, Wish::Device("--journal")),
            (self.gui, Wish::Device("--gui")),
        ];
        asked.into_iter().filter_map(|(asked, wish)| asked.then_some(wish))
    }

    /// What is asked for; what can be checked before there is a VM is checked.
    ///
    /// # Errors
    /// A folder is not there, a port is taken, a file is not what it should be.
    pub fn settings(&self, hypervisor: Kind) -> Result<(Settings, UserFiles)> {
        let shares = self.volumes.iter().cloned().map(Share::resolve).collect::<Result<Vec<_>, _>>()?;
        if !shares.is_empty() && hypervisor.features(Os::current()).shares == Shares::Virtiofsd {
            Virtiofsd::find()?;
        }
        if self.tpm {
            swtpm::program()?;
        }
        if self.nic == Nic::None && !self.publish.is_empty() {
            bail!("with --nic none the VM has no ports that could be published");
        }
        ports::check(&self.publish)?;
        let credentials: Vec<_> =
            self.credentials.iter().map(CredentialArg::read).collect::<Result<_, _>>()?;
        // What of them goes together with the tool's own is seen later.
        user_credentials::merge(vec![], credentials.clone())?;
        let settings = Settings {
            shares,
            ports: self.publish.clone(),
            hostname: self.hostname.clone(),
            ssh_keys: keys::read_public(&self.ssh_keys)?,
            credentials: credentials.iter().map(|credential| credential.name.clone()).collect(),
            disks: self.add_disks.iter().map(ExtraDiskArg::resolve).collect::<Result<_, _>>()?,
            nic: self.nic,
            tpm: self.tpm,
            cloudinit: self.cloudinit.is_some(),
            ignition: self.ignition.is_some(),
            journal: self.journal,
            gui: self.gui,
        };
        settings.check()?;
        let files = UserFiles {
            credentials,
            seed: self.cloudinit.as_deref().map(Seed::read).transpose()?,
            ignition: self.ignition.as_deref().map(Ignition::read).transpose()?,
        };
        Ok((settings, files))
    }
}

/// Virtual processors.
pub fn parse_cpus() -> impl clap::builder::TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(1..=255)
}

/// Memory in MiB.
pub fn parse_memory(text: &str) -> Result<u64> {
    const SMALLEST: u64 = 256;
    let mib = parse_size(text)? >> 20;
    if mib < SMALLEST {
        bail!("{text} is {mib} MiB, too little to boot; numbers without a unit are bytes, as in podman");
    }
    Ok(mib)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory() {
        assert_eq!(parse_memory("2G").unwrap(), 2048);
        assert!(parse_memory("2048").unwrap_err().to_string().contains("bytes"));
    }
}
