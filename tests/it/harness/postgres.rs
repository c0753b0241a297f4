//! PostgreSQL: a database of a test's own on the server that all tests share, or a whole server ([`Server`]) for a test
//! that does it harm. Tests that find none are left out, and say so.

mod pooler;
mod server;
#[path = "../../../src/inbox/postgres/testing.rs"]
mod testing;

use std::path::{Path, PathBuf};

use tokio::net::lookup_host;
use tokio::time::timeout;
use tokio_postgres::{Client, Error, Row};
use url::Url;

use super::PATIENCE;
use super::tunnel::Tunnel;

pub use pooler::PgBouncer;
pub use server::Server;
pub use testing::{Database, fresh_database, leave_out};

impl Database {
    /// Where it is, with these parameters in place of `sslmode=disable`.
    pub fn url_with(&self, parameters: &str) -> String {
        let mut url = Url::parse(self.url()).expect("a URL");
        url.set_query(Some(parameters));
        url.into()
    }

    /// Runs statements that must succeed.
    pub async fn execute(&self, statements: &str) {
        execute(self.url(), statements).await;
    }

    /// What a query gives.
    pub async fn rows(&self, query: &str) -> Vec<Row> {
        rows(self.url(), query)
            .await
            .expect("the server answers the query")
    }

    /// Ends all sessions, as an administrator would; how many there were.
    pub async fn terminate_backends(&self) -> usize {
        let ended = self
            .rows(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .await;
        ended.len()
    }
}

/// One of PostgreSQL's own programs. Not every server came with all of them.
#[track_caller]
pub fn program(name: &str) -> Option<PathBuf> {
    let folder = testing::need("CAIGUNN_TEST_POSTGRES_BIN")?;
    let program = Path::new(&folder).join(name);
    if !program.exists() {
        leave_out(&format!("there is no {}", program.display()));
        return None;
    }
    Some(program)
}

/// The file with the certificate of the authority that signed the shared server's.
#[track_caller]
pub fn authority() -> Option<PathBuf> {
    testing::need("CAIGUNN_TEST_POSTGRES_CA").map(PathBuf::from)
}

/// A tunnel to a server, and the server's URL by that way.
pub async fn tunnel_to(url: &str) -> (Tunnel, String) {
    let mut url = Url::parse(url).expect("a URL");
    let host = url.host_str().expect("a URL with a host").to_owned();
    let found = lookup_host((host, url.port().unwrap_or(5432))).await;
    let address = found
        .expect("a known host")
        .next()
        .expect("a host with an address");
    let tunnel = Tunnel::to(address).await;
    url.set_ip_host(tunnel.address.ip()).expect("a URL with a host");
    url.set_port(Some(tunnel.address.port()))
        .expect("a URL with a host");
    (tunnel, url.into())
}

/// Runs statements in a transaction that is open as long as what is returned.
pub async fn hold(database: &Database, statements: &str) -> Client {
    let begun = async {
        let client = testing::connect(database.url()).await?;
        client.batch_execute(&format!("BEGIN; {statements}")).await?;
        Ok::<_, Error>(client)
    };
    let begun = timeout(PATIENCE, begun)
        .await
        .expect("the server answers in time");
    begun.expect("the server runs the statements")
}

/// What is said of tables that [`make_older`] made.
pub const OLDER: &str = "its tables were made by an older program: start a receiver of this version first";

/// Makes the tables of the first version.
pub async fn make_older(database: &Database) {
    let tables = include_str!("../../../migrations/postgres/0001_inbox.sql");
    database
        .execute(&format!(
            "CREATE SCHEMA caigunn_webhook; SET search_path = caigunn_webhook;
             CREATE TABLE migration (version integer PRIMARY KEY, runs_from integer NOT NULL,
                                     applied_at timestamptz NOT NULL DEFAULT now());
             {tables};
             INSERT INTO migration (version, runs_from) VALUES (1, 1)"
        ))
        .await;
}

async fn execute(url: &str, statements: &str) {
    let all = async { testing::connect(url).await?.batch_execute(statements).await };
    let ended = timeout(PATIENCE, all).await.expect("the server answers in time");
    ended.expect("the server runs the statements");
}

async fn rows(url: &str, query: &str) -> Result<Vec<Row>, Error> {
    let all = async { testing::connect(url).await?.query(query, &[]).await };
    timeout(PATIENCE, all).await.expect("the server answers in time")
}
