//! The processes of this system, as far as `/proc` shows them.

use std::fs;

use rustix::process::{Pid, getpgrp};

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pub number: Pid,
    /// Whether it has ended, and nobody has waited for it yet.
    pub has_ended: bool,
    pub parent: i32,
    pub group: i32,
}

/// All of them; none where there is no `/proc`.
pub fn all() -> Vec<Process> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let read = processes.filter_map(|process| {
        let number: i32 = process.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(process.path().join("stat")).ok()?;
        // Its name may have any characters, and is the only thing in parentheses.
        let (_, behind_name) = stat.rsplit_once(") ")?;
        let mut fields = behind_name.split(' ');
        Some(Process {
            number: Pid::from_raw(number)?,
            has_ended: fields.next()? == "Z",
            parent: fields.next()?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
        })
    });
    read.collect()
}

/// The groups of all that descends from a process, but for those that are known and that of this program. `timeout` and
/// `setsid` have what they run leave the group that it was started in.
pub fn groups_below(ancestor: Pid, known: &[Pid]) -> Vec<Pid> {
    let all = all();
    let (mut found, mut at) = (vec![ancestor.as_raw_nonzero().get()], 0);
    let own = getpgrp();
    let mut groups = Vec::new();
    while let Some(&parent) = found.get(at) {
        at += 1;
        for child in all.iter().filter(|process| process.parent == parent) {
            let number = child.number.as_raw_nonzero().get();
            // Numbers that were given anew meanwhile could make a circle.
            if !found.contains(&number) {
                found.push(number);
                let group = Pid::from_raw(child.group);
                groups.extend(
                    group.filter(|group| *group != own && !known.contains(group) && !groups.contains(group)),
                );
            }
        }
    }
    groups
}
