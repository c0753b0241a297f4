//! Promise: tables are made and brought up to date once, whoever comes first, and what is not for this program is left
//! alone.

use futures_util::future::join_all;

use super::super::super::contract::{crawled, refused, settings};
use super::super::super::outbox::Start;
use super::super::schema::newest;
use super::*;
use crate::event::sample::Ids;

async fn refusal(database: &Database) -> Error {
    let opened = PostgresInbox::open(&database.location(), settings()).await;
    opened.err().expect("the inbox does not open")
}

#[tokio::test]
async fn receivers_that_start_together_make_the_tables_once() {
    let database = database!();

    let opening = (0..8).map(|_| Place::open(&database, settings()));
    let receivers = join_all(opening).await;

    receivers[7].accept_one(crawled(&Ids::fresh())).await;
    assert_eq!(receivers[0].all().await.len(), 1);
    let count: i64 = database
        .value("SELECT count(*) FROM caigunn_webhook.migration")
        .await;
    assert_eq!(count, i64::from(newest()));
}

#[tokio::test]
async fn no_index_goes_by_an_order_that_an_update_of_the_system_changes() {
    let database = database!();
    Place::open(&database, settings()).await;

    let collations: Vec<String> = database
        .value(
            "SELECT coalesce(array_agg(DISTINCT collname::text), '{}')
             FROM pg_index JOIN pg_class ON pg_class.oid = indrelid CROSS JOIN unnest(indcollation) AS used (id)
                 JOIN pg_collation ON pg_collation.oid = used.id
             WHERE relnamespace = 'caigunn_webhook'::regnamespace",
        )
        .await;

    assert_eq!(collations, ["C"]);
}

#[tokio::test]
async fn tables_of_a_newer_program_are_used_if_that_says_they_can_be() {
    let database = database!();
    Place::open(&database, settings()).await;
    database
        .execute(&format!(
            "INSERT INTO caigunn_webhook.migration (version, runs_from) VALUES ({}, 1)",
            newest() + 1
        ))
        .await;

    let inbox = Place::open(&database, settings()).await;

    inbox.accept_one(crawled(&Ids::fresh())).await;
}

#[tokio::test]
async fn tables_of_a_newer_program_are_refused_if_it_needs_one() {
    let (database, newer) = (database!(), newest() + 1);
    Place::open(&database, settings()).await;
    database
        .execute(&format!(
            "INSERT INTO caigunn_webhook.migration (version, runs_from) VALUES ({newer}, {newer})"
        ))
        .await;

    let refusal = refusal(&database).await;

    let said = format!("version {newer}");
    let is_said = matches!(&refusal, Error::Refused { reason }
        if reason.contains(&said) && reason.contains("; run the newer program with it, or "));
    assert!(is_said, "{refusal:?}");
}

#[tokio::test]
async fn a_database_in_another_encoding_is_refused() {
    let database = database!();
    let name: String = database.value("SELECT current_database() || '_latin1'").await;
    database
        .execute(&format!(
            "CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
        ))
        .await;
    let url = database
        .url()
        .replacen(name.trim_end_matches("_latin1"), &name, 1);

    let location = Location::parse(&url).unwrap();
    let opened = PostgresInbox::open(&location, settings()).await;
    let checked = check(&location, &settings()).await;

    database
        .execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
        .await;
    let is_unfit = matches!(&checked, Ok(Check::Unfit { reason }) if reason.contains("LATIN1"));
    assert!(is_unfit, "{checked:?}");
    let refusal = opened.err().expect("the inbox does not open");

    let is_said = matches!(&refusal, Error::Refused { reason } if reason.contains("LATIN1"));
    assert!(is_said, "{refusal:?}");
}

#[tokio::test]
async fn commits_are_on_disk_whatever_the_database_is_set_to() {
    for (set, used) in [
        ("off", "on"),
        ("remote_apply", "remote_apply"),
        ("local", "local"),
    ] {
        let database = database!();
        database.set(&format!("synchronous_commit = {set}")).await;
        let inbox = PostgresInbox::open(&database.location(), settings())
            .await
            .unwrap();

        let shown = inbox.read(async |client| client.query_one("SHOW synchronous_commit", &[]).await);

        assert_eq!(shown.await.unwrap().get::<_, &str>(0), used);
    }
}

#[tokio::test]
async fn a_stricter_default_isolation_hides_no_original() {
    let database = database!();
    database
        .set("default_transaction_isolation = 'serializable'")
        .await;
    let one = Place::open(&database, settings()).await;
    let other = Place::open(&database, settings()).await;
    for _ in 0..20 {
        let notification = crawled(&Ids::fresh());
        let storing = [&one, &other].map(|inbox| inbox.store_one(notification.clone()));
        join_all(storing).await;
    }

    assert_eq!(one.all().await.len(), 20);
}

#[tokio::test]
async fn a_batch_is_stored_without_going_through_any_table() {
    let database = database!();
    let inbox = PostgresInbox::open(&database.location(), settings())
        .await
        .unwrap();
    let plan = inbox.read(async |client| {
        let nulls = ["NULL"; 20].join(", ");
        client
            .batch_execute(&format!("PREPARE append AS {}", include_str!("../append.sql")))
            .await?;
        client
            .query(&format!("EXPLAIN EXECUTE append ({nulls})"), &[])
            .await
    });

    let lines: Vec<String> = plan.await.unwrap().iter().map(|row| row.get(0)).collect();

    // The one row of state is all that is read so.
    let gone_through: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("Seq Scan") && !line.contains("on state"))
        .collect();
    assert!(gone_through.is_empty(), "{gone_through:#?}");
    let by_number: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("Index Cond: (seq"))
        .collect();
    assert!(by_number.is_empty(), "{by_number:#?}");
}

#[tokio::test]
async fn a_server_that_does_not_let_us_in_is_told_from_one_that_cannot_be_reached() {
    let database = database!();
    let mut wrong = [
        ("a wrong password", "28P01"),
        ("a user that is not there", "28P01"),
        ("no password", "password missing"),
        ("a database that is not there", "3D000"),
    ]
    .map(|(what, expected)| (what, expected, url::Url::parse(database.url()).unwrap()));
    wrong[0].2.set_password(Some("planted")).unwrap();
    wrong[1].2.set_username("nobody-by-this-name").unwrap();
    wrong[2].2.set_password(None).unwrap();
    wrong[3].2.set_path("nowhere");
    for (what, expected, url) in wrong {
        let opened = PostgresInbox::open(&Location::parse(url.as_str()).unwrap(), settings()).await;

        let refusal = opened.err().expect("the inbox does not open");
        let is_said = matches!(&refusal, Error::Refused { reason } if reason.contains(expected));
        assert!(is_said, "{what}: {refusal:?}");
        assert!(!refusal.to_string().contains("planted"), "{refusal}");
    }
}

#[tokio::test]
async fn a_user_without_a_right_is_refused() {
    let database = database!();
    let location = database.role("", "").await;

    let opened = PostgresInbox::open(&location, settings()).await;

    database.drop_role().await;
    let refusal = opened.err().expect("the inbox does not open");
    let is_said = matches!(&refusal, Error::Refused { reason } if reason.contains("42501"));
    assert!(is_said, "{refusal:?}");
}

#[tokio::test]
async fn a_user_who_may_only_read_and_write_rows_is_enough_once_the_tables_are_there() {
    let database = database!();
    Place::open(&database, settings()).await;
    let location = database.role("", ROWS).await;

    let seen = look(&location, &settings()).await.unwrap();
    let inbox: Arc<dyn Inbox> = Arc::new(PostgresInbox::open(&location, settings()).await.unwrap());
    inbox.accept_one(crawled(&Ids::fresh())).await;
    inbox.refuse(refused(b"one")).await;
    let added = inbox.outbox().add_destination("app".to_owned(), Start::Now).await;

    database.drop_role().await;
    assert!(added.is_ok(), "{added:?}");
    assert_eq!(seen.missing_right, None);
}

#[tokio::test]
async fn a_right_that_a_receiver_needs_and_its_user_lacks_is_named() {
    let database = database!();
    Place::open(&database, settings()).await;
    let rights = format!("{ROWS}; REVOKE DELETE ON caigunn_webhook.open_job FROM THEM");
    let location = database.role("", &rights).await;

    let seen = look(&location, &settings()).await;

    database
        .execute("DELETE FROM caigunn_webhook.migration WHERE version > 7")
        .await;
    let of_older = look(&location, &settings()).await;
    let of_owner = look(&database.location(), &settings()).await;
    database.drop_role().await;
    let lacks = |seen: Result<Look, Error>| seen.unwrap().missing_right;
    let said = "has no right to DELETE on the table open_job";
    assert_eq!(lacks(seen).as_deref(), Some(said));
    assert!(lacks(of_older).is_some());
    assert_eq!(lacks(of_owner), None);
}

#[tokio::test]
async fn connections_are_counted_of_the_user_who_logs_in_whatever_role_that_takes() {
    let database = database!();
    let rights = "GRANT pg_monitor TO THEM; ALTER ROLE THEM SET role = pg_monitor";
    let location = database.role("CONNECTION LIMIT 7", rights).await;

    let seen = look(&location, &settings()).await;

    database.drop_role().await;
    assert_eq!(seen.unwrap().free_connections, 7);
}
