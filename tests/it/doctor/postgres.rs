//! Whether an inbox in PostgreSQL can be used, takes writes, and keeps what it is given.

use url::Url;

use super::{REFUSED, assert_finds};
use crate::harness::Site;
use crate::harness::postgres::{Database, Server, authority, fresh_database};
use crate::harness::process::Ended;

pub const INBOX: &str = "CAIGUNN_INBOX_URL";

/// Hosts, ports and database, as they are shown.
pub fn shown(url: &str) -> String {
    let url = Url::parse(url).expect("a URL");
    let host = url.host_str().expect("a host");
    format!("{host}:{}{}", url.port().unwrap_or(5432), url.path())
}

/// The lines about what the command found at the place of an inbox.
fn lines(ended: &Ended) -> Vec<&str> {
    let checks = ["inbox", "writing", "durability", "connections", "encryption"];
    let is_about_it = |line: &&str| {
        let (_, said) = line.split_at(9);
        checks.iter().any(|check| said.starts_with(&format!("{check}: ")))
    };
    ended.output.lines().filter(is_about_it).collect()
}

/// Asserts that the command found this, and gave this advice.
#[track_caller]
pub fn assert_says(ended: &Ended, found: &str, advice: &str) {
    let mut lines = ended.output.lines();
    assert!(
        lines.any(|line| line.starts_with(found)),
        "{found}\n{}",
        ended.output
    );
    let next = lines.next().unwrap_or_default().trim_start();
    assert!(next.starts_with(advice), "{advice}\n{}", ended.output);
}

#[tokio::test]
async fn a_receiver_that_stores_elsewhere_than_in_that_database_is_warned_about() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let mut site = Site::running_with(&[(INBOX, database.url())]).await;
    let before = site.doctor(&[(INBOX, database.url())]).await;
    site.stop().await;
    site.start(&[]).await;

    let ended = site.doctor(&[(INBOX, database.url())]).await;

    assert_finds(&before, "");
    let expected = format!(
        "\
warning  writing: {} is not the inbox of the receiver that runs at {}
         run this with the receiver's own settings; if it is to use this inbox, restart it: it has read its settings when it started",
        shown(database.url()),
        site.receiver.as_ref().unwrap().public
    );
    assert_finds(&ended, &expected);
}

#[tokio::test]
async fn posts_that_were_refused_of_late_are_named() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let site = Site::running_with(&[(INBOX, database.url())]).await;
    site.post_what_is_no_notification().await;

    let ended = site.doctor(&[(INBOX, database.url())]).await;

    assert_finds(&ended, REFUSED);
}

async fn count_schemas(database: &Database) -> usize {
    let schemas = "SELECT FROM pg_namespace WHERE nspname = 'caigunn_webhook'";
    database.rows(schemas).await.len()
}

/// What doctor says where the inbox is that database, and its user a new role with these options and no rights.
async fn doctor_as_role(database: &Database, options: &str) -> Ended {
    let mut url = Url::parse(database.url()).expect("a URL");
    let name = url.path().trim_start_matches('/').to_owned();
    database
        .execute(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'one-of-its-own' {options}"
        ))
        .await;
    url.set_username(&name).expect("a URL with a host");
    url.set_password(Some("one-of-its-own"))
        .expect("a URL with a host");
    let ended = Site::new().await.doctor(&[(INBOX, url.as_str())]).await;
    database.execute(&format!("DROP ROLE {name}")).await;
    ended
}

#[tokio::test]
async fn a_database_in_order_is_said_to_be_so_in_every_respect() {
    let (Some(database), Some(authority)) = (fresh_database().await, authority()) else {
        return;
    };
    let site = Site::running_with(&[(INBOX, database.url())]).await;

    let plain = site.doctor(&[(INBOX, database.url())]).await;
    let url = database.url_with(&format!(
        "sslmode=verify-full&sslrootcert={}",
        authority.display()
    ));
    let encrypted = site.doctor(&[(INBOX, &url)]).await;

    assert_finds(&plain, "");
    let [inbox, writing, durability, connections, encryption] = lines(&plain)[..] else {
        panic!("{plain:?}")
    };
    let shown = shown(database.url());
    assert!(inbox.starts_with("ok       inbox: PostgreSQL "), "{inbox}");
    assert!(
        inbox.ends_with(&format!(
            " at {shown} has tables of version 9; what is in them `caigunn-webhook inbox check` verifies"
        )),
        "{inbox}"
    );
    assert_eq!(writing, format!("ok       writing: {shown} takes writes"));
    assert_eq!(
        durability,
        "ok       durability: fsync and full_page_writes are on; synchronous_commit is on"
    );
    assert!(
        connections.starts_with("ok       connections: of the server's "),
        "{connections}"
    );
    assert!(
        connections.ends_with(" free for this user; a receiver opens up to 8"),
        "{connections}"
    );
    assert_eq!(
        encryption,
        "ok       encryption: the connection to the server is not encrypted"
    );
    assert_eq!(
        lines(&encrypted)[4],
        "ok       encryption: the connection to the server speaks TLSv1.3"
    );
}

#[tokio::test]
async fn an_empty_database_is_tried_and_left_empty() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let site = Site::new().await;

    let ended = site.doctor(&[(INBOX, database.url())]).await;

    let found = lines(&ended);
    assert!(
        found[0].ends_with(" has no tables yet; the first start makes them"),
        "{ended:?}"
    );
    assert_eq!(
        found[1],
        format!("ok       writing: {} takes writes", shown(database.url()))
    );
    assert_eq!(count_schemas(&database).await, 0);
}

#[tokio::test]
async fn a_server_that_does_not_let_us_in_is_told_from_one_that_does_not_answer() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let site = Site::new().await;
    let mut url = Url::parse(database.url()).expect("a URL");
    url.set_password(Some("wrong")).expect("a URL with a host");

    let ended = site.doctor(&[(INBOX, url.as_str())]).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let shown = shown(database.url());
    assert_says(
        &ended,
        &format!(
            "FAILURE  inbox: PostgreSQL at {shown} does not open: cannot connect to {shown}: password authentication failed"
        ),
        "see that user, password and database in CAIGUNN_INBOX_URL are right, that the server's pg_hba.conf lets that user \
         in from here, and",
    );
    assert_eq!(lines(&ended).len(), 1, "{ended:?}");
}

#[tokio::test]
async fn a_user_without_the_right_to_make_the_tables_is_found_before_the_first_start() {
    let Some(database) = fresh_database().await else {
        return;
    };

    let ended = doctor_as_role(&database, "").await;

    let shown = shown(database.url());
    assert_says(
        &ended,
        &format!(
            "FAILURE  writing: {shown} does not take writes: cannot write to {shown}: permission denied"
        ),
        "see that the server is no standby and has room, and that the user in CAIGUNN_INBOX_URL may make the schema",
    );
}

#[tokio::test]
async fn tables_of_a_newer_program_and_another_encoding_are_failures_and_nothing_is_written() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let mut site = Site::running_with(&[(INBOX, database.url())]).await;
    site.stop().await;
    database
        .execute(
            "INSERT INTO caigunn_webhook.migration (version, runs_from) VALUES (10, 10);
             UPDATE caigunn_webhook.state SET probed_at = NULL",
        )
        .await;

    let newer = site.doctor(&[(INBOX, database.url())]).await;

    let shown = shown(database.url());
    assert_says(
        &newer,
        &format!(
            "FAILURE  inbox: {shown} is the inbox of a newer program, which has brought its tables to version 10"
        ),
        "run the newer program with it, or",
    );
    assert_eq!(lines(&newer).len(), 4, "{newer:?}");
    let probed = "SELECT FROM caigunn_webhook.state WHERE probed_at IS NOT NULL";
    assert_eq!(database.rows(probed).await.len(), 0);

    let mut url = Url::parse(database.url()).expect("a URL");
    let name = format!("{}_latin1", url.path().trim_start_matches('/'));
    let create = format!("CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    database.execute(&create).await;
    url.set_path(&name);

    let latin = site.doctor(&[(INBOX, url.as_str())]).await;

    database
        .execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
        .await;
    assert_says(
        &latin,
        &format!(
            "FAILURE  inbox: there can be no inbox at {shown}_latin1: the database's encoding is LATIN1"
        ),
        "set CAIGUNN_INBOX_URL to a database of a server of PostgreSQL 14 or newer",
    );
    assert_eq!(lines(&latin).len(), 4, "{latin:?}");
}

#[tokio::test]
async fn a_server_that_forgets_or_has_no_room_for_connections_is_named() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    for setting in [
        "fsync = off",
        "full_page_writes = off",
        "max_connections = 10",
        "max_wal_senders = 2",
    ] {
        server.execute(&format!("ALTER SYSTEM SET {setting}")).await;
    }
    server.stop_fast().await;
    server.restart().await;
    let site = Site::new().await;

    let forgets = site.doctor(&[(INBOX, server.url())]).await;

    assert_says(
        &forgets,
        "FAILURE  durability: the server has fsync and full_page_writes turned off: what was answered with 200 may be lost",
        "turn it on in postgresql.conf",
    );
    assert_says(
        &forgets,
        "warning  connections: of the server's 10 there are ",
        "raise max_connections of the server (or",
    );

    for setting in ["fsync", "full_page_writes"] {
        server.execute(&format!("ALTER SYSTEM RESET {setting}")).await;
    }
    server.execute("ALTER SYSTEM SET synchronous_commit = off").await;
    server.stop_fast().await;
    server.restart().await;

    let overridden = site.doctor(&[(INBOX, server.url())]).await;

    assert_eq!(
        lines(&overridden)[2],
        "ok       durability: fsync and full_page_writes are on; synchronous_commit is off there, and this program turns it \
         on for itself"
    );
}

#[tokio::test]
async fn a_server_that_only_reads_is_a_failure() {
    let Some(server) = Server::start().await else {
        return;
    };
    server.make_read_only().await;
    let site = Site::new().await;

    let ended = site.doctor(&[(INBOX, server.url())]).await;

    let shown = shown(server.url());
    assert_says(
        &ended,
        &format!("FAILURE  inbox: PostgreSQL at {shown} does not open: {shown} only reads: it is a standby"),
        "see that the server runs, can be reached from here and takes writes, and",
    );
}

#[tokio::test]
async fn a_user_who_may_open_no_more_connections_is_told_from_a_server_that_is_not_there() {
    let Some(database) = fresh_database().await else {
        return;
    };

    let ended = doctor_as_role(&database, "CONNECTION LIMIT 0").await;

    let shown = shown(database.url());
    assert_says(
        &ended,
        &format!(
            "FAILURE  inbox: PostgreSQL at {shown} does not open: cannot connect to {shown}: too many connections for role"
        ),
        "raise max_connections of the server (or the limit of the user, the database or the pooler), or lower \
         CAIGUNN_INBOX_MAX_CONNECTIONS",
    );
}

#[tokio::test]
async fn a_certificate_that_is_not_believed_is_told_from_a_server_that_is_not_there() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let site = Site::new().await;
    let missing = site.path("no-such.pem");
    for (parameters, found) in [
        ("sslmode=verify-full".to_owned(), "invalid peer certificate: "),
        (
            format!("sslmode=verify-full&sslrootcert={}", missing.display()),
            "sslrootcert ",
        ),
    ] {
        let ended = site.doctor(&[(INBOX, &database.url_with(&parameters))]).await;

        let line = ended
            .output
            .lines()
            .find(|line| line.starts_with("FAILURE  inbox: "));
        assert!(line.is_some_and(|line| line.contains(found)), "{ended:?}");
        assert_says(
            &ended,
            line.expect("it is there"),
            "see that sslrootcert in CAIGUNN_INBOX_URL names a file with the certificate of the authority that has signed \
             the server's",
        );
    }
}
