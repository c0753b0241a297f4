//! What is answered 200 is in a file with a name, and a file has one receiver, whatever becomes of the names.

use std::os::unix::fs::symlink;

use caigunn_webhook::inbox::sqlite::{Check, check};
use rusqlite::Connection;

use super::*;
use crate::harness::process::run;

#[tokio::test]
async fn a_log_that_is_removed_costs_nothing() {
    let saved = "was removed or replaced while in use; all that was in the log has been copied";
    for removed in [&["-wal"][..], &["-wal", "-shm"], &["-shm"]] {
        let mut desk = Desk::new();
        let process = desk.start().await;
        desk.post_all(&process, 3).await;

        for suffix in removed {
            fs::remove_file(desk.path(&format!("inbox.db{suffix}"))).unwrap();
        }
        desk.post_all(&process, 5).await;

        assert_eq!(readyz(&process).await.0, 200);
        let warning = warning(&process, saved).await;
        assert!(warning.contains(&format!("inbox.db{}", removed[0])), "{warning}");
        assert!(desk.path("inbox.db-wal").exists() && desk.path("inbox.db-shm").exists());
        assert_eq!(process.receipts(&client()).await.len(), 8);
        desk.assert_nothing_is_lost(process).await;
    }
}

#[tokio::test]
async fn a_log_that_is_removed_while_nothing_comes_is_saved_all_the_same() {
    let mut desk = Desk::new();
    let process = desk.start().await;
    desk.post_all(&process, 3).await;

    fs::remove_file(desk.path("inbox.db-wal")).unwrap();
    warning(&process, "was removed or replaced while in use").await;

    desk.assert_nothing_is_lost(process).await;
}

#[tokio::test]
async fn a_log_that_is_removed_before_a_stop_is_saved_also_if_somebody_has_looked_in() {
    for is_looked_into in [false, true] {
        let mut desk = Desk::new();
        let mut process = desk.start().await;
        desk.post_all(&process, 3).await;
        // Who has the inbox open keeps SQLite from copying the log when the receiver closes it.
        let looker = is_looked_into.then(|| {
            let looker = Connection::open(desk.path("inbox.db")).unwrap();
            let count: i64 = looker
                .query_row("SELECT count(*) FROM receipt", [], |row| row.get(0))
                .unwrap();
            assert_eq!(count, 3);
            looker
        });

        fs::remove_file(desk.path("inbox.db-wal")).unwrap();
        process.signal("TERM");

        assert_eq!(process.wait().await.code(), Some(0), "{}", process.log());
        assert_eq!(desk.path("inbox.db-wal").exists(), is_looked_into);
        desk.assert_nothing_is_lost(process).await;
        drop(looker);
    }
}

#[tokio::test]
async fn another_file_in_the_place_of_the_log_is_put_aside_at_a_stop_too() {
    let mut desk = Desk::new();
    let mut process = desk.start().await;
    desk.post_all(&process, 3).await;
    let log = desk.path("inbox.db-wal");
    let older = fs::read(&log).unwrap();

    replace(&log, &older);
    process.signal("TERM");

    assert_eq!(process.wait().await.code(), Some(0), "{}", process.log());
    assert_eq!(fs::read(desk.path("inbox.db-wal.found")).unwrap(), older);
    desk.assert_nothing_is_lost(process).await;
}

#[tokio::test]
async fn another_file_in_the_place_of_the_log_is_put_aside_and_never_applied() {
    let mut desk = Desk::new();
    let process = desk.start().await;
    desk.post_all(&process, 3).await;
    let log = desk.path("inbox.db-wal");
    let older = fs::read(&log).unwrap();
    desk.post_all(&process, 3).await;

    replace(&log, &older);
    desk.post_all(&process, 3).await;

    assert_eq!(fs::read(desk.path("inbox.db-wal.found")).unwrap(), older);
    desk.assert_nothing_is_lost(process).await;
    let checked = check(&desk.path("inbox.db"));
    assert!(matches!(checked, Ok(Check::Sound { .. })), "{checked:?}");
}

#[tokio::test]
async fn where_a_removed_log_cannot_be_saved_yet_nothing_is_answered_200() {
    let mut desk = Desk::new();
    let process = desk.start().await;
    desk.post_all(&process, 3).await;
    let reader = Connection::open(desk.path("inbox.db")).unwrap();
    let reading = "BEGIN; SELECT count(*) FROM receipt";
    reader.execute_batch(reading).unwrap();

    fs::remove_file(desk.path("inbox.db-wal")).unwrap();
    let (status, _) = desk.post(&process).await;
    // A busy machine may be too late to say why.
    let why = "inbox.db-wal was removed or replaced while in use, and what is in the log cannot be saved yet";
    wait_for("the reason to be told", || async {
        match readyz(&process).await {
            (503, detail) if detail.contains(why) => Ok(()),
            (503, detail) => Err(detail),
            other => panic!("{other:?}"),
        }
    })
    .await;
    reader.execute_batch("COMMIT").unwrap();
    wait_for("the receiver to store again", || async {
        match readyz(&process).await {
            (200, _) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    desk.post_all(&process, 3).await;

    assert_eq!(status, 503);
    drop(reader);
    desk.assert_nothing_is_lost(process).await;
}

#[tokio::test]
async fn behind_a_log_that_was_cut_short_nothing_is_answered_200_and_a_restart_goes_on() {
    let mut desk = Desk::new();
    let process = desk.start().await;
    desk.post_all(&process, 3).await;

    let log = fs::File::options()
        .write(true)
        .open(desk.path("inbox.db-wal"))
        .unwrap();
    log.set_len(100).unwrap();
    let (status, detail) = desk.post(&process).await;
    let ready = readyz(&process).await;

    assert_eq!((status, ready), (503, (503, detail.clone())));
    assert!(
        detail.contains("inbox.db-wal was cut short while in use"),
        "{detail}"
    );
    // Stopping must not copy what is not there.
    let mut process = process;
    process.signal("TERM");
    process.wait().await;
    desk.posted.clear();
    let process = desk.start().await;
    desk.post_all(&process, 3).await;
    desk.assert_nothing_is_lost(process).await;
    let checked = check(&desk.path("inbox.db"));
    assert!(matches!(checked, Ok(Check::Sound { .. })), "{checked:?}");
}

#[tokio::test]
async fn a_log_that_is_cut_short_before_a_stop_is_left_as_it_is() {
    let mut desk = Desk::new();
    let mut process = desk.start().await;
    desk.post_all(&process, 20).await;
    process.signal("TERM");
    process.wait().await;
    let mut process = desk.start().await;
    assert_eq!(desk.post(&process).await.0, 200);
    // Without the last page of that commit its others must not go into the file.
    let log = fs::File::options()
        .write(true)
        .open(desk.path("inbox.db-wal"))
        .unwrap();
    log.set_len(log.metadata().unwrap().len() - 4_120).unwrap();

    process.signal("TERM");

    assert_eq!(process.wait().await.code(), Some(1), "{}", process.log());
    let said = process.log();
    assert!(said.contains("cannot close the inbox: "), "{said}");
    assert!(said.contains("inbox.db-wal was cut short while in use"), "{said}");
    let lost = desk.posted.pop();
    assert!(lost.is_some());
    let checked = check(&desk.path("inbox.db"));
    assert!(matches!(checked, Ok(Check::Sound { .. })), "{checked:?}");
    desk.assert_nothing_is_lost(desk.start().await).await;
}

#[tokio::test]
async fn an_inbox_that_is_deleted_can_be_copied_until_its_receiver_ends() {
    let mut desk = Desk::new();
    let process = desk.start().await;
    desk.post_all(&process, 3).await;
    for suffix in ["", "-wal", "-shm", ".lock"] {
        fs::remove_file(desk.path(&format!("inbox.db{suffix}"))).unwrap();
    }

    let (status, detail) = desk.post(&process).await;

    assert_eq!(status, 503);
    let place = detail
        .split_once("can be copied from ")
        .and_then(|(_, rest)| rest.split_once(" by its user"));
    let (place, _) = place.unwrap_or_else(|| panic!("{detail}"));
    fs::copy(place, desk.path("copy.db")).unwrap();
    fs::rename(desk.path("copy.db"), desk.path("inbox.db")).unwrap();
    let (status, detail) = desk.post(&process).await;
    assert_eq!(status, 503);
    assert!(
        detail.contains("if what is there now is a copy of /proc/"),
        "{detail}"
    );
    assert!(detail.contains("restart the receiver"), "{detail}");
    let mut process = process;
    process.kill();
    desk.assert_nothing_is_lost(desk.start().await).await;
}

#[tokio::test]
async fn of_an_inbox_that_is_deleted_every_command_says_to_leave_its_receiver_alone() {
    let mut desk = Desk::new();
    // As a restore that was cut off before has left it: none is at work.
    fs::write(desk.path("inbox.db.restoring"), "").unwrap();
    fs::write(desk.path("inbox.db.lock"), "restore\n").unwrap();
    let process = desk.start().await;
    desk.post_all(&process, 3).await;
    let inbox = desk.path("inbox.db");
    let run_with = |arguments: &[&str]| {
        let mut command = Process::command(desk.folder.path());
        command.args(arguments);
        run(command)
    };
    let made = run_with(&["inbox", "backup", "copy.db"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    fs::remove_file(&inbox).unwrap();
    let before = fs::read_dir(desk.folder.path()).unwrap().count();

    let found = format!(
        "{} was deleted or moved while a receiver has it open",
        inbox.display()
    );
    for arguments in [
        &["inbox", "restore", "copy.db"][..],
        &["inbox", "check"],
        &["inbox", "backup", "other.db"],
        &["doctor"],
        &["serve"],
    ] {
        let ended = run_with(arguments).await;

        let said = format!("{}{}", ended.output, ended.errors);
        assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
        assert!(said.contains(&found), "{arguments:?}: {ended:?}");
        assert!(
            said.contains("do not stop that receiver"),
            "{arguments:?}: {ended:?}"
        );
        for harm in [
            "stop it",
            "end it",
            "does not exist yet",
            "there is no inbox",
            "restore COPY",
            "a restore",
            "wait",
        ] {
            assert!(!said.contains(harm), "{harm}: {ended:?}");
        }
    }

    // What they all lead to tells it, though nothing was posted since.
    let listen = process.public.to_string();
    wait_for("healthcheck to tell how to get it back", || async {
        let ended = run_with(&["healthcheck", "--listen", &listen]).await;
        let is_told = ended.code == Some(1) && ended.errors.contains("can be copied from");
        is_told.then_some(()).ok_or(format!("{ended:?}"))
    })
    .await;
    assert_eq!(fs::read_dir(desk.folder.path()).unwrap().count(), before);
    assert!(!inbox.exists());
}

#[tokio::test]
async fn healthcheck_and_doctor_have_the_inbox_tried_where_nothing_was_stored_for_a_second() {
    let desk = Desk::new();
    let process = desk.start().await;
    let committed = async || {
        let series = r#"commit_duration_seconds_count{result="ok"}"#;
        process.metric(&client(), series).await
    };
    let listen = process.public.to_string();
    for command in ["healthcheck", "doctor"] {
        let before = committed().await;
        // As a balancer is answered it, that many would take longer than a test waits.
        wait_for("three probes", || async {
            let mut asking = Process::command(desk.folder.path());
            asking.args([command, "--listen", &listen]);
            let ended = run(asking).await;
            let count = committed().await - before;
            (count >= 3.0).then_some(()).ok_or(format!("{count}: {ended:?}"))
        })
        .await;
    }
}

#[tokio::test]
async fn an_inbox_that_is_moved_away_takes_along_what_was_in_its_log() {
    let mut desk = Desk::new();
    let mut process = desk.start().await;
    desk.post_all(&process, 3).await;

    fs::rename(desk.path("inbox.db"), desk.path("moved.db")).unwrap();
    let (status, detail) = desk.post(&process).await;
    process.kill();

    assert_eq!(status, 503);
    assert!(detail.contains("was moved or deleted while in use"), "{detail}");
    fs::remove_file(desk.path("inbox.db-wal")).unwrap();
    fs::rename(desk.path("moved.db"), desk.path("inbox.db")).unwrap();
    desk.assert_nothing_is_lost(desk.start().await).await;
}

#[tokio::test]
async fn a_log_whose_inbox_is_not_there_is_named_and_no_new_inbox_is_begun() {
    let mut desk = Desk::new();
    let mut process = desk.start().await;
    desk.post_all(&process, 3).await;
    process.kill();
    let inbox = desk.path("inbox.db");
    fs::rename(&inbox, desk.path("moved.db")).unwrap();
    let run_with = |arguments: &[&str]| {
        let mut command = Process::command(desk.folder.path());
        command.args(arguments);
        run(command)
    };

    let started = run_with(&[]).await;
    let checked = run_with(&["inbox", "check"]).await;
    let examined = run_with(&["doctor"]).await;

    let shown = inbox.display();
    let found = format!("{shown} is not there, but its log is: {shown}-wal");
    let advice = "put the file back beside its log, or `caigunn-webhook inbox restore COPY`, which keeps the log under \
                  another name";
    assert_eq!(started.code, Some(1), "{started:?}");
    let expected = format!("{found}; {advice}\n");
    assert!(started.errors.contains(&expected), "{started:?}");
    let expected = format!("caigunn-webhook: {found}\n{advice}\n");
    assert_eq!((checked.code, checked.errors), (Some(1), expected));
    let expected = format!("FAILURE  inbox: {found}\n         {advice}\n");
    assert!(examined.output.contains(&expected), "{examined:?}");
    assert!(!inbox.exists());
    // What it says mends it.
    fs::rename(desk.path("moved.db"), &inbox).unwrap();
    desk.assert_nothing_is_lost(desk.start().await).await;
}

#[tokio::test]
async fn without_its_lock_file_and_by_other_names_a_file_still_has_one_receiver() {
    let mut desk = Desk::new();
    let dangling = desk.path("dangling.db");
    symlink("inbox.db", &dangling).unwrap();
    let by = |name: &str| {
        let mut command = Process::command(desk.folder.path());
        let url = format!("sqlite:{}", desk.path(name).display());
        command.env("CAIGUNN_INBOX_URL", url);
        command
    };
    // Of a link that leads to nothing yet the first start makes what it leads to.
    let process = Process::spawn(desk.folder.path(), by("dangling.db")).await;
    assert!(desk.path("inbox.db.lock").exists() && !desk.path("dangling.db.lock").exists());
    fs::hard_link(desk.path("inbox.db"), desk.path("hard.db")).unwrap();
    let mut ends = vec![run(by("inbox.db")).await];
    fs::remove_file(desk.path("inbox.db.lock")).unwrap();

    for name in ["inbox.db", "dangling.db", "hard.db"] {
        ends.push(run(by(name)).await);
    }

    for ended in ends {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.errors.contains("another process has "), "{ended:?}");
    }
    // Nor does `doctor` write to it.
    let mut doctor = by("inbox.db");
    doctor.arg("doctor");
    let ended = run(doctor).await;
    assert!(
        ended.output.contains("writing: another process has "),
        "{ended:?}"
    );
    desk.post_all(&process, 3).await;
    desk.assert_nothing_is_lost(process).await;
}

#[tokio::test]
async fn what_another_program_writes_is_known_before_the_next_answer() {
    let mut desk = Desk::new();
    let process = desk.start().await;
    desk.post_all(&process, 3).await;
    let known = desk.posted[0].body.clone();

    let other = Connection::open(desk.path("inbox.db")).unwrap();
    // The next number is taken, and what was first is forgotten.
    other
        .execute_batch(
            "INSERT INTO receipt SELECT seq + 1, id, received_at, wire, event, status, randomblob(16), NULL, chatbot_id, body
                 FROM receipt ORDER BY seq DESC LIMIT 1;
             DELETE FROM receipt WHERE seq = 1;",
        )
        .unwrap();
    drop(other);
    desk.post_all(&process, 3).await;

    assert_eq!(readyz(&process).await.0, 200);
    warning(&process, "read anew, since another program has written to it").await;
    let response = client()
        .post(process.url("/webhook"))
        .header("content-type", "application/json")
        .body(known)
        .send()
        .await
        .expect("an answer");
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(answer["outcome"], "accepted", "{answer}");
    assert_eq!(process.receipts(&client()).await.len(), 7);
}
