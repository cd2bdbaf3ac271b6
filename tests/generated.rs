//! `completions/` and `docs/man/` come from the definition of the command line. These tests compare
//! them, or write them with `UPDATE_DOCS=1` (`make docs`).

use std::collections::BTreeMap;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::{Command, ValueEnum as _};
use clap_complete::{Generator as _, Shell};
use clap_mangen::Man;

const PROGRAM: &str = "podman-bootc";
const MEND: &str =
    "run `make docs` (or `UPDATE_DOCS=1 cargo test --test generated`) and commit what it changes";

/// Contents by file name.
type Files = BTreeMap<String, Vec<u8>>;

#[test]
fn completions_are_up_to_date() -> Result<()> {
    let files = completions();
    ensure!(
        files.len() == 5,
        "a file for each of bash, zsh, fish, PowerShell and elvish"
    );
    keep("completions", &files)
}

#[test]
fn man_pages_are_up_to_date() -> Result<()> {
    keep("docs/man", &man_pages()?)
}

#[test]
fn hidden_commands_stay_hidden() -> Result<()> {
    for (name, content) in completions().into_iter().chain(man_pages()?) {
        let text = String::from_utf8(content).with_context(|| name.clone())?;
        // roff writes `-` as `\-`.
        // The scripts of some shells call this one.
        let text = text.replace('\\', "").replace("internal-complete", "");
        ensure!(
            !text.contains("internal-"),
            "{name} tells of a hidden command"
        );
    }
    Ok(())
}

/// Lines.
const SCREEN: usize = 60;

#[test]
fn the_help_of_each_command_fits_on_a_screen() -> Result<()> {
    let mut all = vec![];
    add_helps(podman_bootc::cli::command(), &mut vec![], &mut all);
    for (line, help) in all {
        let lines = help.lines().count();
        ensure!(
            lines <= SCREEN,
            "{line}: {lines} lines; see src/cli/help.rs"
        );
    }
    Ok(())
}

/// The processor time of `--help`, beside that of a process that does nothing.
#[cfg(target_os = "linux")]
const HELP_TIME: Duration = Duration::from_millis(10);
/// A program that isn't optimized may take longer.
#[cfg(target_os = "linux")]
const PATIENCE: u32 = if cfg!(debug_assertions) { 6 } else { 1 };

#[cfg(target_os = "linux")]
#[test]
#[cfg_attr(
    not(target_arch = "x86_64"),
    ignore = "`tests/cross.sh` emulates the processor"
)]
fn the_help_of_each_command_takes_no_time() -> Result<()> {
    const RUNS: u32 = 5;
    let mut all = vec![];
    add_helps(podman_bootc::cli::command(), &mut vec![], &mut all);
    // The processor time, because other tests run beside this one.
    let mean = |words: &[&str]| -> Result<Duration> {
        let mut sh = std::process::Command::new("sh");
        let script = format!("for i in $(seq {RUNS}); do \"$@\" >/dev/null || exit; done; times");
        let output = sh.args(["-c", &script, "sh"]).args(words).output()?;
        ensure!(output.status.success(), "{words:?}");
        // The last line has the user's and the system's time of the shell's children.
        let text = String::from_utf8(output.stdout)?;
        let times = text.lines().last().unwrap_or_default().split_whitespace();
        let times = times.map(|time| -> Result<f64> {
            let (minutes, seconds) = time.split_once('m').context("no minutes")?;
            let seconds: f64 = seconds.trim_end_matches('s').parse()?;
            Ok(minutes.parse::<f64>()? * 60.0 + seconds)
        });
        let sum = times.sum::<Result<f64>>()?;
        Ok(Duration::from_secs_f64(sum) / RUNS)
    };
    let nothing = mean(&["env", "true"])?;
    for (line, _) in all {
        let words = line.split(' ').skip(1).chain(["--help"]);
        let begin = ["env", env!("CARGO_BIN_EXE_podman-bootc")].into_iter();
        let time = mean(&begin.chain(words).collect::<Vec<_>>())?.saturating_sub(nothing);
        eprintln!("{time:>10.1?} {line}");
        ensure!(time < HELP_TIME * PATIENCE, "{line} --help: {time:?}");
    }
    Ok(())
}

/// Adds what a command and its subcommands print for `--help`.
fn add_helps(mut command: Command, names: &mut Vec<String>, all: &mut Vec<(String, String)>) {
    names.push(command.get_name().to_owned());
    for inner in command.get_subcommands() {
        add_helps(inner.clone().max_term_width(100), names, all);
    }
    let help = command.try_get_matches_from_mut([PROGRAM, "--help"]);
    let text = help.map_or_else(|help| help.to_string(), |_| String::new());
    all.push((names.join(" "), text));
    names.pop();
}

#[cfg(unix)]
#[test]
fn the_templates_for_package_managers_are_filled_completely() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let sums = folder.path().join("SHA256SUMS");
    let source = "5".repeat(64);
    let files = "podman-bootc-1.2.3.tar.gz\nabcd  podman-bootc-windows-x86_64.exe\n";
    std::fs::write(&sums, format!("{source}  {files}"))?;
    let out = folder.path().join("out");
    let fill = |version: &str| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/fill.sh");
        let mut command = std::process::Command::new(script);
        command.args([version, "example/tool"]).args([&sums, &out]);
        command.output()
    };
    ensure!(fill("1.2.3")?.status.success(), "the script fails");
    let mut all = String::new();
    for entry in std::fs::read_dir(&out)? {
        all += &std::fs::read_to_string(entry?.path())?;
    }
    ensure!(!all.contains('@'), "a place is left: {all}");
    for text in [
        "1.2.3",
        &source,
        "ABCD",
        "example/tool",
        "example.podman-bootc",
    ] {
        ensure!(all.contains(text), "no {text}");
    }
    ensure!(!fill("1.2.4")?.status.success(), "no sums of that release");
    Ok(())
}

fn completions() -> Files {
    let file = |&shell: &Shell| {
        (
            shell.file_name(PROGRAM),
            podman_bootc::cli::completion_script(shell),
        )
    };
    Shell::value_variants().iter().map(file).collect()
}

fn man_pages() -> Result<Files> {
    let mut program = podman_bootc::cli::command().disable_help_subcommand(true);
    program.build();
    let mut files = Files::new();
    add_man_pages(&mut files, PROGRAM, program)?;
    Ok(files)
}

/// Adds the pages of a command and of its subcommands.
fn add_man_pages(files: &mut Files, name: &str, command: Command) -> Result<()> {
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        add_man_pages(
            files,
            &format!("{name}-{}", inner.get_name()),
            inner.clone(),
        )?;
    }
    files.insert(
        format!("{name}.1"),
        man_page(name, command.display_name(name.to_owned()))?,
    );
    Ok(())
}

/// Renders a page without date and version: it changes only when the command changes.
fn man_page(name: &str, command: Command) -> Result<Vec<u8>> {
    // Each section that clap_mangen renders begins with this.
    const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";
    let tail = command
        .get_after_help()
        .map(|text| roff_list(&text.to_string()))
        .unwrap_or_default();
    let has_subcommands = command.has_subcommands();
    // clap_mangen lists arguments among the options unless they have a heading.
    let man = Man::new(command.mut_args(|argument| {
        if argument.is_positional() {
            argument.help_heading("Arguments")
        } else {
            argument
        }
    }));
    let mut sections = Vec::new();
    man.render_name_section(&mut sections)?;
    man.render_synopsis_section(&mut sections)?;
    man.render_description_section(&mut sections)?;
    man.render_options_section(&mut sections)?;
    if has_subcommands {
        man.render_subcommands_section(&mut sections)?;
    }
    let sections = String::from_utf8(sections)?.replace(PREAMBLE, "");
    let title = format!(".TH {name} 1 \"\" {PROGRAM} \"User Commands\"\n");
    let see_also = if has_subcommands {
        String::new()
    } else {
        format!(".SH \"SEE ALSO\"\n{}(1)\n", PROGRAM.replace('-', "\\-"))
    };
    Ok([PREAMBLE, &title, &sections, &tail, &see_also]
        .concat()
        .into_bytes())
}

/// Renders the text after a command's help: a heading, then lines of two columns, which two or more
/// blanks separate.
fn roff_list(text: &str) -> String {
    let escape = |text: &str| {
        text.replace('\\', "\\e")
            .replace('-', "\\-")
            .replace('"', "\\(dq")
    };
    let mut roff = String::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(heading) = line.strip_suffix(':') {
            roff += &format!(".SH \"{}\"\n", escape(&heading.to_uppercase()));
            continue;
        }
        let line = escape(line.trim());
        let (left, right) = line.split_once("  ").unwrap_or((&line, ""));
        // `\&` keeps a line from beginning with a control character.
        roff += &format!(".TP\n\\&\\fB{left}\\fR\n\\&{}\n", right.trim());
    }
    roff
}

/// Compares a folder of the repository with its expected content, or writes that.
fn keep(folder: &str, files: &Files) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(&path)?;
        for (name, content) in files {
            std::fs::write(path.join(name), content)
                .with_context(|| format!("can't write {folder}/{name}"))?;
        }
    }
    for (name, content) in files {
        let found = std::fs::read(path.join(name)).unwrap_or_default();
        ensure!(
            found == *content,
            "{folder}/{name} is missing or stale: {MEND}"
        );
    }
    for entry in std::fs::read_dir(&path)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        ensure!(
            files.contains_key(&name),
            "{folder}/{name} belongs to no command: remove it"
        );
    }
    Ok(())
}
