//! `bootc container lint` in a container of the image.

use std::time::{Duration, Instant};

use crate::host::process;
use crate::host::process::interrupt::Interrupted;
use crate::image::{Image, Podman};
use crate::testing::checks::{Case, Outcome};
use crate::text::plain;

const NAME: &str = "bootc container lint";
/// Seconds after which podman ends the container.
const LIMIT: &str = "--timeout=600";
/// The exit code of podman for a container that took too long.
const ENDED: i32 = 255;

/// Runs the lint and judges the image by its exit code. Its warnings are in the output.
///
/// # Errors
/// The tool is interrupted.
pub fn lint(podman: &Podman, image: &Image) -> Result<Case, Interrupted> {
    let start = Instant::now();
    // The streams become one, so that errors and warnings are in order.
    let script = "bootc container lint 2>&1; echo \"@code $?\"";
    let mut command = podman.container([LIMIT], &image.id, ["sh", "-c", script]);
    let (outcome, output) = match process::output(&mut command) {
        Ok(output) => judge(&String::from_utf8_lossy(&output)),
        Err(process::Error::Interrupted(signal)) => return Err(signal),
        Err(process::Error::Failed { status, .. }) if status.code() == Some(ENDED) => {
            (Outcome::TimedOut(Duration::from_secs(600)), String::new())
        }
        Err(error) => {
            let why = format!("no container of the image runs: {error}");
            (Outcome::Skipped(why), String::new())
        }
    };
    Ok(Case {
        name: NAME.to_owned(),
        outcome,
        time: start.elapsed(),
        output,
    })
}

fn judge(text: &str) -> (Outcome, String) {
    let (text, code) = text.rsplit_once("@code ").unwrap_or((text, ""));
    let lines: Vec<String> = text.lines().map(plain).collect();
    let outcome = match code.trim() {
        "0" => Outcome::Passed,
        "126" | "127" => Outcome::Skipped("the image has no bootc".to_owned()),
        // clap's code for a command line that it doesn't know.
        "2" => Outcome::Skipped("the image's bootc has no `container lint`".to_owned()),
        _ => {
            let is_error = |line: &&String| line.starts_with("error:") || line.contains("Failed");
            let first = lines.iter().find(is_error).or(lines.last());
            Outcome::Failed(first.cloned().unwrap_or_else(|| "it failed".to_owned()))
        }
    };
    (outcome, lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_decides() {
        for (text, outcome) in [
            ("Checks passed: 10\n@code 0\n", Outcome::Passed),
            (
                "Lint warning: var-log\nerror: Linting: Found usr/etc\n@code 1\n",
                Outcome::Failed("error: Linting: Found usr/etc".into()),
            ),
            (
                "sh: 1: bootc: not found\n@code 127\n",
                Outcome::Skipped("the image has no bootc".into()),
            ),
            (
                "error: unrecognized subcommand 'container'\n@code 2\n",
                Outcome::Skipped("the image's bootc has no `container lint`".into()),
            ),
            ("", Outcome::Failed("it failed".into())),
        ] {
            assert_eq!(judge(text).0, outcome, "{text}");
        }
    }
}
