//! A database of a test's own, on the PostgreSQL server that `CAIGUNN_TEST_POSTGRES` names; `scripts/with-postgres`
//! starts one. Where none is named, a test is left out and says so: by itself, and in a sum at the end.
//!
//! `tests/it` includes this file, so it uses nothing of this crate.

use std::env;
use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::panic::Location;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};
use url::Url;
use uuid::Uuid;

/// The variable with the URL of the server, of a user who may make databases.
pub const SERVER: &str = "CAIGUNN_TEST_POSTGRES";

/// How long a test waits for the server: far longer than it ever takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A database that is dropped with this value, whoever is connected to it.
pub struct Database {
    name: String,
    server: Url,
    url: String,
}

/// A new, empty database; none if no server is named. One that does not answer fails the test.
#[track_caller]
pub fn fresh_database() -> impl Future<Output = Option<Database>> {
    let server = need(SERVER);
    async {
        let server = Url::parse(&server?).expect("CAIGUNN_TEST_POSTGRES is a URL");
        Some(Database::create(server).await)
    }
}

impl Database {
    async fn create(server: Url) -> Self {
        let name = format!("test_{}", Uuid::new_v4().simple());
        // Nobody can be connected to template0, which would be in the way of copying it.
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        timeout(PATIENCE, execute(server.as_str(), &create))
            .await
            .expect("the server answers in time")
            .expect("the server makes a database");
        let mut url = server.clone();
        url.set_path(&name);
        url.set_query(Some("sslmode=disable"));
        Self {
            name,
            server,
            url: url.into(),
        }
    }

    /// Where it is, for a client without TLS.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // On a thread of its own, since the runtime of the test may be what drops this. It is not waited for: the server
        // waits for connections that are just being made, and so for that runtime. One that stays behind goes with the
        // cluster.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async { timeout(PATIENCE, remove(server.as_str(), &name)).await })
        });
    }
}

/// Connects without TLS. The connection ends with its client.
pub async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Drops a database. The command could end its sessions, too, but it looks for their end only ten times a second.
async fn remove(server: &str, name: &str) -> Result<(), tokio_postgres::Error> {
    let end_sessions =
        format!("SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE datname = '{name}'");
    let server = connect(server).await?;
    server.batch_execute(&end_sessions).await?;
    server
        .batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
        .await
}

async fn execute(url: &str, statement: &str) -> Result<(), tokio_postgres::Error> {
    connect(url).await?.batch_execute(statement).await
}

/// A variable that a test cannot do without. Where it is not set, the caller leaves the test out.
#[track_caller]
pub fn need(variable: &str) -> Option<String> {
    let value = env::var(variable).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        leave_out(&format!("{variable} is not set"));
    }
    value
}

/// Says that the test of this thread is left out.
#[track_caller]
pub fn leave_out(reason: &str) {
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    let place = Location::caller();
    let line = format!("LEFT OUT: {test} ({place}), since {reason}");
    // By scripts/test, which says it at its end.
    if let Some(list) = env::var_os("CAIGUNN_TEST_LEFT_OUT") {
        let list = File::options().append(true).open(list);
        let written = list.and_then(|mut list| list.write_all(format!("{line}\n").as_bytes()));
        return written.expect("the list of what is left out takes a line");
    }
    let line = format!("{line}; scripts/test runs it\n");
    // Not by a macro that prints: that is captured, and shown only of a test that fails.
    let _ = io::stderr().write_all(line.as_bytes());
    let mut counter = COUNTER.lock();
    let lines = counter.stdin.as_mut().expect("it is a pipe");
    let _ = lines.write_all(line.as_bytes());
}

/// Counts the lines it is given, and says how many when this process has ended, and so below all that it printed.
static COUNTER: LazyLock<Mutex<Child>> = LazyLock::new(|| {
    let script = r#"
        count=$(wc -l)
        printf '\n%s\n\n' "NOT EVERYTHING WAS TESTED. Left out: $count. Nothing is left out by scripts/test." >&2
    "#;
    let counter = Command::new("sh")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn();
    Mutex::new(counter.expect("there is a shell"))
});

#[tokio::test]
async fn a_fresh_database_is_empty_and_goes_with_its_value_whoever_is_connected() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let server = connect(database.server.as_str()).await.expect("a connection");
    let name = database.name.clone();
    let databases = "SELECT FROM pg_database WHERE datname = $1";
    let tables = "SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace";

    let client = connect(database.url()).await.expect("a connection");
    assert!(client.query(tables, &[]).await.expect("rows").is_empty());
    let there = server.query(databases, &[&name]).await.expect("rows");
    assert_eq!(there.len(), 1);
    drop(database);

    let gone = async { while !server.query(databases, &[&name]).await.expect("rows").is_empty() {} };
    timeout(PATIENCE, gone).await.expect("it is dropped");
    assert!(client.query(tables, &[]).await.is_err());
}
