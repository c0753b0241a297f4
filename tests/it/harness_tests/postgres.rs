use std::process::Command;

use tokio_postgres::error::SqlState;

use super::{connect, execute};
use crate::harness::postgres::{Server, authority, fresh_database, program};
use crate::harness::process::run;

#[tokio::test]
async fn a_killed_server_has_what_was_committed_and_nothing_else() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let rows = server.rows("SHOW fsync").await;
    assert_eq!(rows[0].get::<_, &str>(0), "on");
    server.execute("CREATE TABLE item (id integer)").await;
    let session = connect(server.url()).await.expect("a session");
    execute(&session, "INSERT INTO item VALUES (1)")
        .await
        .expect("it is committed");
    execute(&session, "BEGIN; INSERT INTO item VALUES (2)")
        .await
        .expect("it is not committed");

    server.kill_9().await;

    let ended = execute(&session, "COMMIT").await;
    assert!(ended.expect_err("the session is gone").code().is_none());
    assert!(connect(server.url()).await.is_err());

    server.restart().await;

    let rows = server.rows("SELECT id FROM item").await;
    let ids: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(ids, [1]);
    let recovered = "SELECT pg_read_file('log') LIKE '%database system was not properly shut down%'";
    assert!(server.rows(recovered).await[0].get::<_, bool>(0));

    server.stop_fast().await;
    assert!(connect(server.url()).await.is_err());
    server.restart().await;
    assert!(!server.rows(recovered).await[0].get::<_, bool>(0));
}

#[tokio::test]
async fn a_read_only_server_refuses_the_writes_of_running_sessions_until_it_is_writable() {
    let Some(server) = Server::start().await else {
        return;
    };
    server.execute("CREATE TABLE item (id integer)").await;
    let session = connect(server.url()).await.expect("a session");
    let insert = "INSERT INTO item VALUES (1)";
    execute(&session, insert).await.expect("it takes writes");

    server.make_read_only().await;

    let refused = execute(&session, insert).await.expect_err("it takes no writes");
    assert_eq!(refused.code(), Some(&SqlState::READ_ONLY_SQL_TRANSACTION));
    assert_eq!(SqlState::READ_ONLY_SQL_TRANSACTION.code(), "25006");

    server.make_writable().await;

    execute(&session, insert).await.expect("it takes writes");
}

#[tokio::test]
async fn an_administrator_ends_all_sessions_of_a_database_and_no_others() {
    let (Some(database), Some(other)) = (fresh_database().await, fresh_database().await) else {
        return;
    };
    let session = connect(database.url()).await.expect("a session");
    let elsewhere = connect(other.url()).await.expect("a session");

    assert_eq!(database.terminate_backends().await, 1);

    execute(&session, "SELECT 1")
        .await
        .expect_err("the session is gone");
    execute(&elsewhere, "SELECT 1")
        .await
        .expect("the session goes on");
}

#[tokio::test]
async fn the_shared_servers_certificate_is_its_authoritys_and_for_this_machine() {
    let (Some(database), Some(authority), Some(psql)) =
        (fresh_database().await, authority(), program("psql"))
    else {
        return;
    };
    let ask = |parameters: &str| {
        let root = authority.display();
        let url = database.url_with(&format!("sslmode=verify-full&sslrootcert={root}{parameters}"));
        let mut command = Command::new(&psql);
        command.args([
            "-At",
            "-c",
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
            &url,
        ]);
        run(command)
    };

    let right = ask("").await;
    let wrong = ask("&host=elsewhere.example&hostaddr=127.0.0.1").await;

    assert_eq!((right.code, right.output.as_str()), (Some(0), "t\n"), "{right:?}");
    assert_eq!(wrong.code, Some(2));
    let expected = "does not match host name \"elsewhere.example\"";
    assert!(wrong.errors.contains(expected), "{wrong:?}");
}
