//! What the system tells of processes, and does with them.

use std::fs;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::PATIENCE;

/// Stops processes where they are, those that have ended aside. On a busy machine the signal alone does that later than what
/// comes next.
pub fn freeze(ids: &[u32]) {
    signal("STOP", ids);
    let begun = Instant::now();
    for id in ids {
        while state_of(*id).is_some_and(|state| !["T", "Z"].contains(&&*state)) {
            assert!(begun.elapsed() < PATIENCE, "{id} does not stop");
            sleep(Duration::from_millis(1));
        }
    }
}

/// Lets frozen processes go on.
pub fn thaw(ids: &[u32]) {
    signal("CONT", ids);
}

/// Sends processes that may have ended a signal by its name, such as `TERM`.
pub fn signal(name: &str, ids: &[u32]) {
    for id in ids {
        // It may have ended.
        let _ = kill_process(pid(*id), signal_of(name));
    }
}

/// Sends a child that nobody has waited for a signal by its name.
pub fn signal_child(name: &str, child: &Child) {
    kill_process(pid(child.id()), signal_of(name)).expect("the child is ours");
}

fn pid(id: u32) -> Pid {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    id.expect("the id of a process")
}

fn signal_of(name: &str) -> Signal {
    match name {
        "CONT" => Signal::CONT,
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "KILL" => Signal::KILL,
        "QUIT" => Signal::QUIT,
        "STOP" => Signal::STOP,
        "TERM" => Signal::TERM,
        "USR2" => Signal::USR2,
        other => panic!("no test sends {other}"),
    }
}

/// The children of a process, with those that have ended and that nobody has waited for.
pub fn children_of(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").expect("there is a proc file system");
    let ids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter(|id| state_and_parent(*id).is_some_and(|(_, of)| of == parent))
        .collect()
}

/// The letter of the state that it is in, as `ps` shows it; none if there is no such process.
pub fn state_of(id: u32) -> Option<String> {
    state_and_parent(id).map(|(state, _)| state)
}

/// Whether it has not ended; it may have, and nobody has asked for its exit code.
pub fn is_running(id: u32) -> bool {
    state_of(id).is_some_and(|state| state != "Z")
}

fn state_and_parent(id: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before it is in parentheses, and may hold any.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut words = rest.split(' ');
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
}
