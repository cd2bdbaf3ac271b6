//! The `podman-bootc` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    podman_bootc::cli::main()
}
