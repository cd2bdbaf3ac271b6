use super::*;

const A: &str = "a";
const B: &str = "b";

fn changed(names: &[&str]) -> Event {
    Event::Changed(Cause {
        label: names.first().unwrap_or(&"").to_string(),
        paths: names.iter().map(PathBuf::from).collect(),
    })
}

fn built(image: &str) -> Event {
    Event::Built(Ok(Built {
        image: image.into(),
        seconds: 1.0,
    }))
}

fn brought(image: &str) -> Event {
    Event::Brought(Brought {
        running: Some(image.into()),
        change: Ok(VmChange {
            name: "vm".into(),
            action: crate::watch::report::VmAction::New,
            seconds: 1.0,
            layers: None,
        }),
    })
}

fn checked(failed: usize) -> Event {
    Event::Checked(Checked::Done(Checks {
        passed: 1,
        failed,
        ..Checks::default()
    }))
}

/// Returns the actions in words.
fn told(machine: &mut Machine, event: Event) -> String {
    let word = |action: Action| match action {
        Action::Build => "build".to_owned(),
        Action::Bring { image, fresh } => {
            format!("bring {image}{}", if fresh { " fresh" } else { "" })
        }
        Action::Check => "check".into(),
        Action::CancelChecks => "cancel".into(),
        Action::Report(cycle) => format!("{} {:?}", cycle.cause, cycle.outcome),
        Action::OwnWrites(paths) => format!("own {paths:?}"),
    };
    let actions = machine.handle(event).into_iter().map(word);
    actions.collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn play(has_checks: bool, steps: &[(Event, &str)]) {
    let mut machine = Machine::new(has_checks);
    for (number, (event, wanted)) in steps.iter().enumerate() {
        let actions = told(&mut machine, event.clone());
        assert_eq!(&actions, wanted, "step {number}: {event:?}");
    }
}

#[test]
fn a_change_is_built_booted_and_checked() {
    play(
        true,
        &[
            (changed(&["start"]), "build"),
            (built(A), "bring a"),
            (brought(A), "check"),
            (checked(0), "start Passed"),
            (changed(&["f", "g"]), "build"),
            (built(B), "bring b"),
            (brought(B), "check"),
            (checked(1), "f Failed"),
            (changed(&["f"]), "build"),
            (built(B), "f Unchanged"),
        ],
    );
    play(
        false,
        &[
            (changed(&["start"]), "build"),
            (built(A), "bring a"),
            (brought(A), "start Ready"),
        ],
    );
}

#[test]
fn changes_during_a_build_lead_to_exactly_one_more() {
    play(
        true,
        &[
            (changed(&["f"]), "build"),
            (changed(&["g"]), ""),
            (changed(&["h"]), ""),
            (built(A), "f Superseded, build"),
            (built(B), "bring b"),
            (brought(B), "check"),
            (checked(0), "g Passed"),
        ],
    );
}

#[test]
fn a_failed_build_keeps_the_vm() {
    let failed = || Event::Built(Err("no".into()));
    play(
        true,
        &[
            (changed(&["f"]), "build"),
            (failed(), "f BuildFailed"),
            (changed(&["f"]), "build"),
            (built(A), "bring a"),
            (brought(A), "check"),
            (checked(0), "f Passed"),
            (changed(&["f"]), "build"),
            (changed(&["f"]), ""),
            (failed(), "f BuildFailed, build"),
            (built(A), "f Unchanged"),
            (Event::Test, "check"),
            (checked(0), "key t Passed"),
        ],
    );
}

#[test]
fn a_change_during_the_boot_or_the_checks_skips_the_checks() {
    play(
        true,
        &[
            (changed(&["f"]), "build"),
            (built(A), "bring a"),
            (changed(&["g"]), ""),
            (brought(A), "f Superseded, build"),
            // The same image again, whose checks did not run.
            (built(A), "check"),
            (changed(&["h"]), "cancel"),
            (Event::Checked(Checked::Cancelled), "g Superseded, build"),
            (built(A), "check"),
            (checked(0), "h Passed"),
        ],
    );
}

#[test]
fn keys_need_an_image_and_a_vm() {
    let mut machine = Machine::new(true);
    assert!(!machine.can_test() && !machine.can_renew());
    machine.handle(changed(&["a"]));
    machine.handle(built("1"));
    machine.handle(Event::Brought(Brought {
        running: None,
        change: Err("no".into()),
    }));
    assert!(!machine.can_test() && machine.can_renew());
    machine.handle(Event::Fresh);
    machine.handle(brought("1"));
    machine.handle(checked(0));
    assert!(machine.can_test() && machine.can_renew());
}

#[test]
fn keys_wait_for_the_work_that_is_under_way() {
    play(
        true,
        &[
            (changed(&["f"]), "build"),
            (Event::Fresh, ""),
            (built(A), "bring a fresh"),
            (Event::Test, ""),
            (brought(A), "check"),
            (Event::Fresh, "cancel"),
            (
                Event::Checked(Checked::Cancelled),
                "f Superseded, bring a fresh",
            ),
            (brought(A), "check"),
            (checked(0), "key f Passed"),
            (Event::Fresh, "bring a fresh"),
            (brought(A), "check"),
            (checked(0), "key f Passed"),
        ],
    );
}

#[test]
fn a_vm_that_failed_or_ended_is_made_again_at_the_next_change() {
    let failed = Event::Brought(Brought {
        running: None,
        change: Err("no boot".into()),
    });
    play(
        false,
        &[
            (changed(&["f"]), "build"),
            (built(A), "bring a"),
            (failed, "f VmFailed"),
            (changed(&["f"]), "build"),
            (built(A), "bring a"),
            (brought(A), "f Ready"),
            (Event::VmEnded, ""),
            (changed(&["f"]), "build"),
            (built(A), "bring a"),
            (brought(A), "f Ready"),
            (Event::Test, ""),
        ],
    );
}

#[test]
fn what_the_build_writes_itself_does_not_set_it_off_without_an_end() {
    play(
        false,
        &[
            (changed(&["f"]), "build"),
            (changed(&["out"]), ""),
            (built(A), "f Superseded, build"),
            (changed(&["out", "log"]), ""),
            (built(A), "out Superseded, build"),
            (changed(&["out"]), ""),
            (built(A), "out Superseded, build"),
            (changed(&["out"]), ""),
            (built(A), "own {\"out\"}, bring a"),
            (brought(A), "out Ready"),
            // It counts when no build runs, and with other files.
            (changed(&["out"]), "build"),
            (changed(&["out"]), ""),
            (built(A), "out Unchanged"),
            (changed(&["f"]), "build"),
            (changed(&["out", "g"]), ""),
            (built(B), "f Superseded, build"),
            (built(B), "bring b"),
        ],
    );
}

#[test]
fn a_build_that_fails_and_writes_does_not_set_itself_off_without_an_end() {
    let failed = || Event::Built(Err("exit code 1".into()));
    play(
        false,
        &[
            (changed(&["f"]), "build"),
            (changed(&["log"]), ""),
            (failed(), "f BuildFailed, build"),
            (changed(&["log"]), ""),
            (failed(), "log BuildFailed, build"),
            (changed(&["log"]), ""),
            (failed(), "own {\"log\"}, log BuildFailed"),
        ],
    );
}

#[test]
fn files_with_new_names_in_each_build_do_not_set_it_off_without_an_end() {
    let mut machine = Machine::new(false);
    machine.handle(changed(&["f"]));
    let mut builds = 1;
    for number in 0..100 {
        machine.handle(changed(&[&format!("sed{number}")]));
        let actions = machine.handle(built(A));
        if actions.contains(&Action::Build) {
            builds += 1;
        } else {
            assert!(matches!(actions.last(), Some(Action::Bring { .. })));
            break;
        }
    }
    assert!(builds < 10, "{builds}");
}

#[test]
fn an_image_that_each_build_makes_anew_comes_to_its_vm() {
    let mut machine = Machine::new(false);
    machine.handle(changed(&["f"]));
    let brought = (0..20).any(|number| {
        machine.handle(changed(&["out"]));
        let actions = machine.handle(built(&number.to_string()));
        actions
            .iter()
            .any(|action| matches!(action, Action::Bring { .. }))
    });
    assert!(brought);
}
