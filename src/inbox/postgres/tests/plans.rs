//! Promise: no call of those who deliver goes through a table, whatever the server believes of how much is in it.

use super::super::super::contract::settings;
use super::super::super::outbox::State;
use super::super::outbox::{leader, read, record};
use super::*;

/// How the server would run a statement with so many parameters.
async fn plan(inbox: &PostgresInbox, sql: &str, parameter_count: usize) -> Vec<String> {
    let plan = inbox.read(async |client| {
        let nulls = vec!["NULL"; parameter_count].join(", ");
        client
            .batch_execute(&format!("DEALLOCATE ALL; PREPARE statement AS {sql}"))
            .await?;
        client
            .query(&format!("EXPLAIN EXECUTE statement ({nulls})"), &[])
            .await
    });
    plan.await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn every_way_goes_by_an_index() {
    let database = database!();
    let inbox = PostgresInbox::open(&database.location(), settings())
        .await
        .unwrap();
    let by_pending = "using delivery_pending on delivery";
    let by_key = "using delivery_pkey on delivery";
    let statements = [
        ("undelivered", read::undelivered_sql(), 4, by_key),
        (
            "deliveries_after",
            read::deliveries_after_sql(State::Pending),
            3,
            by_pending,
        ),
        (
            "pending deliveries",
            read::listed_by_state(State::Pending),
            4,
            by_pending,
        ),
        ("all deliveries", read::listed_by_number(None), 4, by_key),
        (
            "record",
            leader::sql(record::RECORD),
            22,
            "using lease_holder on lease",
        ),
    ];
    for filled in [false, true] {
        if filled {
            fill(&database).await;
        }
        for (what, sql, parameter_count, expected) in &statements {
            let lines = plan(&inbox, sql, *parameter_count).await;

            // The one row of state is all that is read so.
            let gone_through: Vec<_> = lines
                .iter()
                .filter(|line| line.contains("Seq Scan") && !line.contains("on state"))
                .collect();
            assert!(gone_through.is_empty(), "{what}, {filled}: {lines:#?}");
            assert!(
                lines.iter().any(|line| line.contains(expected)),
                "{what}, {filled}: {lines:#?}"
            );
            let put_together = lines
                .iter()
                .any(|line| line.contains("Hash") && line.contains("delivery"));
            assert!(!put_together, "{what}, {filled}: {lines:#?}");
        }
    }
}

#[tokio::test]
async fn undelivered_receipts_are_found_without_sorting_what_comes_after() {
    let database = database!();
    let inbox = PostgresInbox::open(&database.location(), settings())
        .await
        .unwrap();
    fill(&database).await;

    let lines = plan(&inbox, &read::undelivered_sql(), 4).await;

    assert!(
        lines.iter().any(|line| line.contains("Merge Append")),
        "{lines:#?}"
    );
    let sorted = lines.iter().any(|line| line.trim_start().starts_with("->  Sort"));
    assert!(!sorted, "{lines:#?}");
}

/// Some thousand receipts and deliveries, known to the planner.
async fn fill(database: &Database) {
    database
        .execute(
            "SET search_path = caigunn_webhook;
             INSERT INTO receipt
             SELECT seq, seq / 2000, now(), gen_random_uuid(), gen_random_uuid(), NULL, NULL, NULL, true, false,
                    '2024-07', 'crawling', 'completed', ''
             FROM generate_series(1, 10000) AS seq;
             INSERT INTO destination (name, cursor, added_at) VALUES ('one', 0, now()), ('two', 0, now());
             INSERT INTO delivery
             SELECT seq, destination, CASE seq % 100 WHEN 0 THEN 'pending' ELSE 'delivered' END, 0, 1, NULL, now(),
                    now()
             FROM generate_series(1, 8000) AS seq, generate_series(1, 2) AS destination;
             ANALYZE",
        )
        .await;
}
