//! The command line of `bootc install to-disk`.

use super::protocol::Config;
use super::{DEFAULT_FILESYSTEM, Install};
use crate::disk::Options;
use crate::ui::Stage;

/// The root filesystem's type to name: the user's, or a default where the image has none; said in that case.
pub(super) fn filesystem(install: &Install, config: &Config, stage: &Stage) -> Option<String> {
    match (&install.options.filesystem, config.root_filesystem()) {
        (Some(asked), _) => Some(asked.clone()),
        (None, Some(_)) => None,
        (None, None) => {
            stage.note(&format!(
                "image {} sets no root filesystem; using {DEFAULT_FILESYSTEM} (--filesystem chooses another)",
                install.image.reference
            ));
            Some(DEFAULT_FILESYSTEM.to_owned())
        }
    }
}

/// `bootc install to-disk` with these options, up to what differs between a VM and a container.
///
/// `filesystem` is what to name as the root filesystem's type, if anything.
pub(super) fn to_disk(options: &Options, filesystem: Option<&str>) -> Vec<String> {
    let mut words: Vec<String> =
        ["bootc", "install", "to-disk", "--generic-image", "--skip-fetch-check"].map(str::to_owned).to_vec();
    let mut option = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
    option("--target-imgref", &options.target_imgref);
    if let Some(transport) = &options.target_transport {
        option("--target-transport", transport);
    }
    if let Some(filesystem) = filesystem {
        option("--filesystem", filesystem);
    }
    if let Some(size) = options.root_size {
        // bootc takes MiB when there is no unit.
        option("--root-size", &format!("{}M", size.div_ceil(1 << 20)));
    }
    if let Some(bootloader) = &options.bootloader {
        option("--bootloader", bootloader);
    }
    // With `=`: an argument may begin with a dash.
    words.extend(options.kargs.iter().map(|karg| format!("--karg={karg}")));
    if options.composefs {
        words.push("--composefs-backend".into());
    }
    words.extend(options.install_args.iter().cloned());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for() {
        let plain = Options { target_imgref: "localhost/x:latest".into(), ..Options::default() };
        assert_eq!(
            to_disk(&plain, None).join(" "),
            "bootc install to-disk --generic-image --skip-fetch-check --target-imgref localhost/x:latest"
        );
        let full = Options {
            root_size: Some((5 << 30) + 1),
            kargs: vec!["console=ttyS0".into(), "a=b c".into()],
            bootloader: Some("systemd".into()),
            composefs: true,
            target_transport: Some("oci".into()),
            install_args: vec!["--stateroot".into(), "a b".into()],
            ..plain
        };
        let words = to_disk(&full, Some("xfs"));
        for want in [
            ["--filesystem", "xfs"],
            ["--root-size", "5121M"],
            ["--bootloader", "systemd"],
            ["--target-transport", "oci"],
            ["--karg=console=ttyS0", "--karg=a=b c"],
            ["--stateroot", "a b"],
        ] {
            assert!(words.windows(2).any(|pair| pair == want), "{want:?} in {words:?}");
        }
        assert!(words.iter().any(|word| word == "--composefs-backend"));
    }
}
