//! What only PostgreSQL promises, and the contract of every store.

mod check;
mod copies;
mod damaged;
mod faults;
mod many;
mod migration;
mod outbox;
mod plans;
mod retention;
mod schema;

use std::sync::Arc;

use super::super::contract::{Place, contract_tests};
use super::testing::{Database, connect};
use super::*;

/// The right to read and write all rows of the tables, for [`Database::role`].
const ROWS: &str = "GRANT USAGE ON SCHEMA caigunn_webhook TO THEM;
                    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA caigunn_webhook TO THEM";

/// A test's own database; the test is left out where there is no server, which it then says.
macro_rules! database {
    () => {
        match $crate::inbox::postgres::testing::fresh_database().await {
            Some(database) => database,
            None => return,
        }
    };
}
pub(in crate::inbox) use database;

impl Database {
    pub fn location(&self) -> Location {
        Location::parse(self.url()).expect("it is a URL")
    }

    async fn connect(&self) -> tokio_postgres::Client {
        connect(self.url()).await.expect("the server answers")
    }

    pub async fn execute(&self, sql: &str) {
        self.connect()
            .await
            .batch_execute(sql)
            .await
            .expect("the statement is right");
    }

    /// The only value that a query gives.
    async fn value<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, sql: &str) -> T {
        let row = self.connect().await.query_one(sql, &[]).await;
        row.expect("the query is right").get(0)
    }

    /// Sets something for all sessions to come.
    async fn set(&self, setting: &str) {
        let name: String = self.value("SELECT current_database()::text").await;
        // Whatever it was set to.
        self.execute(&format!(
            "BEGIN READ WRITE; ALTER DATABASE {name} SET {setting}; COMMIT"
        ))
        .await;
    }

    /// Makes a role that is called as the database, with these options, and runs statements in which it is THEM; where
    /// it finds the database.
    async fn role(&self, options: &str, rights: &str) -> Location {
        let name: String = self.value("SELECT current_database()::text").await;
        let rights = rights.replace("THEM", &name);
        self.execute(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'one-of-its-own' {options}; {rights}"
        ))
        .await;
        let mut url = url::Url::parse(self.url()).expect("it is a URL");
        url.set_username(&name).expect("it has a host");
        url.set_password(Some("one-of-its-own")).expect("it has a host");
        Location::parse(url.as_str()).expect("it is a URL")
    }

    /// Drops that role, whoever is connected as it.
    async fn drop_role(&self) {
        let name: String = self.value("SELECT current_database()::text").await;
        self.execute(&format!("ALTER ROLE {name} NOLOGIN")).await;
        self.end_sessions().await;
        self.execute(&format!("DROP OWNED BY {name}; DROP ROLE {name}"))
            .await;
    }

    /// Ends all sessions, as an operator may.
    async fn end_sessions(&self) {
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
    }
}

impl Place for Database {
    async fn open(&self, settings: Settings) -> Arc<dyn Inbox> {
        let opened = PostgresInbox::open(&self.location(), settings).await;
        Arc::new(opened.expect("the inbox opens"))
    }
}

contract_tests!(database!());
