use tokio::time::timeout;

use super::{connect, execute};
use crate::harness::PATIENCE;
use crate::harness::postgres::{Database, fresh_database, tunnel_to};

/// What is seen in the table `item` past every tunnel.
async fn items(database: &Database) -> Vec<i32> {
    let rows = database.rows("SELECT id FROM item ORDER BY id").await;
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn of_a_commit_whose_answer_is_lost_the_transaction_is_there_and_the_session_gone() {
    let Some(database) = fresh_database().await else {
        return;
    };
    database.execute("CREATE TABLE item (id integer)").await;
    let (tunnel, url) = tunnel_to(database.url()).await;
    let session = connect(&url).await.expect("a session");
    let other = connect(&url).await.expect("a session");

    tunnel.lose_answer_to("COMMIT");
    execute(&session, "BEGIN").await.expect("nothing is lost yet");
    execute(&session, "INSERT INTO item VALUES (1)")
        .await
        .expect("nothing is lost yet");
    assert_eq!(tunnel.lost_count(), 0);
    let lost = execute(&session, "COMMIT").await;

    assert!(lost.expect_err("the session is gone").code().is_none());
    assert_eq!(tunnel.lost_count(), 1);
    assert_eq!(items(&database).await, [1]);
    // Nobody else is touched, and it happens once.
    execute(&other, "BEGIN; INSERT INTO item VALUES (2); COMMIT")
        .await
        .expect("the session goes on");
    let next = connect(&url).await.expect("a session");
    execute(&next, "BEGIN; INSERT INTO item VALUES (3); COMMIT")
        .await
        .expect("the session goes on");
    assert_eq!(items(&database).await, [1, 2, 3]);
    assert_eq!(tunnel.lost_count(), 1);
}

#[tokio::test]
async fn a_cut_tunnel_ends_every_session_and_refuses_until_it_is_healed() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let (tunnel, url) = tunnel_to(database.url()).await;
    let session = connect(&url).await.expect("a session");
    execute(&session, "SELECT 1").await.expect("the tunnel is whole");

    tunnel.cut().await;

    let cut = execute(&session, "SELECT 1").await;
    assert!(cut.expect_err("the session is gone").code().is_none());
    let refused = tokio::net::TcpStream::connect(tunnel.address).await;
    let refused = refused.expect_err("nothing listens");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);

    tunnel.heal().await;

    let session = connect(&url).await.expect("a session");
    execute(&session, "SELECT 1").await.expect("the tunnel is whole");
}

#[tokio::test]
async fn a_stalled_tunnel_keeps_everything_back_until_it_is_healed() {
    let Some(database) = fresh_database().await else {
        return;
    };
    database.execute("CREATE TABLE item (id integer)").await;
    let (tunnel, url) = tunnel_to(database.url()).await;
    let session = connect(&url).await.expect("a session");

    tunnel.stall();
    let waiting = tokio::spawn(async move { execute(&session, "INSERT INTO item VALUES (1)").await });
    let connecting = tokio::spawn(async move { connect(&url).await });
    // A new session past the tunnel is more than would be needed to come through it.
    for _ in 0..10 {
        assert!(items(&database).await.is_empty());
    }
    assert!(!waiting.is_finished());
    assert!(!connecting.is_finished());
    tunnel.heal().await;

    let ended = timeout(PATIENCE, waiting).await.expect("an end in time");
    ended.unwrap().expect("the session goes on");
    assert_eq!(items(&database).await, [1]);
    let connected = timeout(PATIENCE, connecting).await.expect("an end in time");
    connected.unwrap().expect("the connection was only late");
}
