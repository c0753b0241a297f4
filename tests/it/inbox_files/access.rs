//! What customers say is the owner's alone, and where a user may not do what the receiver must, the file, both users
//! and the command that mends it are named.

use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Command;

use super::*;
use crate::harness::process::{Ended, as_user, run};

/// A user who has nothing, as in the image.
const USER: u32 = 65_532;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

async fn doctor(desk: &Desk) -> Ended {
    let mut command = Process::command(desk.folder.path());
    command.arg("doctor");
    run(command).await
}

/// The program, run as that user; `None` where that takes more rights than these tests have.
fn command_as_user(desk: &Desk) -> Option<Command> {
    command_as(desk, USER)
}

fn command_as(desk: &Desk, user: u32) -> Option<Command> {
    let wrapper = as_user(user)?;
    let wrapper = wrapper.each_ref().map(String::as_str);
    Some(Process::command_under(&wrapper, desk.folder.path()))
}

#[tokio::test]
async fn what_a_start_makes_is_its_owners_alone() {
    let mut desk = Desk::new();
    let url = format!("sqlite:{}", desk.path("made/by/it/inbox.db").display());
    // Nothing but the program keeps others out.
    let open = ["sh", "-c", "umask 000; exec \"$0\" \"$@\""];
    let mut command = Process::command_under(&open, desk.folder.path());
    command.env("CAIGUNN_INBOX_URL", &url);
    let process = Process::spawn(desk.folder.path(), command).await;
    desk.post_all(&process, 1).await;

    for folder in ["made", "made/by", "made/by/it"] {
        assert_eq!(mode(&desk.path(folder)), 0o700, "{folder}");
    }
    for suffix in ["", "-wal", "-shm", ".lock", ".addresses"] {
        let file = format!("made/by/it/inbox.db{suffix}");
        assert_eq!(mode(&desk.path(&file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn files_that_others_may_read_are_warned_of_with_the_command_that_mends_it() {
    let mut desk = Desk::new();
    let mut process = desk.start().await;
    desk.post_all(&process, 1).await;
    process.kill();
    let [inbox, log] = ["inbox.db", "inbox.db-wal"].map(|name| desk.path(name));
    set_mode(&inbox, 0o644);
    set_mode(&log, 0o640);
    set_mode(desk.folder.path(), 0o755);

    let findings = doctor(&desk).await.output;
    let process = desk.start().await;

    let (inbox, folder) = (inbox.display(), desk.folder.path().display());
    let found =
        format!("{inbox} has mode 0644: other users of this machine may read what customers say, or lock it");
    let advice = format!("run `chmod 600 {inbox} {inbox}-wal`");
    let found_folder =
        format!("the inbox's folder {folder} has mode 0755: other users of this machine may look into it");
    let advice_folder = format!("run `chmod 700 {folder}`, or give the inbox a folder of its own");
    for expected in [
        format!("warning  access: {found}\n         {advice}\n"),
        format!("warning  access: {found_folder}\n         {advice_folder}\n"),
    ] {
        assert!(findings.contains(&expected), "{findings}");
    }
    // By now SQLite has made another index of the log, as open as the inbox.
    assert_eq!(
        warning(&process, "has mode 0644").await,
        format!("{found}; run `chmod 600 {inbox} {inbox}-wal {inbox}-shm`")
    );
    assert_eq!(
        warning(&process, "has mode 0755").await,
        format!("{found_folder}; {advice_folder}")
    );
    // What it says mends it.
    for suffix in ["", "-wal", "-shm"] {
        set_mode(&desk.path(&format!("inbox.db{suffix}")), 0o600);
    }
    set_mode(desk.folder.path(), 0o700);
    let findings = doctor(&desk).await.output;
    let well = format!("ok       access: {inbox} can be read and changed by its owner alone\n");
    assert!(findings.contains(&well), "{findings}");
}

#[tokio::test]
async fn other_names_of_an_inbox_are_warned_of() {
    let desk = Desk::new();
    drop(desk.start().await);
    fs::hard_link(desk.path("inbox.db"), desk.path("other.db")).unwrap();

    let process = desk.start().await;

    let warning = warning(&process, "hard links").await;
    assert!(warning.contains("inbox.db has 2 names (hard links)"), "{warning}");
    assert!(warning.ends_with("; remove the other names"), "{warning}");
}

#[tokio::test]
async fn a_folder_of_root_is_named_with_the_command_that_gives_it_to_us() {
    let desk = Desk::new();
    let Some(command) = command_as_user(&desk) else {
        return;
    };
    // The folder that it starts in must be one that it may look into.
    set_mode(desk.folder.path(), 0o755);
    let data = desk.path("data");
    fs::create_dir(&data).unwrap();
    set_mode(&data, 0o755);
    let url = format!("sqlite:{}", data.join("inbox.db").display());
    let words = |arguments: &[&str]| {
        let mut command = command_as_user(&desk).expect("it went before");
        command.env("CAIGUNN_INBOX_URL", &url).args(arguments);
        command
    };
    drop(command);

    let started = run(words(&[])).await;
    let examined = run(words(&["doctor"])).await;

    let data = data.display();
    let found = format!(
        "{data} belongs to root (uid 0), with mode 0755, and this process, which runs as uid 65532, may not write to it"
    );
    let advice = format!("run `chown 65532:65532 {data}` as root");
    assert_eq!(started.code, Some(1), "{started:?}");
    assert!(
        started.errors.contains(&format!("{found}; {advice}")),
        "{started:?}"
    );
    let expected =
        format!("FAILURE  writing: {data}/inbox.db does not take writes: {found}\n         {advice}\n");
    assert!(examined.output.contains(&expected), "{examined:?}");
}

/// Leaves an inbox as a receiver of another user than root leaves it that is killed; whether there can be one.
async fn was_killed_after_a_post(desk: &mut Desk) -> bool {
    let Some(command) = command_as_user(desk) else {
        return false;
    };
    chown(desk.folder.path(), Some(USER), Some(USER)).unwrap();
    let mut process = Process::spawn(desk.folder.path(), command).await;
    desk.post_all(&process, 1).await;
    process.kill();
    true
}

#[tokio::test]
async fn a_log_of_root_is_named_with_the_command_that_gives_it_to_us() {
    for suffix in ["-wal", "-shm"] {
        let mut desk = Desk::new();
        if !was_killed_after_a_post(&mut desk).await {
            return;
        }
        let file = desk.path(&format!("inbox.db{suffix}"));
        chown(&file, Some(0), Some(0)).unwrap();
        set_mode(&file, 0o644);
        let as_user = |arguments: &[&str]| {
            let mut command = command_as_user(&desk).expect("it went before");
            command.args(arguments);
            command
        };

        let started = run(as_user(&[])).await;
        let examined = run(as_user(&["doctor"])).await;
        let by_root = doctor(&desk).await;

        let file = file.display();
        let found = format!(
            "{file} belongs to root (uid 0), with mode 0644, and this process, which runs as uid 65532, may not write to it"
        );
        let advice = format!("run `chown 65532:65532 {file}` as root");
        assert_eq!(started.code, Some(1), "{started:?}");
        assert!(
            started.errors.contains(&format!("{found}; {advice}")),
            "{started:?}"
        );
        assert!(examined.output.contains(&found), "{examined:?}");
        let expected = format!(
            "warning  access: {file} belongs to root (uid 0), and the inbox to uid 65532: somebody has opened it as \
             another user than the receiver\n         {advice}\n"
        );
        assert!(by_root.output.contains(&expected), "{by_root:?}");
    }
}

#[tokio::test]
async fn a_log_that_only_root_may_read_is_to_be_given_back_also_for_looking_at_it() {
    let mut desk = Desk::new();
    if !was_killed_after_a_post(&mut desk).await {
        return;
    }
    let log = desk.path("inbox.db-wal");
    chown(&log, Some(0), Some(0)).unwrap();
    let mut command = command_as_user(&desk).expect("it went before");
    command.args(["inbox", "check"]);

    let ended = run(command).await;

    let log = log.display();
    let expected = format!(
        "{log} belongs to root (uid 0), with mode 0600, and this process, which runs as uid 65532, may not read it\n\
         run `chown 65532:65532 {log}` as root\n"
    );
    assert!(ended.errors.ends_with(&expected), "{ended:?}");
}

#[tokio::test]
async fn who_has_closed_his_own_folder_or_file_is_told_how_to_open_it() {
    for (name, closed, command) in [("", 0o500, "u+rwx"), ("inbox.db", 0o400, "u+rw")] {
        let desk = Desk::new();
        let Some(command_of_user) = command_as_user(&desk) else {
            return;
        };
        chown(desk.folder.path(), Some(USER), Some(USER)).unwrap();
        if !name.is_empty() {
            drop(Process::spawn(desk.folder.path(), command_of_user).await);
        }
        let closed_path = desk.folder.path().join(name);
        let closed_path = closed_path.components().as_path();
        set_mode(closed_path, closed);

        let started = run(command_as_user(&desk).expect("it went before")).await;

        let expected = format!(
            "may not write to it; run `chmod {command} {}`\n",
            closed_path.display()
        );
        assert_eq!(started.code, Some(1), "{started:?}");
        assert!(started.errors.ends_with(&expected), "{started:?}");
    }
}

#[tokio::test]
async fn who_may_not_read_an_inbox_is_told_as_whom_to_look() {
    let desk = Desk::new();
    let Some(mut command) = command_as_user(&desk) else {
        return;
    };
    drop(desk.start().await);
    set_mode(desk.folder.path(), 0o755);
    command.args(["inbox", "check"]);

    let ended = run(command).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let expected = format!(
        "with mode 0600, and this process, which runs as uid 65532, may not read it\nrun this as root (uid 0), the owner of {}\n",
        desk.path("inbox.db").display()
    );
    assert!(ended.errors.ends_with(&expected), "{ended:?}");
}

#[tokio::test]
async fn an_inbox_that_root_has_made_is_named_with_the_command_that_gives_it_to_us() {
    let desk = Desk::new();
    if command_as_user(&desk).is_none() {
        return;
    }
    set_mode(desk.folder.path(), 0o755);
    let data = desk.path("data/inbox");
    let url = format!("sqlite:{}", data.join("inbox.db").display());
    let by_root = [("CAIGUNN_INBOX_URL", &*url)];
    drop(Process::start(desk.folder.path(), &by_root).await);
    set_mode(&desk.path("data"), 0o755);
    let as_user = |arguments: &[&str]| {
        let mut command = command_as_user(&desk).expect("it went before");
        command.env("CAIGUNN_INBOX_URL", &url).args(arguments);
        command
    };

    let started = run(as_user(&[])).await;
    let copy = desk.path("copy-of-nothing.db");
    let backed_up = run(as_user(&["inbox", "backup", copy.to_str().unwrap()])).await;
    let backfilled = run(as_user(&["backfill", "0191f0a0-0000-7000-8000-000000000001"])).await;
    let examined = run(as_user(&["doctor"])).await;

    let data = data.display();
    let found = format!(
        "{data} belongs to root (uid 0), with mode 0700, and this process, which runs as uid 65532, may not "
    );
    let expected = format!("{found}write to it; run `chown 65532:65532 {data}` as root\n");
    for ended in [started, backfilled] {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.errors.ends_with(&expected), "{ended:?}");
    }
    let expected = format!("{found}read it; run this as root (uid 0), the owner of {data}\n");
    assert_eq!(backed_up.code, Some(1), "{backed_up:?}");
    assert!(backed_up.errors.ends_with(&expected), "{backed_up:?}");
    assert!(examined.output.contains(&found), "{examined:?}");
    assert!(!examined.output.contains("(os error 13)"), "{examined:?}");
}

#[tokio::test]
async fn a_folder_above_that_may_not_be_entered_is_not_to_be_taken_from_whom_it_belongs_to() {
    const OTHER: u32 = 65_533;
    let desk = Desk::new();
    if command_as_user(&desk).is_none() {
        return;
    }
    set_mode(desk.folder.path(), 0o755);
    let home = desk.path("home");
    let ours = home.join("inbox");
    fs::create_dir_all(&ours).unwrap();
    chown(&home, Some(OTHER), Some(OTHER)).unwrap();
    chown(&ours, Some(USER), Some(USER)).unwrap();
    set_mode(&home, 0o700);
    set_mode(&ours, 0o700);
    let url = format!("sqlite:{}", ours.join("inbox.db").display());
    let as_user = |arguments: &[&str]| {
        let mut command = command_as_user(&desk).expect("it went before");
        command.env("CAIGUNN_INBOX_URL", &url).args(arguments);
        command
    };

    let started = run(as_user(&[])).await;
    let examined = run(as_user(&["doctor"])).await;

    let (home, ours) = (home.display(), ours.display());
    let found = format!(
        "{home} belongs to uid 65533, with mode 0700, and this process, which runs as uid 65532, may not enter it"
    );
    let advice = format!(
        "set CAIGUNN_INBOX_URL to a file elsewhere, or let uid 65532 enter that folder: run `setfacl -m u:65532:x {home}` as \
         root"
    );
    assert_eq!(started.code, Some(1), "{started:?}");
    assert!(
        started
            .errors
            .ends_with(&format!(": cannot get to the folder {ours}: {found}; {advice}\n")),
        "{started:?}"
    );
    assert!(
        examined.output.contains(&format!("{found}\n         {advice}\n")),
        "{examined:?}"
    );
    for said in [started.errors, examined.output] {
        assert!(!said.contains("chown"), "{said}");
    }
}

#[tokio::test]
async fn who_looks_at_the_inbox_of_another_users_receiver_is_not_told_to_take_it_away() {
    const OTHER: u32 = 65_533;
    let mut desk = Desk::new();
    let Some(mut command) = command_as_user(&desk) else {
        return;
    };
    set_mode(desk.folder.path(), 0o755);
    let data = desk.path("data");
    fs::create_dir(&data).unwrap();
    chown(&data, Some(USER), Some(USER)).unwrap();
    set_mode(&data, 0o700);
    let url = format!("sqlite:{}", data.join("inbox.db").display());
    command.env("CAIGUNN_INBOX_URL", &url);
    let process = Process::spawn(desk.folder.path(), command).await;
    desk.post_all(&process, 1).await;
    let beside = |arguments: &[&str], listen: &str| {
        let mut command = command_as(&desk, OTHER).expect("another went before");
        command.env("CAIGUNN_INBOX_URL", &url).args(arguments);
        command.env("CAIGUNN_LISTEN", listen);
        command
    };
    let public = process.public.to_string();

    let not_found = run(beside(&["doctor"], "127.0.0.1:0")).await;
    let found = run(beside(&["doctor"], &public)).await;
    let backfilled = run(beside(
        &["backfill", "0191f0a0-0000-7000-8000-000000000001"],
        "127.0.0.1:0",
    ))
    .await;

    let data = data.display();
    let as_owner = format!("run this as uid 65532, the owner of {data}");
    let expected = format!(
        "this process, which runs as uid 65533, may not write to it; {as_owner}; or, if the receiver is to run as uid 65533 from \
         now on, stop it and run `chown 65533:65533 {data} {data}/inbox.db*` as root\n"
    );
    assert!(backfilled.errors.ends_with(&expected), "{backfilled:?}");
    let expected = format!("may not read it\n         {as_owner}\n");
    assert!(found.output.contains(&expected), "{found:?}");
    assert!(!found.output.contains("chown"), "{found:?}");
    let expected = format!("may not write to it\n         {as_owner}; or, if the receiver is to run");
    assert!(not_found.output.contains(&expected), "{not_found:?}");
}

#[tokio::test]
async fn a_receiver_that_may_not_enter_its_folder_any_more_says_so_and_stores_again_once_it_may() {
    let mut desk = Desk::new();
    let Some(command) = command_as_user(&desk) else {
        return;
    };
    chown(desk.folder.path(), Some(USER), Some(USER)).unwrap();
    let process = Process::spawn(desk.folder.path(), command).await;
    desk.post_all(&process, 3).await;

    chown(desk.folder.path(), Some(0), Some(0)).unwrap();
    let (status, detail) = desk.post(&process).await;
    let read = client().get(process.api("/receipts")).send().await;
    let read: Value = read.expect("it answers").json().await.expect("a problem");
    chown(desk.folder.path(), Some(USER), Some(USER)).unwrap();
    desk.post_all(&process, 1).await;

    let folder = desk.folder.path().display();
    let expected = format!(
        "{folder} belongs to root (uid 0), with mode 0700, and this process, which runs as uid 65532, may not write to it; run \
         `chown 65532:65532 {folder}` as root"
    );
    assert_eq!(status, 503);
    assert_eq!(
        detail,
        format!("cannot get to {folder}/inbox.db any more: {expected}")
    );
    let detail = read["detail"].as_str().unwrap_or_default();
    assert!(
        detail.ends_with("` as root") && !detail.contains("run this as"),
        "{read}"
    );
    desk.assert_nothing_is_lost(process).await;
}

#[tokio::test]
async fn a_folder_with_other_things_in_it_is_named_in_full_and_is_not_to_be_given_away() {
    let desk = Desk::new();
    let Some(mut command) = command_as_user(&desk) else {
        return;
    };
    // As `/` in a shell of a user who has nothing: the inbox's own folder is to be made in one of root's.
    set_mode(desk.folder.path(), 0o755);
    command.current_dir(desk.folder.path());
    command.env("CAIGUNN_INBOX_URL", "sqlite:data/inbox.db");
    let mut in_root = command_as_user(&desk).expect("it went before");
    in_root.env("CAIGUNN_INBOX_URL", "sqlite:/inbox-of-nobody.db");

    let started = run(command).await;
    let started_in_root = run(in_root).await;

    let folder = desk.folder.path().display();
    let expected = format!(
        ": cannot make the folder data: {folder} belongs to root (uid 0), with mode 0755, and this process, which runs as uid \
         65532, may not write to it; set CAIGUNN_INBOX_URL to a file elsewhere, or run `install -d -m 700 -o 65532 -g 65532 \
         {folder}/data` as root\n"
    );
    assert_eq!(started.code, Some(1), "{started:?}");
    assert!(started.errors.ends_with(&expected), "{started:?}");
    assert!(
        started_in_root
            .errors
            .ends_with("may not write to it; set CAIGUNN_INBOX_URL to a file elsewhere\n"),
        "{started_in_root:?}"
    );
}
