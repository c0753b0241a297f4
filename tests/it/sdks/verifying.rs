//! Signatures, as the libraries of Standard Webhooks judge them.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{Node, OTHER_SECRET, SECRET, bodies, delivered, python, script, told};
use crate::harness::application::Arrival;

/// One that nobody signs with.
const WRONG_SECRET: &str = "whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

/// With which secrets what was delivered must be accepted.
const SECRETS: [&str; 3] = [SECRET, OTHER_SECRET, WRONG_SECRET];

/// What is delivered of all bodies in both formats: signed with one secret, and with two.
async fn signed() -> [Vec<Arrival>; 2] {
    let texts: Vec<_> = bodies::all().into_iter().map(|body| body.text).collect();
    let one = format!("secrets = [\"{SECRET}\"]");
    let two = format!("secrets = [\"{OTHER_SECRET}\", \"{SECRET}\"]");
    let delivered = delivered(
        &texts,
        &[
            &one,
            &format!("{one}, format = \"cloudevents\""),
            &two,
            &format!("{two}, format = \"cloudevents\""),
        ],
    )
    .await;
    let (one, two) = delivered.split_at(2);
    [one.concat(), two.concat()]
}

/// Fails unless both libraries accept each arrival with the secrets that it is signed with, and no other.
fn assert_accepted(judged: &[Value], accepted: [bool; 3]) {
    for judged in judged {
        assert_eq!(*judged, json!({"standardwebhooks": accepted, "svix": accepted}));
    }
}

#[tokio::test]
async fn every_signature_is_accepted_by_the_libraries_for_javascript() {
    let Some(node) = Node::start() else { return };
    let [one, two] = signed().await;

    for (arrivals, accepted) in [(one, [true, false, false]), (two, [true, true, false])] {
        let (command, script) = node.script("verify.mjs", include_str!("verify.mjs"));
        let judged = told(command, &script, &arrivals, &SECRETS).await;

        assert_accepted(&judged, accepted);
    }
}

#[tokio::test]
async fn every_signature_is_accepted_by_the_libraries_for_python() {
    let Some(python) = python() else { return };
    let [one, two] = signed().await;

    for (arrivals, accepted) in [(one, [true, false, false]), (two, [true, true, false])] {
        let command = Command::new(python.get_program());
        let judged = told(command, Path::new(&script("verify.py")), &arrivals, &SECRETS).await;

        assert_accepted(&judged, accepted);
    }
}
