//! KubeVirt's instance types.

/// The universal series of KubeVirt's common instance types: as many CPUs and as much memory as a
/// VM of this type has in a cluster.
/// <https://github.com/kubevirt/common-instancetypes/blob/main/instancetypes/u/1/sizes.yaml>
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum InstanceType {
    #[value(name = "u1.nano", help = "1 CPU, 512 MiB")]
    Nano,
    #[value(name = "u1.micro", help = "1 CPU, 1 GiB")]
    Micro,
    #[value(name = "u1.small", help = "1 CPU, 2 GiB")]
    Small,
    #[value(name = "u1.medium", help = "1 CPU, 4 GiB")]
    Medium,
    #[value(name = "u1.2xmedium", help = "2 CPUs, 4 GiB")]
    DoubleMedium,
    #[value(name = "u1.large", help = "2 CPUs, 8 GiB")]
    Large,
    #[value(name = "u1.xlarge", help = "4 CPUs, 16 GiB")]
    Xlarge,
    #[value(name = "u1.2xlarge", help = "8 CPUs, 32 GiB")]
    DoubleXlarge,
    #[value(name = "u1.4xlarge", help = "16 CPUs, 64 GiB")]
    FourfoldXlarge,
    #[value(name = "u1.8xlarge", help = "32 CPUs, 128 GiB")]
    EightfoldXlarge,
}

impl InstanceType {
    pub fn cpus(self) -> u32 {
        match self {
            Self::Nano | Self::Micro | Self::Small | Self::Medium => 1,
            Self::DoubleMedium | Self::Large => 2,
            Self::Xlarge => 4,
            Self::DoubleXlarge => 8,
            Self::FourfoldXlarge => 16,
            Self::EightfoldXlarge => 32,
        }
    }

    pub fn memory_mib(self) -> u64 {
        match self {
            Self::Nano => 512,
            Self::Micro => 1 << 10,
            Self::Small => 2 << 10,
            Self::Medium | Self::DoubleMedium => 4 << 10,
            Self::Large => 8 << 10,
            Self::Xlarge => 16 << 10,
            Self::DoubleXlarge => 32 << 10,
            Self::FourfoldXlarge => 64 << 10,
            Self::EightfoldXlarge => 128 << 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn the_help_of_a_type_says_what_a_vm_gets() {
        assert_eq!(InstanceType::value_variants().len(), 10);
        for kind in InstanceType::value_variants() {
            let value = kind.to_possible_value().unwrap();
            let cpus = match kind.cpus() {
                1 => "1 CPU".to_owned(),
                more => format!("{more} CPUs"),
            };
            let memory = match kind.memory_mib() {
                mib @ ..1024 => format!("{mib} MiB"),
                mib => format!("{} GiB", mib >> 10),
            };
            let help = value.get_help().unwrap().to_string();
            assert_eq!(help, format!("{cpus}, {memory}"), "{}", value.get_name());
        }
    }
}
