//! The podman machine, which holds the images on macOS and Windows.
//! <https://docs.podman.io/en/latest/markdown/podman-machine.1.html>

use std::process::Command;

use serde::Deserialize;

use super::error::{Error, PodmanMachineError, cant, parse};
use super::service::Service;
use crate::host::process;

/// A row of `podman machine list --format json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    name: String,
    #[serde(default)]
    default: bool,
    #[serde(default)]
    running: bool,
}

/// A part of the answer to `podman machine inspect`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    #[serde(default)]
    rootful: bool,
}

/// Returns the service of root in the default podman machine.
pub(super) fn service(mut podman: impl FnMut() -> Command) -> Result<Service, Error> {
    let mut ask =
        |args: &[&str], doing: &str| process::output(podman().args(args)).map_err(cant(doing));
    let doing = "list podman machines";
    let text = ask(&["machine", "list", "--format", "json"], doing)?;
    let rows: Vec<Row> = parse(&text, doing)?;
    let name = pick(&rows)?.to_owned();
    let doing = "inspect the podman machine";
    let text = ask(&["machine", "inspect", &name], doing)?;
    let machines: Vec<Inspected> = parse(&text, doing)?;
    if machines.first().is_some_and(|machine| machine.rootful) {
        // podman creates this connection for each machine.
        Ok(Service::Connection(format!("{name}-root")))
    } else {
        Err(PodmanMachineError::Rootless(name).into())
    }
}

/// Returns the name of the machine that podman itself would use.
fn pick(rows: &[Row]) -> Result<&str, PodmanMachineError> {
    let running = || rows.iter().find(|row| row.running);
    let chosen = rows
        .iter()
        .find(|row| row.default)
        .or_else(running)
        .or(rows.first());
    match chosen {
        None => Err(PodmanMachineError::Missing),
        Some(row) if row.running => Ok(name_of(row)),
        Some(row) => Err(PodmanMachineError::Stopped(name_of(row).to_owned())),
    }
}

/// podman 4 marks the default machine with a star.
fn name_of(row: &Row) -> &str {
    row.name.trim_end_matches('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_the_one_that_podman_would_use() {
        let pick = |json: &str| {
            let rows: Vec<Row> = serde_json::from_str(json).unwrap();
            pick(&rows).map(str::to_owned)
        };
        assert_eq!(pick("[]"), Err(PodmanMachineError::Missing));
        let one = r#"[{"Name":"a","Default":false,"Running":false,"VMType":"applehv"}]"#;
        assert_eq!(pick(one), Err(PodmanMachineError::Stopped("a".into())));
        let two = r#"[{"Name":"a","Running":true},{"Name":"b*","Default":true,"Running":true}]"#;
        assert_eq!(pick(two), Ok("b".into()));
        let other = r#"[{"Name":"a","Running":false},{"Name":"b","Running":true}]"#;
        assert_eq!(pick(other), Ok("b".into()));
        for (error, want) in [
            (PodmanMachineError::Missing, "podman machine init"),
            (
                PodmanMachineError::Stopped("a".into()),
                "podman machine start a",
            ),
            (
                PodmanMachineError::Rootless("a".into()),
                "podman machine set --rootful a",
            ),
        ] {
            assert!(error.to_string().contains(want), "{error}");
        }
    }
}
