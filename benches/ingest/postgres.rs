//! The PostgreSQL store beside itself with a transaction for each notification, and beside what most receivers do: one
//! INSERT a request.
//!
//! The latter, the rival, parses the notification with the same code, stores it with one statement into a table whose identities are
//! UNIQUE, and answers; it counts nothing and logs nothing. It has four times our connections to the server, since
//! with as many as ours it is slower. Then the store is filled, to show what its size costs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use caigunn_webhook::event::parse;
use caigunn_webhook::event::sample::Ids;
use deadpool_postgres::{Manager, Pool};
use tokio_postgres::NoTls;
use uuid::Uuid;

use super::Run;
use crate::load::{body, load};
use crate::report::{compare, print_memory};
use crate::server::{Program, Server, serve};

/// Connections of the rival to the server.
const RIVAL_CONNECTIONS: usize = 32;

/// Receipts in the large inbox, and in the small one.
const SIZES: [u64; 2] = [10_000, 10_000_000];

/// How long the large inbox is warmed up: the receiver reads what is in the older slots meanwhile, and the server writes
/// every page whole that it changes for the first time after a checkpoint, which makes both slower for some minutes in
/// a life of months.
const LARGE_WARM_UP: Duration = Duration::from_secs(90);

/// How many receipts one statement makes.
const FILL: u64 = 500_000;

/// The time from which the receipts of a full inbox are, unless it matters.
const AGE: Duration = Duration::from_secs(80 * 24 * 3_600);

const RATIOS: [[&str; 2]; 5] = [
    ["old", "row by row"],
    ["old", "rival"],
    ["new", "row by row"],
    ["new", "rival"],
    ["new", "old"],
];

/// Measures against the server of `CAIGUNN_TEST_POSTGRES`; says so if there is none. What PostgreSQL's own processes take is
/// in none of the figures.
pub fn run(run: &Run) {
    let Ok(server) = std::env::var("CAIGUNN_TEST_POSTGRES") else {
        println!("\nPostgreSQL is left out: `scripts/with-postgres cargo bench --bench ingest` has one");
        return;
    };
    println!("\nPostgreSQL");
    let others = [("row by row", "row-by-row"), ("rival", "rival")].map(|(name, role)| {
        let database = Database::new(&server, role);
        Server::again(name, &[role, &database.url])
    });
    let ours: Vec<Server> = run
        .programs
        .iter()
        .map(|program| program.start(&Database::new(&server, program.name).url))
        .collect();
    let servers: Vec<&Server> = others.iter().chain(&ours).collect();
    for connections in run.connections() {
        compare(run, &servers, connections, &RATIOS);
    }
    print_memory(&ours);
    drop((others, ours));
    if run.options.large {
        let this = run.programs.last().expect("this build is there");
        sizes(run, this, &server);
    }
}

/// A large inbox beside a small one.
fn sizes(run: &Run, program: &Program, server: &str) {
    let [small, large] = ["small", "large"].map(|name| {
        let database = Database::new(server, name);
        drop(program.start(&database.url));
        database
    });
    small.fill(SIZES[0], AGE, true);
    large.fill(SIZES[1], AGE, true);
    println!(
        "\nPostgreSQL, an inbox of {} and one of {} receipts",
        SIZES[0], SIZES[1]
    );
    let servers = [("small", small), ("large", large)]
        .map(|(name, database)| program.delivering(name, &database.url, "[]"));
    load(servers[1].address, 256, LARGE_WARM_UP);
    compare(run, &[&servers[0], &servers[1]], 256, &[["large", "small"]]);
    print_memory(&servers);
}

/// A database that is made for the run.
pub struct Database {
    pub url: String,
}

impl Database {
    pub fn new(server: &str, purpose: &str) -> Self {
        let name = format!(
            "bench_{}_{}",
            purpose.replace([' ', '-'], "_"),
            Uuid::new_v4().simple()
        );
        execute(server, &format!("CREATE DATABASE {name}"));
        let (base, query) = server.split_once('?').unwrap_or((server, ""));
        let base = base.rsplit_once('/').expect("a URL with a database").0;
        Self {
            url: format!("{base}/{name}?{query}"),
        }
    }

    /// Drops it, whoever is connected.
    pub fn remove(self, server: &str) {
        let name = self.url.split(['/', '?']).nth(3).expect("a URL with a database");
        execute(server, &format!("DROP DATABASE {name} WITH (FORCE)"));
    }

    /// Makes receipts with numbers up to `count`, spread over that time as they would be, in five slots of the ring if the
    /// table has any.
    pub fn fill(&self, count: u64, age: Duration, has_slots: bool) {
        let started = Instant::now();
        let body = body(&Ids::fresh());
        let age = age.as_secs_f64();
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
        let bytes = value(&self.url, SIZE);
        println!(
            "filled an inbox with {count} receipts in {:.0} s: {} bytes a receipt, of which its body is {}",
            started.elapsed().as_secs_f64(),
            bytes as u64 / count,
            body.len()
        );
    }
}

/// What the receipts take, with their indexes.
pub const SIZE: &str = "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'caigunn_webhook'::regnamespace AND relname LIKE 'receipt%'";

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

const INSERT: &str = "INSERT INTO receipt (id, received_at, event, status, event_id, chatbot_id, body)
    VALUES ($1, now(), $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";

/// The rival, on a database of its own; prints its address.
pub fn rival(url: &str) {
    execute(
        url,
        "CREATE TABLE receipt (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL,
             received_at timestamptz NOT NULL, event text NOT NULL, status text NOT NULL, event_id uuid NOT NULL,
             chatbot_id uuid, body bytea NOT NULL, UNIQUE (event_id, event, status))",
    );
    let manager = Manager::new(url.parse().expect("a URL"), NoTls);
    let pool = Pool::builder(manager)
        .max_size(RIVAL_CONNECTIONS)
        .build()
        .expect("a pool");
    let insert = async |State(pool): State<Arc<Pool>>, body: axum::body::Bytes| {
        let Ok(notification) = parse(&body) else {
            return (StatusCode::UNPROCESSABLE_ENTITY, String::new());
        };
        let id = Uuid::now_v7();
        let client = pool.get().await.expect("a connection");
        let insert = client
            .prepare_cached(INSERT)
            .await
            .expect("the statement is right");
        let name = notification.name();
        let event_id = notification.event_id.map(|id| id.uuid());
        let chatbot_id = notification.chatbot_id.map(|id| id.uuid());
        client
            .execute(
                &insert,
                &[
                    &id,
                    &&*name.event,
                    &&*name.status,
                    &event_id,
                    &chatbot_id,
                    &&body[..],
                ],
            )
            .await
            .expect("a row goes in");
        (StatusCode::OK, id.to_string())
    };
    serve(
        axum::Router::new()
            .route("/webhook", axum::routing::post(insert))
            .with_state(Arc::new(pool)),
    );
}
