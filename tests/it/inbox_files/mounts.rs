//! A mount that keeps an inbox from being what it is for is named: at a start, by `doctor`, and by who would be misled by it.

use std::process::Command;

use super::*;
use crate::harness::process::{Ended, NAMESPACE, can_mount, run};

impl Desk {
    /// The program, for the inbox in `data`, once this script has mounted something there.
    fn command_on(&self, script: &str, arguments: &[&str]) -> Command {
        let script = format!("{script} && exec \"$0\" \"$@\"");
        let wrapper: Vec<_> = NAMESPACE.into_iter().chain(["sh", "-c", &script]).collect();
        let mut command = Process::command_under(&wrapper, self.folder.path());
        let inbox = self.path("data/inbox.db");
        command
            .env("CAIGUNN_INBOX_URL", format!("sqlite:{}", inbox.display()))
            .args(arguments);
        command
    }

    async fn run_on(&self, script: &str, arguments: &[&str]) -> Ended {
        run(self.command_on(script, arguments)).await
    }
}

/// An empty file `inbox.db` in the folder `host`, which `data` has a file of that name for, too.
fn with_file_of_host() -> Desk {
    let desk = Desk::new();
    for folder in ["host", "data"] {
        fs::create_dir(desk.path(folder)).unwrap();
        for file in ["inbox.db", "inbox.db.lock"] {
            fs::write(desk.path(folder).join(file), "").unwrap();
        }
    }
    desk
}

/// As by `docker run -v /srv/inbox.db:/data/inbox.db`.
const FILE_ALONE: &str = "mount --bind host/inbox.db data/inbox.db";

#[tokio::test]
async fn an_inbox_that_is_mounted_as_a_single_file_is_warned_of_with_what_to_mount() {
    if !can_mount() {
        return;
    }
    let desk = with_file_of_host();
    let shown = desk.path("data/inbox.db").display().to_string();
    let found =
        format!("{shown} is mounted as a single file: its log, {shown}-wal, is not in what is mounted");

    let checked = desk.run_on(FILE_ALONE, &["inbox", "check"]).await;
    let process = Process::spawn(desk.folder.path(), desk.command_on(FILE_ALONE, &[])).await;
    let said = warning(&process, "mounted as a single file").await;
    drop(process);
    let examined = desk.run_on(FILE_ALONE, &["doctor"]).await;
    let checked_with_log = desk.run_on(FILE_ALONE, &["inbox", "check"]).await;

    assert!(said.starts_with(&found), "{said}");
    let advice = format!(
        "mount the folder that it is in, at {}, in place of it",
        desk.path("data").display()
    );
    assert!(said.ends_with(&advice), "{said}");
    assert!(
        examined.output.contains(&format!("warning  access: {found}")),
        "{examined:?}"
    );
    assert!(
        checked.errors.contains(&found) && checked.errors.contains(&advice),
        "{checked:?}"
    );
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(
        checked_with_log.errors.starts_with(&format!("warning: {found}")),
        "{checked_with_log:?}"
    );
    assert_eq!(checked_with_log.code, Some(0), "{checked_with_log:?}");
}

#[tokio::test]
async fn nothing_is_restored_over_a_file_that_is_mounted_alone_and_it_is_said_why() {
    if !can_mount() {
        return;
    }
    let desk = with_file_of_host();
    drop(desk.start().await);
    let inbox = desk.path("inbox.db");

    let ended = desk
        .run_on(FILE_ALONE, &["inbox", "restore", &inbox.display().to_string()])
        .await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.errors.contains("is mounted as a single file"), "{ended:?}");
    assert!(!ended.errors.contains("os error"), "{ended:?}");
    let kept = fs::read_dir(desk.path("data")).unwrap();
    assert!(
        !kept
            .flatten()
            .any(|file| file.path().to_string_lossy().contains(".until-"))
    );
}

#[tokio::test]
async fn an_inbox_in_memory_is_warned_of() {
    if !can_mount() {
        return;
    }
    let desk = with_file_of_host();
    let in_memory = "mount -t tmpfs -o mode=700 none data";
    let found = format!(
        "{} is in memory (tmpfs), and all that is in it is lost when the machine or its container ends",
        desk.path("data").display()
    );

    let examined_before = desk.run_on(in_memory, &["doctor"]).await;
    let process = Process::spawn(desk.folder.path(), desk.command_on(in_memory, &[])).await;

    assert!(process.log().contains(&found), "{}", process.log());
    let expected = format!("warning  volume: {found}\n         put the inbox on a disk");
    assert!(examined_before.output.contains(&expected), "{examined_before:?}");
}
