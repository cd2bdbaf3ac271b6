//! The options of warm starts.

use crate::vm::spec::settings::Warm;

#[derive(Debug, clap::Args)]
pub struct WarmArgs {
    /// Resume a new VM from a template instead of booting [default: auto]
    ///
    /// Without a value it means `always`, which also makes a missing template. PODMAN_BOOTC_WARM sets the default.
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "always"
    )]
    warm: Option<Warm>,
    /// Boot, and make no template
    #[arg(long, conflicts_with = "warm")]
    cold: bool,
}

impl WarmArgs {
    pub fn is_given(&self) -> bool {
        self.cold || self.warm.is_some()
    }

    /// Returns true for `--warm` and `--warm=always`.
    pub fn asks_for_template(&self) -> bool {
        self.warm == Some(Warm::Always)
    }

    pub fn choice(&self) -> Warm {
        match self.cold {
            true => Warm::Never,
            false => self.warm.unwrap_or_default(),
        }
    }
}
