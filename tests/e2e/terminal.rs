//! Sessions on a terminal.

use crate::harness::{BOOT, SOON, Sandbox, Signal, shared, wait_for};

/// The character that Ctrl-C sends.
const CTRL_C: &str = "\x03";

#[test]
fn a_shell_works_on_a_terminal() {
    let sandbox = Sandbox::warm("shell");
    let mut shell = sandbox.start_on_terminal(&["run", "--rm", &shared("latest")]);
    shell.wait_stdout("# ", BOOT);
    shell.type_line("tty; echo sum $((6 * 7))");
    shell.wait_stdout("/dev/pts/", SOON);
    shell.wait_stdout("sum 42", SOON);
    // Ctrl-C belongs to the guest: it ends the command there, but neither the shell nor the tool.
    // (The inner shell prints its prompt once it has the terminal.)
    shell.type_line("sh -c 'echo asleep $((40 + 3)); exec sleep 1000'");
    shell.wait_stdout("asleep 43", SOON);
    shell.type_keys(CTRL_C);
    shell.type_line("echo still $((40 + 4))");
    shell.wait_stdout("still 44", SOON);
    shell.type_line("exit 7");
    shell.finish(SOON).expect(7);
    assert!(sandbox.list().is_empty());
    sandbox.assert_clean(&[]);
}

#[test]
fn a_terminal_that_closes_ends_the_session() {
    let sandbox = Sandbox::warm("hangup");
    let mut shell = sandbox.start_on_terminal(&["run", "--rm", &shared("latest")]);
    shell.wait_stdout("# ", BOOT);
    shell.type_line("echo in $((40 + 2))");
    shell.wait_stdout("in 42", SOON);
    // The terminal closes with its master, which `script` holds.
    shell.signal(Signal::KILL);
    wait_for("the VM to go", SOON, || {
        sandbox.list().is_empty().then_some(())
    });
    sandbox.assert_clean(&[]);
}

#[test]
fn ctrl_c_ends_a_command_and_its_vm() {
    let sandbox = Sandbox::warm("ctrl-c");
    let mut run =
        sandbox.start_on_terminal(&["run", &shared("latest"), "echo begun; exec sleep 1000"]);
    run.wait_stdout("begun", BOOT);
    run.type_keys(CTRL_C);
    run.finish(SOON).expect(130);
    assert!(sandbox.list().is_empty());
    sandbox.assert_clean(&[]);
}
