//! Databases on the server of `CAIGUNN_TEST_POSTGRES`, made for a run.

use std::time::{Duration, Instant};

use caigunn_webhook::event::sample::Ids;
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::load::body;

/// How many receipts one statement makes.
const FILL: u64 = 500_000;

/// A database that is made for the run.
pub struct Database {
    pub url: String,
}

impl Database {
    pub fn new(server: &str, purpose: &str) -> Self {
        Self::made(server, purpose, "")
    }

    /// Another one with the same in it; nobody may be connected to that.
    pub fn copy(server: &str, url: &str) -> Self {
        let made = Self::made(server, "copy", &format!("TEMPLATE {}", name_in(url)));
        // What that leaves the disk to do is not for whoever is measured.
        execute(server, "CHECKPOINT");
        made
    }

    fn made(server: &str, purpose: &str, how: &str) -> Self {
        let name = format!(
            "bench_{}_{}",
            purpose.replace([' ', '-'], "_"),
            Uuid::new_v4().simple()
        );
        execute(server, &format!("CREATE DATABASE {name} {how}"));
        let (base, query) = server.split_once('?').unwrap_or((server, ""));
        let base = base.rsplit_once('/').expect("a URL with a database").0;
        Self {
            url: format!("{base}/{name}?{query}"),
        }
    }

    /// Drops it, whoever is connected.
    pub fn remove(self, server: &str) {
        execute(
            server,
            &format!("DROP DATABASE {} WITH (FORCE)", name_in(&self.url)),
        );
    }

    /// Makes receipts with numbers up to `count`, spread over that time as they would be; in five of the slots that the tables
    /// of builds up to 807953f have.
    pub fn fill(&self, count: u64, age: Duration) {
        let started = Instant::now();
        let body = body(&Ids::fresh());
        let age = age.as_secs_f64();
        let has_slots = value(
            &self.url,
            "SELECT count(*) FROM information_schema.columns WHERE (table_name, column_name) = ('state', 'slot')",
        ) > 0;
        let (slot, slot_value) = match has_slots {
            true => ("slot, ", format!("seq * 5 / ({count} + 1), ")),
            false => ("", String::new()),
        };
        let first: i64 = value(
            &self.url,
            "SELECT coalesce(max(seq), 0) + 1 FROM caigunn_webhook.receipt",
        );
        for begin in (first as u64..=count).step_by(FILL as usize) {
            let end = (begin + FILL - 1).min(count);
            execute(
                &self.url,
                &format!(
                    "INSERT INTO caigunn_webhook.receipt (seq, {slot}received_at, id, identity, event_id, chatbot_id,
                         is_documented, is_backfilled, wire, event, status, body)
                     SELECT seq, {slot_value}now() - interval '1 s' * {age} * (1 - seq::float8 / {count}),
                         (lpad(to_hex(1600000000000 + seq), 12, '0') || '7000'
                          || to_hex((-9223372036854775808)::bigint | seq))::uuid,
                         gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), true, false, '2024-07', 'crawling',
                         'completed', overlay('{body}'::bytea PLACING gen_random_uuid()::text::bytea FROM 20)
                     FROM generate_series({begin}::bigint, {end}) AS seq"
                ),
            );
        }
        if has_slots {
            execute(&self.url, "UPDATE caigunn_webhook.state SET slot = 4");
        }
        execute(&self.url, "VACUUM ANALYZE caigunn_webhook.receipt");
        execute(&self.url, "CHECKPOINT");
        let bytes = value(
            &self.url,
            "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
             WHERE relkind = 'r' AND relnamespace = 'caigunn_webhook'::regnamespace AND relname LIKE 'receipt%'",
        );
        println!(
            "filled an inbox with {count} receipts in {:.0} s: {} bytes a receipt, of which its body is {}",
            started.elapsed().as_secs_f64(),
            bytes as u64 / count,
            body.len()
        );
    }
}

fn name_in(url: &str) -> &str {
    url.split(['/', '?']).nth(3).expect("a URL with a database")
}

fn with_client<T>(url: &str, work: impl AsyncFnOnce(&tokio_postgres::Client) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls)
            .await
            .expect("the server answers");
        tokio::spawn(connection);
        work(&client).await
    })
}

pub fn execute(url: &str, sql: &str) {
    with_client(url, async |client| {
        client.batch_execute(sql).await.expect("the statement is right")
    });
}

fn value(url: &str, sql: &str) -> i64 {
    with_client(url, async |client| {
        client
            .query_one(sql, &[])
            .await
            .expect("the query is right")
            .get(0)
    })
}
