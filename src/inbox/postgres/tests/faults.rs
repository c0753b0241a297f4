//! Promise: what cannot be stored takes nothing with it, and what ails the server is said as what it is.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::net::TcpListener;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::super::super::contract::{crawled, posted, settings, unrecognized};
use super::super::super::{NewQuarantined, RequestId};
use super::*;
use crate::event::sample::Ids;

/// As many as there may be connections.
const TRIES: usize = 8;

fn page() -> PageRequest {
    PageRequest {
        cursor: None,
        limit: 10,
    }
}

fn reason(error: Error) -> String {
    match error {
        Error::Unavailable { reason } | Error::Corrupt { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_entry_that_cannot_be_stored_takes_no_other_with_it() {
    let database = database!();
    let inbox = Place::open(&database, settings()).await;
    database
        .execute("ALTER TABLE caigunn_webhook.receipt ADD CONSTRAINT poison CHECK (event <> 'poison')")
        .await;
    let ids = Ids::fresh();
    let batch = [
        crawled(&ids),
        unrecognized("poison", "new", &ids),
        crawled(&Ids::fresh()),
    ];

    let answers = inbox.append(batch.map(Entry::Receipt).to_vec()).await.unwrap();

    assert!(matches!(&answers[..], [Ok(_), Err(_), Ok(_)]), "{answers:?}");
    let refusal = reason(answers[1].clone().unwrap_err());
    assert!(refusal.starts_with("this entry cannot be stored: "), "{refusal}");
    assert!(refusal.contains("poison"), "{refusal}");
    assert_eq!(inbox.all().await.len(), 2);
}

#[tokio::test]
async fn a_batch_that_fails_leaves_nothing_behind() {
    let database = database!();
    let inbox = Place::open(&database, settings()).await;
    database
        .execute("ALTER TABLE caigunn_webhook.quarantine RENAME TO elsewhere")
        .await;
    let refused = NewQuarantined {
        request_id: RequestId::new(uuid::Uuid::now_v7()),
        received_at: Timestamp::now(),
        reason: "not-json".to_owned(),
        detail: String::new(),
        receipt_id: None,
        content_type: None,
        body: Bytes::new(),
        truncated: false,
    };

    let answers = inbox
        .append(vec![
            Entry::Receipt(crawled(&Ids::fresh())),
            Entry::Quarantine(refused),
        ])
        .await;

    let refusal = reason(answers.unwrap_err());
    assert!(
        refusal.contains("quarantine") && refusal.contains("42P01"),
        "{refusal}"
    );
    assert!(inbox.all().await.is_empty());
}

#[tokio::test]
async fn a_text_with_a_nul_is_kept_without_it() {
    let database = database!();
    let inbox = Place::open(&database, settings()).await;
    let refused = NewQuarantined {
        request_id: RequestId::new(uuid::Uuid::now_v7()),
        received_at: Timestamp::now(),
        reason: "not-json".to_owned(),
        detail: "found \0 here".to_owned(),
        receipt_id: None,
        content_type: Some("text/\0".to_owned()),
        body: Bytes::from_static(b"\0"),
        truncated: false,
    };

    inbox.refuse(refused).await;

    let (kept, body) = inbox.whole_quarantine().await.remove(0);
    assert_eq!(kept.detail, "found \u{fffd} here");
    assert_eq!(kept.content_type.as_deref(), Some("text/\u{fffd}"));
    assert_eq!(body, "\0");
}

#[tokio::test]
async fn times_that_are_set_for_others_hold_for_no_connection() {
    let database = database!();
    let names = ["lock_timeout", "transaction_timeout", "idle_session_timeout"];
    let mut known = Vec::new();
    for name in names {
        // Not every version has all of these.
        let is_known: bool = database
            .value(&format!(
                "SELECT EXISTS (SELECT FROM pg_settings WHERE name = '{name}')"
            ))
            .await;
        if is_known {
            database.set(&format!("{name} = '60s'")).await;
            known.push(name);
        }
    }
    // Nor do these keep any away, by which what is large is done in files.
    database.set("work_mem = '64kB'").await;
    database.set("temp_file_limit = 0").await;
    let inbox = PostgresInbox::open(&database.location(), settings())
        .await
        .unwrap();

    for name in known {
        let sql = format!("SELECT current_setting('{name}')");
        let value = inbox.read(async |client| client.query_one(&sql, &[]).await).await;

        assert_eq!(value.unwrap().get::<_, &str>(0), "0", "{name}");
    }
}

#[tokio::test]
async fn a_server_that_only_reads_is_said_to_and_is_used_again_when_it_writes() {
    let database = database!();
    let inbox = Place::open(&database, settings()).await;
    database.set("default_transaction_read_only = on").await;
    database.end_sessions().await;

    // The first that find a connection ended say so.
    let mut refusals = Vec::new();
    for _ in 0..TRIES {
        refusals.push(reason(inbox.append(vec![Entry::Probe]).await.unwrap_err()));
    }

    let last = refusals.last().unwrap();
    assert!(last.contains("only reads"), "{refusals:#?}");
    database.set("default_transaction_read_only = off").await;
    // No session that only reads was kept.
    inbox
        .append(vec![Entry::Probe])
        .await
        .expect("it takes writes again");
}

#[tokio::test]
async fn every_probe_is_written() {
    let database = database!();
    let inbox = Place::open(&database, settings()).await;
    let written = "SELECT xmin::text || ' ' || probed_at::text FROM caigunn_webhook.state";
    let mut seen = HashSet::new();

    for _ in 0..3 {
        inbox.append(vec![Entry::Probe]).await.unwrap();
        seen.insert(database.value::<String>(written).await);
    }

    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[tokio::test]
async fn connections_that_were_ended_are_replaced() {
    let database = database!();
    let inbox = Place::open(&database, settings()).await;
    for _ in 0..3 {
        let storing = (0..TRIES).map(|_| inbox.store_one(crawled(&Ids::fresh())));
        join_all(storing).await;
        database.end_sessions().await;

        let mut failure_count = 0;
        while let Err(error) = inbox.append(vec![Entry::Probe]).await {
            assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
            failure_count += 1;
            assert!(
                failure_count <= TRIES,
                "each failure takes a connection out of use"
            );
        }
    }
}

#[tokio::test]
async fn totals_that_are_gone_are_an_error_and_nothing_worse() {
    let database = database!();
    let inbox = Place::open(&database, settings()).await;
    database
        .execute("DELETE FROM caigunn_webhook.quarantine_totals")
        .await;

    let error = inbox.quarantine_totals().await.unwrap_err();

    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
}

/// An inbox whose calls may take 5 s.
async fn impatient(database: &Database) -> Arc<dyn Inbox> {
    // A slow machine makes the tables in its time.
    Place::open(database, settings()).await;
    let settings = Settings {
        timeout: Duration::from_secs(5),
        ..settings()
    };
    Place::open(database, settings).await
}

#[tokio::test]
async fn where_the_server_does_not_answer_those_that_wait_for_a_turn_are_told_in_time() {
    let database = database!();
    let inbox = impatient(&database).await;
    let mut locking = database.connect().await;
    let lock = locking.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE caigunn_webhook.receipt")
        .await
        .unwrap();
    // By turns these would take minutes.
    let reads = (0..200).map(|_| inbox.receipts(ReceiptFilter::default(), page()));
    let deliveries = (0..200).map(|_| inbox.outbox().last_sequence());

    let all = async { tokio::join!(join_all(reads), join_all(deliveries)) };
    let (read, delivered) = timeout(Duration::from_secs(60), all)
        .await
        .expect("all are told in time");

    let read = read.into_iter().map(|read| read.map(drop));
    let delivered = delivered.into_iter().map(|delivered| delivered.map(drop));
    for answer in read.chain(delivered) {
        assert!(matches!(answer, Err(Error::Unavailable { .. })), "{answer:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_tell_its_history_is_enough_whatever_other_host_is_named() {
    let database = database!();
    Place::open(&database, settings()).await;
    let mut location = database.role("", ROWS).await;
    database
        .execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        .await;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    silent.set_nonblocking(true).unwrap();
    let port = silent.local_addr().unwrap().port();
    location.config.host("127.0.0.1").port(port);

    let opened = PostgresInbox::open(&location, settings()).await;

    opened.expect("the first host is the server");
    let asked = silent.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(asked, Err(ErrorKind::WouldBlock));
    database.drop_role().await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_in_time() {
    let database = database!();
    let inbox = impatient(&database).await;
    let mut locking = database.connect().await;
    let lock = locking.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE caigunn_webhook.receipt")
        .await
        .unwrap();

    let append = inbox.append(vec![Entry::Receipt(crawled(&Ids::fresh()))]).await;
    let read = inbox.receipts(ReceiptFilter::default(), page()).await;

    for error in [append.map(drop).unwrap_err(), read.map(drop).unwrap_err()] {
        let is_said = matches!(&error, Error::Unavailable { reason }
            if reason.contains("did not answer within 5 s") || reason.contains("57014"));
        assert!(is_said, "{error:?}");
    }
    lock.rollback().await.unwrap();
    inbox.accept_one(crawled(&Ids::fresh())).await;
    assert_eq!(inbox.all().await.len(), 1);
}

#[tokio::test]
async fn what_this_program_did_not_write_is_said_to_be_damage() {
    let database = database!();
    let inbox = Place::open(&database, settings()).await;
    database
        .execute("ALTER TABLE caigunn_webhook.receipt ALTER COLUMN wire TYPE varchar")
        .await;
    inbox.accept_one(posted(r#"{"event": "a", "status": "b"}"#)).await;

    let error = inbox
        .receipts(ReceiptFilter::default(), page())
        .await
        .unwrap_err();

    assert!(
        matches!(&error, Error::Corrupt { reason } if reason.contains("varchar")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_session_that_lacks_what_was_prepared_in_it_is_said_to_be_a_poolers() {
    let database = database!();
    let inbox = PostgresInbox::open(&database.location(), settings())
        .await
        .unwrap();
    // As where a pooler gives the session to another client, and this one another session.
    let emptied = inbox.read(async |client| {
        let statement = client.prepare_cached("SELECT 1").await?;
        client.batch_execute("DEALLOCATE ALL").await?;
        client.query(&statement, &[]).await
    });
    let taken = inbox.read(async |client| {
        client.prepare_cached("SELECT 1").await?;
        // The names of those that are prepared next, here and elsewhere in this process.
        client
            .batch_execute(
                "DO $$
                 DECLARE latest int := (SELECT max(substr(name, 2)::int) FROM pg_prepared_statements);
                 BEGIN
                     FOR number IN latest + 1 .. latest + 5000 LOOP
                         EXECUTE format('PREPARE s%s AS SELECT 1', number);
                     END LOOP;
                 END $$",
            )
            .await?;
        client.prepare("SELECT 2").await.map(drop)
    });

    let lost = inbox.read(async |client| client.query("SELECT FROM nowhere", &[]).await.map(drop));

    for (error, state, said) in [
        (
            emptied.await.map(drop).unwrap_err(),
            "26000",
            "seems to be between",
        ),
        (
            taken.await.unwrap_err(),
            "42P05",
            "leave server_reset_query at DISCARD ALL",
        ),
        (
            lost.await.unwrap_err(),
            "42P01",
            "the tables are gone, or a pooler",
        ),
    ] {
        let reason = reason(error);
        assert!(
            reason.contains(state) && reason.contains("a pooler in transaction or statement mode"),
            "{reason}"
        );
        assert!(reason.contains(said), "{reason}");
    }
}

#[tokio::test]
async fn where_the_server_has_no_room_for_more_those_that_are_there_are_waited_for() {
    let database = database!();
    Place::open(&database, settings()).await;
    let location = database.role("CONNECTION LIMIT 2", ROWS).await;
    let inbox = PostgresInbox::open(&location, settings()).await.unwrap();

    let appending = (0..200).map(|_| inbox.append(vec![Entry::Receipt(crawled(&Ids::fresh()))]));
    let answers = join_all(appending).await;

    database.drop_role().await;
    let failed: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{} failed: {:?}", failed.len(), failed[0]);
}
