//! The options of a VM's devices and of what the guest gets at boot.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::ArgAction;

use super::warm::WarmArgs;
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
use crate::vm::filter::Label;
use crate::vm::spec::settings::Ssh;
use crate::vm::{Nic, Settings, UserFiles, ports};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Machine options")]
pub struct MachineArgs {
    /// Share a host folder with the VM; can be repeated
    ///
    /// Both sides see changes at once. With :ro the VM can't write to the folder. Files that root
    /// creates in the VM belong to you. Your files belong to the VM's user there (--user).
    #[arg(short, long = "volume", value_name = "SRC:DST[:ro]", action = ArgAction::Append)]
    volumes: Vec<Share>,
    /// Forward a port of the host to the VM; can be repeated
    ///
    /// IP defaults to 127.0.0.1. If HOST is 0 or left out, the system chooses a port, and `port`
    /// shows it.
    #[arg(short, long = "publish", value_name = "[[IP:]HOST:]GUEST[/tcp|udp]", action = ArgAction::Append)]
    publish: Vec<Forward>,
    /// Attach a disk image (raw or qcow2), or with new:SIZE an empty disk; can be repeated
    ///
    /// In the VM the disks are /dev/disk/by-id/virtio-extra0, virtio-extra1, and so on. With :ro
    /// the VM can't write to the file. An empty disk is created in the VM's folder and removed with
    /// the VM.
    #[arg(long = "add-disk", value_name = "FILE[:ro]|new:SIZE", action = ArgAction::Append)]
    add_disks: Vec<ExtraDiskArg>,
    /// Add swap space of this size, which takes space on the host only in use (systemd 256 or newer
    /// in the image)
    #[arg(long, value_name = "SIZE", value_parser = parse_swap)]
    swap: Option<u64>,
    /// The VM's network card
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    nic: Nic,
    /// The way in by SSH
    #[arg(long, value_enum, default_value_t, value_name = "DOOR")]
    ssh: Ssh,
    /// The VM's hostname
    #[arg(long, value_name = "NAME")]
    hostname: Option<Hostname>,
    /// Also accept the public SSH keys in this file; can be repeated
    #[arg(long = "ssh-key", value_name = "FILE", action = ArgAction::Append)]
    ssh_keys: Vec<PathBuf>,
    /// Hand a credential to the guest's systemd, as a value or from a file; can be repeated
    #[arg(long = "credential", value_name = "NAME=VALUE|NAME=@FILE", action = ArgAction::Append)]
    credentials: Vec<CredentialArg>,
    /// Hand the files in this folder to cloud-init: user-data, optionally meta-data,
    /// network-config, vendor-data
    #[arg(long, value_name = "DIR")]
    cloudinit: Option<PathBuf>,
    /// Hand this configuration to Ignition
    #[arg(long, value_name = "FILE")]
    ignition: Option<PathBuf>,
    /// The firmware that boots the VM from its disk
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "KIND",
        conflicts_with = "ephemeral"
    )]
    pub firmware: firmware::Choice,
    /// Add a TPM 2.0
    #[arg(long)]
    tpm: bool,
    /// Also store the VM's journal on the host, for `logs --journal` (systemd 256 or newer in the
    /// image)
    #[arg(long)]
    journal: bool,
    /// Open a window with the VM's screen
    #[arg(long)]
    gui: bool,
    /// Add a label, for filters of `list`, `start`, `stop`, `rm`, `events`; can be repeated
    #[arg(short, long = "label", value_name = "KEY[=VALUE]", action = ArgAction::Append)]
    labels: Vec<Label>,
    /// Add an argument to the hypervisor's command line, after all others; can be repeated
    ///
    /// The tool passes it on unchanged and knows nothing of its effects. `inspect` shows it.
    #[arg(
        long = "hypervisor-arg",
        value_name = "ARGUMENT",
        action = ArgAction::Append,
        allow_hyphen_values = true
    )]
    hypervisor_args: Vec<String>,
    #[command(flatten)]
    warm: WarmArgs,
    /// Ports that are in use and will be free: the VM that has them ends first.
    #[arg(skip)]
    pub free_then: Vec<Forward>,
}

impl MachineArgs {
    /// Returns true if no flag was given.
    pub fn has_only_defaults(&self) -> bool {
        self.publish.is_empty()
            && self.labels.is_empty()
            && !self.warm.is_given()
            && self.wishes().next().is_none()
    }

    /// Returns true if the flags ask for a resume from a template.
    pub fn asks_for_template(&self) -> bool {
        self.warm.asks_for_template()
    }

    /// Returns the requested features that not every hypervisor has.
    pub fn wishes(&self) -> impl Iterator<Item = Wish> {
        let requested = [
            (!self.volumes.is_empty(), Wish::Share),
            (
                self.volumes.iter().any(|share| share.read_only),
                Wish::ReadOnlyShare,
            ),
            (
                self.publish
                    .iter()
                    .any(|port| port.protocol == Protocol::Udp),
                Wish::UdpPort,
            ),
            (self.hostname.is_some(), Wish::Credential("--hostname")),
            (!self.ssh_keys.is_empty(), Wish::Credential("--ssh-key")),
            (
                !self.credentials.is_empty(),
                Wish::Credential("--credential"),
            ),
            (self.tpm, Wish::Tpm),
            (
                self.firmware != firmware::Choice::default(),
                Wish::Device("--firmware"),
            ),
            (!self.add_disks.is_empty(), Wish::Device("--add-disk")),
            (self.swap.is_some(), Wish::Device("--swap")),
            (self.nic != Nic::default(), Wish::Device("--nic")),
            (self.ssh == Ssh::Direct, Wish::Device("--ssh direct")),
            (self.cloudinit.is_some(), Wish::Device("--cloudinit")),
            (self.ignition.is_some(), Wish::Device("--ignition")),
            (self.journal, Wish::Device("--journal")),
            (self.gui, Wish::Device("--gui")),
            (!self.hypervisor_args.is_empty(), Wish::Argument),
        ];
        requested
            .into_iter()
            .filter_map(|(requested, wish)| requested.then_some(wish))
    }

    /// Returns the settings after all checks that are possible before the VM exists.
    ///
    /// # Errors
    /// A folder is missing, a port is taken, or a file is invalid.
    pub fn settings(&self, hypervisor: Kind) -> Result<(Settings, UserFiles)> {
        let needs_helper = hypervisor.features(Os::current()).shares == Shares::Virtiofsd;
        if !self.volumes.is_empty() && needs_helper {
            Virtiofsd::find()?;
        }
        if self.tpm {
            swtpm::program()?;
        }
        ports::check(&self.publish)?;
        let (settings, files) = self.settings_elsewhere()?;
        settings.check()?;
        Ok((settings, files))
    }

    /// Returns the settings of a VM that another machine runs. They need nothing of this one but
    /// the user's files.
    ///
    /// # Errors
    /// A folder is missing, or a file is invalid.
    pub fn settings_elsewhere(&self) -> Result<(Settings, UserFiles)> {
        let shares: Vec<_> = self
            .volumes
            .iter()
            .cloned()
            .map(Share::resolve)
            .collect::<Result<_, _>>()?;
        if self.nic == Nic::None && !self.publish.is_empty() {
            bail!("-p needs a network card: leave out -p or --nic none");
        }
        if self.nic == Nic::None && self.ssh == Ssh::Guest {
            bail!("--ssh guest needs a network card: leave out --ssh guest or --nic none");
        }
        ports::check_beside(&self.publish, &self.free_then)?;
        let credentials: Vec<_> = self
            .credentials
            .iter()
            .map(CredentialArg::read)
            .collect::<Result<_, _>>()?;
        // Conflicts with the tool's own credentials are found when the VM is created.
        user_credentials::merge(vec![], credentials.clone())?;
        let disks: Vec<_> = self
            .add_disks
            .iter()
            .map(ExtraDiskArg::resolve)
            .collect::<Result<_, _>>()?;
        let settings = Settings {
            shares: shares.into(),
            ports: self.publish.clone(),
            hostname: self.hostname.clone(),
            ssh_keys: keys::read_public(&self.ssh_keys)?,
            credentials: credentials
                .iter()
                .map(|credential| credential.name.clone())
                .collect(),
            disks: disks.into(),
            swap: self.swap,
            nic: self.nic,
            ssh: self.ssh,
            tpm: self.tpm,
            cloudinit: self.cloudinit.is_some(),
            ignition: self.ignition.is_some(),
            journal: self.journal,
            gui: self.gui,
            warm: self.warm.choice(),
            labels: labels(&self.labels),
            hypervisor_args: self.hypervisor_args.clone(),
        };
        let files = UserFiles {
            credentials,
            seed: self.cloudinit.as_deref().map(Seed::read).transpose()?,
            ignition: self.ignition.as_deref().map(Ignition::read).transpose()?,
        };
        Ok((settings, files))
    }
}

/// Returns the labels by their keys. The last one of a key counts.
fn labels(labels: &[Label]) -> BTreeMap<String, String> {
    labels
        .iter()
        .map(|label| (label.key.clone(), label.value.clone()))
        .collect()
}

pub fn parse_cpus() -> impl clap::builder::TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(1..=255)
}

/// Parses the size of a swap disk.
fn parse_swap(text: &str) -> Result<u64> {
    const SMALLEST: u64 = 1 << 20;
    match parse_size(text)? {
        size @ SMALLEST.. => Ok(size),
        size => bail!("{size} bytes are too little: expected 1M or more, for example 2G"),
    }
}

/// Parses a memory size into MiB.
pub fn parse_memory(text: &str) -> Result<u64> {
    const SMALLEST: u64 = 256;
    let mib = parse_size(text)? >> 20;
    if mib < SMALLEST {
        bail!(
            "{mib} MiB is too little to boot: expected {SMALLEST}M or more. A number without a unit means bytes"
        );
    }
    Ok(mib)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_without_a_unit_is_in_bytes() {
        assert_eq!(parse_swap("2G").unwrap(), 2 << 30);
        assert!(parse_swap("2").unwrap_err().to_string().contains("1M"));
        assert_eq!(parse_memory("2G").unwrap(), 2048);
        assert!(
            parse_memory("2048")
                .unwrap_err()
                .to_string()
                .contains("bytes")
        );
    }
}
