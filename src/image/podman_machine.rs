//! The podman machine: where images are on macOS and Windows.
//! <https://docs.podman.io/en/latest/markdown/podman-machine.1.html>

use std::process::Command;

use serde::Deserialize;

use super::error::{Error, Unusable, parse};
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

/// A part of what `podman machine inspect` says.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    #[serde(default)]
    rootful: bool,
}

/// The service of the podman machine that is used by default: that of its root.
pub(super) fn service(mut podman: impl FnMut() -> Command) -> Result<Service, Error> {
    let mut ask = |args: &[&str], doing: &str| {
        process::output(podman().args(args))
            .map_err(|source| Error::Podman { doing: doing.to_owned(), source })
    };
    let doing = "list podman machines";
    let text = ask(&["machine", "list", "--format", "json"], doing)?;
    let rows: Vec<Row> = parse(&text, doing)?;
    let name = pick(&rows)?.to_owned();
    let doing = "inspect the podman machine";
    let text = ask(&["machine", "inspect", &name], doing)?;
    let machines: Vec<Inspected> = parse(&text, doing)?;
    if machines.first().is_some_and(|machine| machine.rootful) {
        // podman makes this connection for each machine.
        Ok(Service::Connection(format!("{name}-root")))
    } else {
        Err(Unusable::Rootless(name).into())
    }
}

/// The machine that podman itself would use.
fn pick(rows: &[Row]) -> Result<&str, Unusable> {
    let running = || rows.iter().find(|row| row.running);
    let chosen = rows.iter().find(|row| row.default).or_else(running).or(rows.first());
    match chosen {
        None => Err(Unusable::None),
        Some(row) if row.running => Ok(name_of(row)),
        Some(row) => Err(Unusable::Stopped(name_of(row).to_owned())),
    }
}

/// podman 4 marks the default one with a star.
fn name_of(row: &Row) -> &str {
    row.name.trim_end_matches('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_that_podman_would_use() {
        let pick = |json: &str| {
            let rows: Vec<Row> = serde_json::from_str(json).unwrap();
            pick(&rows).map(str::to_owned)
        };
        assert_eq!(pick("[]"), Err(Unusable::None));
        let one = r#"[{"Name":"a","Default":false,"Running":false,"VMType":"applehv"}]"#;
        assert_eq!(pick(one), Err(Unusable::Stopped("a".into())));
        let two = r#"[{"Name":"a","Running":true},{"Name":"b*","Default":true,"Running":true}]"#;
        assert_eq!(pick(two), Ok("b".into()));
        let other = r#"[{"Name":"a","Running":false},{"Name":"b","Running":true}]"#;
        assert_eq!(pick(other), Ok("b".into()));
        for (error, want) in [
            (Unusable::None, "podman machine init"),
            (Unusable::Stopped("a".into()), "podman machine start a"),
            (Unusable::Rootless("a".into()), "podman machine set --rootful a"),
        ] {
            assert!(error.to_string().contains(want), "{error}");
        }
    }
}
