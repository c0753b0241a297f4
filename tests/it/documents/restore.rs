//! The lines that back a database up and put it back do so as they are written, where it was and on a new server.

use std::process::Command;

use super::{Process, client, json, read, run, sample};
use crate::harness::postgres::{Database, Server, fresh_database, program};

/// A command that docs/scaling.md has between backticks, by how it begins, on one line.
fn documented(beginning: &str) -> String {
    let text = read("docs/scaling.md");
    let start = text.find(&format!("`{beginning}"));
    let text = &text[start.unwrap_or_else(|| panic!("no {beginning}")) + 1..];
    let command = text.split('`').next().expect("a text has a first part");
    command.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs such a command on a database, which libpq's variables name.
async fn on(folder: &std::path::Path, command: &str, url: &str) {
    let url = url::Url::parse(url).expect("a URL");
    let programs = program("psql").expect("it is there");
    let programs = programs.parent().expect("it is in a folder").display();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", format!("{programs}:{path}"))
        .env("PGHOST", url.host_str().expect("a host"))
        .env("PGPORT", url.port().expect("a port").to_string())
        .env("PGUSER", url.username())
        .env("PGPASSWORD", url.password().expect("a password"))
        .env("PGDATABASE", url.path().trim_start_matches('/'));
    let ended = run(shell).await;
    assert_eq!(ended.code, Some(0), "{command}: {ended:?}");
}

async fn count(database: &Database) -> i64 {
    let count = "SELECT count(*) FROM caigunn_webhook.receipt";
    database.rows(count).await[0].get(0)
}

#[tokio::test]
async fn a_backup_of_a_database_is_put_back_as_it_is_written() {
    let (Some(database), Some(_), Some(_)) = (fresh_database().await, program("pg_dump"), program("psql"))
    else {
        return;
    };
    let Some(server) = Server::start().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let configured = [("CAIGUNN_INBOX_URL", database.url())];
    let process = Process::start(folder.path(), &configured).await;
    let post = async || {
        let body = json(&sample("crawling.completed"));
        let answer = client().post(process.url("/webhook")).json(&body).send().await;
        assert_eq!(answer.expect("an answer").status(), 200);
    };
    post().await;
    on(folder.path(), &documented("pg_dump "), database.url()).await;
    post().await;
    assert_eq!(count(&database).await, 2);

    let put_back = documented("psql --single-transaction");
    on(folder.path(), &put_back, database.url()).await;
    on(folder.path(), &put_back, server.url()).await;

    assert_eq!(count(&database).await, 1);
    for url in [database.url(), server.url()] {
        let mut command = Process::command(folder.path());
        command.env("CAIGUNN_INBOX_URL", url).args(["inbox", "check"]);
        let ended = run(command).await;
        assert_eq!((ended.code, &*ended.errors), (Some(0), ""), "{ended:?}");
    }
}
