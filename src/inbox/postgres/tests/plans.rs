//! Promise: no call of those who deliver goes through a table, whatever the server believes of how much is in it.

use super::super::super::Span;
use super::super::super::contract::outbox::{attempt, candidate, delivery, nothing_new};
use super::super::super::contract::{crawled, refused, sent, settings};
use super::super::super::jobs::{Sought, Word};
use super::super::super::outbox::{DeliveryFilter, Instruction, Matching, Progress, Start, State};
use super::super::outbox::{leader, read, record};
use super::*;
use crate::event::sample::Ids;
use crate::event::{Event, Wire};

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

/// Every statement that an inbox has prepared on its only connection, with how the server runs it.
async fn plans(inbox: &PostgresInbox) -> Vec<(String, Vec<String>)> {
    let plans = inbox.read(async |client| {
        let prepared = "SELECT name, statement, coalesce(array_length(parameter_types, 1), 0)
                        FROM pg_prepared_statements ORDER BY prepare_time";
        let mut plans = Vec::new();
        for row in client.query_typed(prepared, &[]).await? {
            let (name, statement, count): (String, String, i32) = (row.get(0), row.get(1), row.get(2));
            let nulls = vec!["NULL"; count as usize].join(", ");
            let parameters = if count > 0 {
                format!("({nulls})")
            } else {
                String::new()
            };
            let explain = format!("EXPLAIN (COSTS OFF) EXECUTE \"{name}\" {parameters}");
            let lines = client.query_typed(&explain, &[]).await?;
            plans.push((statement, lines.iter().map(|line| line.get(0)).collect()));
        }
        Ok(plans)
    });
    plans.await.unwrap()
}

/// Has an inbox prepare every statement that it has.
async fn use_all(inbox: &PostgresInbox) {
    let page = |limit| PageRequest { cursor: None, limit };
    let ids = Ids::fresh();
    let leader = candidate("one");
    let stored: &dyn Inbox = inbox;
    let receipt_id = stored.accept_one(crawled(&ids)).await;
    // Twice, so that the second is compared with the first.
    for event in [Event::TrainingInitial, Event::TrainingFailed { detail: None }] {
        stored.accept_one(sent(event, &ids, Wire::V2024_01)).await;
    }
    let quarantined = stored.refuse(refused(b"{}")).await;
    stored.append(vec![Entry::Probe]).await.unwrap();
    let filters = [ReceiptFilter::default(), ReceiptFilter::of_job(ids.event_id)];
    for filter in filters {
        stored.receipts(filter, page(10)).await.unwrap();
    }
    stored.receipt(receipt_id).await.unwrap().unwrap();
    stored.open_jobs(page(10)).await.unwrap();
    for word in [Word::Any, Word::Status("failed"), Word::Open] {
        let sought = Sought {
            word,
            event: None,
            chatbot_id: None,
            from: 1,
            until: i64::MAX as u64,
            limit: 100,
        };
        stored.jobs().words(sought).await.unwrap();
    }
    let many = (0..100).map(|_| Ids::fresh().event_id).collect();
    stored.jobs().each(many).await.unwrap();
    stored.jobs().open_count(None).await.unwrap();
    stored
        .jobs()
        .open_count(Some(Timestamp::from_micros(0)))
        .await
        .unwrap();
    stored.last_received().await.unwrap();
    stored.export(0, 10).await.unwrap();
    stored.find(crawled(&ids).identity).await.unwrap().unwrap();
    stored.quarantine(page(10)).await.unwrap();
    stored.quarantined(quarantined).await.unwrap().unwrap();
    stored.quarantine_totals().await.unwrap();
    stored.accept_quarantined(quarantined, receipt_id).await.unwrap();
    inbox.newest(u64::MAX).await.unwrap().unwrap();
    assert_eq!(inbox.lead(&leader).await.unwrap(), Leadership::Leader);
    assert_ne!(inbox.lead(&candidate("two")).await.unwrap(), Leadership::Leader);
    assert_eq!(inbox.lead(&leader).await.unwrap(), Leadership::Leader);

    let outbox = inbox.outbox();
    let start = Start::Since(Timestamp::from_micros(0));
    let destination = outbox.add_destination("one".to_owned(), start).await.unwrap();
    outbox.destinations().await.unwrap();
    outbox.receipts_after(0, 10).await.unwrap();
    outbox.undelivered(destination.id, 0, 10).await.unwrap();
    let what = Matching {
        filter: ReceiptFilter::default(),
        span: Span::default(),
        after: 0,
        until: 10,
    };
    outbox.matching(what, 10).await.unwrap();
    outbox.last_before(Timestamp::now()).await.unwrap();
    outbox.miss_destination(&leader, destination.id).await.unwrap();
    outbox.load(vec![1]).await.unwrap();
    let progress = Progress {
        deliveries: vec![delivery(&destination, 1, State::Pending)],
        attempts: vec![(1, attempt(1))],
        ..nothing_new(&destination)
    };
    outbox.record(&leader, progress).await.unwrap();
    outbox.delivery(destination.id, 1).await.unwrap().unwrap();
    for state in [
        State::Pending,
        State::Delivered,
        State::Dead,
        State::Cancelled,
        State::Removed,
    ] {
        outbox
            .deliveries_after(destination.id, state, 0, 10)
            .await
            .unwrap();
        let filter = DeliveryFilter {
            state: Some(state),
            ..DeliveryFilter::default()
        };
        outbox.deliveries(filter, page(10)).await.unwrap();
    }
    outbox
        .deliveries(DeliveryFilter::default(), page(10))
        .await
        .unwrap();
    let instruction = Instruction::new("{}".to_owned());
    outbox.instruct(instruction.clone()).await.unwrap();
    outbox.instruction(instruction.id).await.unwrap().unwrap();
    outbox.open_instructions(10).await.unwrap();
    outbox.rows_of(None, vec![1, 2]).await.unwrap();
    outbox.instructions(10).await.unwrap();
    outbox.follow_up(&leader, instruction).await.unwrap();
    outbox.remove_destination(&leader, destination.id).await.unwrap();
    stored.expire(Timestamp::from_micros(0)).await.unwrap();
    inbox.resign(&leader).await.unwrap();
}

#[tokio::test]
async fn no_statement_goes_through_a_table_of_what_is_kept() {
    let database = database!();
    let settings = Settings {
        max_connections: 1,
        ..settings()
    };
    for content in CONTENTS {
        database.execute(content).await;
        let inbox = PostgresInbox::open(&database.location(), settings.clone())
            .await
            .unwrap();
        use_all(&inbox).await;

        let plans = plans(&inbox).await;
        assert!(plans.len() > 30, "{}", plans.len());
        for (statement, lines) in plans {
            let fault = lines.iter().enumerate().find_map(|(place, line)| {
                let above = place.checked_sub(1).map_or("", |above| &lines[above]);
                fault(
                    &statement,
                    above,
                    line,
                    lines.get(place + 1).map_or("", |next| next),
                )
            });
            assert_eq!(fault, None, "{content}: {statement}\n{lines:#?}");
        }
        inbox.close().await.unwrap();
    }
}

/// What is wrong with a line of a plan, between the ones above and below it.
fn fault(statement: &str, above: &str, line: &str, below: &str) -> Option<&'static str> {
    let is = |line: &str, what: &str| line.trim_start().trim_start_matches("->  ").starts_with(what);
    // One row, or bounded.
    let small = ["lease", "quarantine", "quarantine_totals"];
    let table = line.split_once("Seq Scan on ").map(|(_, table)| table);
    if table.is_some_and(|table| !small.contains(&table.split(' ').next().unwrap_or(table))) {
        return Some("a table is gone through");
    }
    let is_by_number = line.contains("using receipt_pkey on receipt");
    let is_of_a_job = statement.contains("identity = ANY");
    let is_sorted = ["Sort Key: receipt.seq", "Sort Key: receipt.seq DESC"].contains(&line.trim_start());
    if is_sorted && is(above, "Sort") && !is_of_a_job {
        return Some("receipts are put in order after they were read, and so read to the last");
    }
    if is_by_number && !below.contains("Index Cond") && !is(above, "Limit") {
        return Some("all receipts are read");
    }
    let is_range = below.contains("Index Cond: ") && !below.contains("(seq = ");
    if is_by_number && is_range && statement.contains("identity =") {
        return Some("one receipt is looked for among all");
    }
    None
}

#[tokio::test]
async fn every_way_goes_by_an_index() {
    let database = database!();
    let inbox = PostgresInbox::open(&database.location(), settings())
        .await
        .unwrap();
    let by_number = "using receipt_pkey on receipt";
    let by_pending = "using delivery_pending on delivery";
    let by_key = "using delivery_pkey on delivery";
    let statements = [
        ("undelivered", read::undelivered_sql(), 4, by_key),
        ("matching", read::matching_sql(), 8, by_number),
        ("last_before", read::last_before_sql(), 1, by_number),
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
            leader::sql(record::RECORD, Some(1), 29),
            31,
            "using lease_holder on lease",
        ),
    ];
    for content in CONTENTS {
        database.execute(content).await;
        for (what, sql, parameter_count, expected) in &statements {
            let lines = plan(&inbox, sql, *parameter_count).await;

            // The one row of state is all that is read so.
            let gone_through: Vec<_> = lines
                .iter()
                .filter(|line| line.contains("Seq Scan") && !line.contains("on state"))
                .collect();
            assert!(gone_through.is_empty(), "{what}, {content}: {lines:#?}");
            assert!(
                lines.iter().any(|line| line.contains(expected)),
                "{what}, {content}: {lines:#?}"
            );
            let put_together = lines
                .iter()
                .any(|line| line.contains("Hash") && line.contains("delivery"));
            assert!(!put_together, "{what}, {content}: {lines:#?}");
        }
    }
}

#[tokio::test]
async fn undelivered_receipts_are_found_without_sorting_what_comes_after() {
    let database = database!();
    let inbox = PostgresInbox::open(&database.location(), settings())
        .await
        .unwrap();
    for content in CONTENTS {
        database.execute(content).await;

        let lines = plan(&inbox, &read::undelivered_sql(), 4).await;

        let sorted = lines.iter().any(|line| line.trim_start().starts_with("->  Sort"));
        assert!(!sorted, "{content}: {lines:#?}");
    }
}

/// Some thousand receipts and deliveries.
const FILL: &str = "
    SET search_path = caigunn_webhook;
    INSERT INTO receipt
    SELECT seq, now(), (lpad(to_hex(4000000000000 + seq), 12, '0') || '70008000000000000000')::uuid,
           gen_random_uuid(), NULL, NULL, NULL, true, false, '2024-07', 'crawling', 'completed', ''
    FROM generate_series(1001, 11000) AS seq;
    INSERT INTO destination (name, cursor, added_at) VALUES ('one', 0, now()), ('two', 0, now()) ON CONFLICT DO NOTHING;
    INSERT INTO delivery
    SELECT seq, destination, CASE seq % 100 WHEN 0 THEN 'pending' ELSE 'delivered' END, 0, 1, NULL, now(), now()
    FROM generate_series(1001, 9000) AS seq, generate_series(1, 2) AS destination";

/// Nothing any more, of which the server knows how it was.
const EMPTY: &str = "
    SET search_path = caigunn_webhook;
    TRUNCATE receipt, latest, open_job, destination, delivery, attempt, dead_letters;
    ANALYZE";

/// What is in the tables, and what the server believes: that it does not know, that there is nothing, the same though there is
/// something, what there is, and what there was.
const CONTENTS: [&str; 5] = ["", "ANALYZE", FILL, "ANALYZE", EMPTY];
