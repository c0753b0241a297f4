//! What docs/delivery.md says of libraries is so with those that are installed: else it must say something else.

use std::process::Command;

use super::{Node, python, script};

#[track_caller]
fn assert_succeeds(command: &mut Command) {
    let ended = command.output().expect("the program starts");
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
}

#[test]
fn the_libraries_for_javascript_surprise_as_the_page_says() {
    let Some(node) = Node::start() else { return };
    let (mut command, script) = node.script("surprises.mjs", include_str!("surprises.mjs"));

    assert_succeeds(command.arg(script));
}

#[test]
fn the_libraries_for_python_surprise_as_the_page_says() {
    let Some(mut command) = python() else {
        return;
    };

    assert_succeeds(command.arg(script("surprises.py")));
}
