//! The options of warm starts.

use anyhow::{Result, bail};
use clap::ValueEnum as _;

use crate::vm::spec::settings::Warm;

/// The environment variable with the default of `--warm`.
const VARIABLE: &str = "PODMAN_BOOTC_WARM";

#[derive(Debug, clap::Args)]
pub struct WarmArgs {
    /// Resume an --ephemeral VM from a template instead of booting [default: auto]
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
    /// Returns the choice of the flags, or of the environment.
    ///
    /// # Errors
    /// The environment variable has another value.
    pub fn choice(&self) -> Result<Warm> {
        match (self.cold, self.warm) {
            (true, _) => Ok(Warm::Never),
            (false, Some(warm)) => Ok(warm),
            (false, None) => match std::env::var(VARIABLE) {
                Ok(text) if !text.is_empty() => parse(&text),
                _ => Ok(Warm::default()),
            },
        }
    }
}

fn parse(text: &str) -> Result<Warm> {
    match Warm::from_str(text, false) {
        Ok(warm) => Ok(warm),
        Err(_) => bail!("{VARIABLE}: invalid value `{text}`: expected auto, always or never"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_beats_the_environment() {
        let choice = |cold, warm| WarmArgs { cold, warm }.choice().unwrap();
        assert_eq!(choice(true, None), Warm::Never);
        assert_eq!(choice(false, Some(Warm::Always)), Warm::Always);
        assert_eq!(parse("never").unwrap(), Warm::Never);
        assert!(parse("yes").unwrap_err().to_string().contains(VARIABLE));
    }
}
