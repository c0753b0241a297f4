//! The PostgreSQL store beside itself with a transaction for each notification, and beside what most receivers do: one
//! INSERT a request.
//!
//! The latter, the rival, parses the notification with the same code, stores it with one statement into a table whose identities are
//! UNIQUE, and answers; it counts nothing and logs nothing. It has four times our connections to the server, since
//! with as many as ours it is slower. Then the store is filled, to show what its size costs.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use caigunn_webhook::event::parse;
use deadpool_postgres::{Manager, Pool};
use tokio_postgres::NoTls;
use uuid::Uuid;

use super::Run;
use crate::database::{Database, execute};
use crate::load::load;
use crate::report::{compare, print_memory};
use crate::server::{Server, serve};

/// Connections of the rival to the server.
const RIVAL_CONNECTIONS: usize = 32;

/// Receipts in the small inbox, and in the large one.
const SIZES: [(&str, u64); 2] = [("small", 10_000), ("large", 10_000_000)];

/// How long the large inbox is warmed up: the server writes every page whole that it changes for the first time after a
/// checkpoint, which makes it slower for some minutes in a life of months.
const LARGE_WARM_UP: Duration = Duration::from_secs(90);

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
        sizes(run, &server);
    }
}

/// Of each build a large inbox beside a small one.
fn sizes(run: &Run, server: &str) {
    const RATIOS: [[&str; 2]; 4] = [
        ["old large", "old small"],
        ["new large", "new small"],
        ["new small", "old small"],
        ["new large", "old large"],
    ];
    let mut inboxes = Vec::new();
    for program in &run.programs {
        for (name, count) in SIZES {
            let name = format!("{} {name}", program.name);
            let database = Database::new(server, &name);
            drop(program.start(&database.url));
            database.fill(count, AGE);
            inboxes.push((program, name, database));
        }
    }
    println!("\nPostgreSQL, inboxes of {SIZES:?} receipts");
    let servers: Vec<_> = inboxes
        .iter()
        .map(|(program, name, database)| program.delivering(name, &database.url, "[]"))
        .collect();
    for server in servers.iter().filter(|server| server.name.ends_with("large")) {
        load(server.address, 256, LARGE_WARM_UP);
    }
    let all: Vec<_> = servers.iter().collect();
    compare(run, &all, 256, &RATIOS);
    print_memory(&servers);
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
