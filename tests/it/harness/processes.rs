//! What the system tells of processes.

use std::fs;

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
