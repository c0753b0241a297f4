//! A path that would make another file than was meant is refused before anything is made.

use super::*;
use crate::harness::process::run;

#[tokio::test]
async fn a_path_that_means_something_else_elsewhere_is_a_wrong_setting_and_makes_nothing() {
    let desk = Desk::new();
    let folder = desk.folder.path().display().to_string();
    for (path, allowed) in [
        ("~/x.db", "write the whole path"),
        ("$HOME/x.db", "write what $"),
        ("inbox.db?mode=rwc", "leave out what begins with ?"),
        (":memory:", "name a file"),
        ("file:inbox.db", "write the path alone"),
        ("data/", "name a file in it"),
        (&*folder, "name a file in it"),
    ] {
        let url = format!("sqlite:{path}");
        let mut configured = Process::command(desk.folder.path());
        configured.env("CAIGUNN_INBOX_URL", &url);
        let mut given = Process::command(desk.folder.path());
        given.args(["inbox", "check", &url]);

        for command in [configured, given] {
            let ended = run(command).await;

            assert_eq!(ended.code, Some(64), "{path:?}: {ended:?}");
            assert!(
                ended.errors.contains("expected sqlite:PATH or postgres://"),
                "{ended:?}"
            );
            assert!(ended.errors.contains(allowed), "{ended:?}");
        }
    }
    assert_eq!(fs::read_dir(desk.folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_blank_inside_of_a_name_is_part_of_it() {
    let mut desk = Desk::new();
    let url = format!("sqlite:{}", desk.path("my inbox.db").display());
    let process = Process::start(desk.folder.path(), &[("CAIGUNN_INBOX_URL", &url)]).await;

    desk.post_all(&process, 1).await;

    assert!(desk.path("my inbox.db").is_file());
}
