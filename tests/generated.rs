//! `completions/` and `docs/man/` come from the definition of the command line. These tests compare
//! them, or write them with `UPDATE_DOCS=1` (`make docs`).

use std::collections::BTreeMap;
use std::path::Path;

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
        ensure!(
            !text.replace('\\', "").contains("internal-"),
            "{name} tells of a hidden command"
        );
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn bash_completes_commands_and_their_options() -> Result<()> {
    const ASK: &str = r#"
        source "$1"
        function=$(complete -p podman-bootc); function=${function#*-F }; function=${function%% *}
        ask() { COMP_WORDS=(podman-bootc "$@"); COMP_CWORD=$#; $function podman-bootc "${!#}" "${COMP_WORDS[$#-1]}"; echo "${COMPREPLY[@]}"; }
        ask ins; ask run --install-i; ask run --accel "t"
    "#;
    let script = tempfile::NamedTempFile::new()?;
    std::fs::write(&script, podman_bootc::cli::completion_script(Shell::Bash))?;
    let output = std::process::Command::new("bash")
        .args(["-c", ASK, "bash"])
        .arg(script.path())
        .output()?;
    ensure!(
        output.stdout == b"inspect\n--install-in\ntcg\n",
        "bash completes {:?}; {}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
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
