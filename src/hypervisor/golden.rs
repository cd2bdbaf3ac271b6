//! Golden command lines, which are in `tests/command-lines/`; `INSTA_UPDATE=always` writes them
//! anew.

use super::Launch;

/// Asserts that this is the golden command line of that name.
pub(crate) fn assert_launch(name: &str, launch: &Launch) {
    // All paths in it are made of slashes here.
    let text = text(launch);
    let text = if cfg!(windows) {
        text.replace(r"\\", "/").replace('\\', "/")
    } else {
        text
    };
    assert_text(name, &text);
}

/// An option with its value, or an argument, a line.
pub(crate) fn text(launch: &Launch) -> String {
    let mut text = launch.program.display().to_string();
    for arg in &launch.args {
        let arg = arg.to_str().unwrap();
        text.push_str(if arg.starts_with('-') { "\n" } else { " " });
        text.push_str(arg);
    }
    text
}

/// Asserts that this is the golden text of that name.
pub(crate) fn assert_text(name: &str, text: &str) {
    assert_in("command-lines", name, text);
}

/// Asserts that this is the golden text of that name in a folder of the tests.
pub(crate) fn assert_in(folder: &str, name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    settings.set_snapshot_path(tests.join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
