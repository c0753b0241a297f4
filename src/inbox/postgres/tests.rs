//! What only PostgreSQL promises, and the contract of every store.

mod check;
mod faults;
mod many;
mod schema;
mod slots;

use std::sync::Arc;

use tokio_postgres::NoTls;

use super::super::contract::{Place, contract_tests};
use super::*;

pub struct Database(String);

impl Database {
    pub async fn new() -> Self {
        Self::with("").await
    }

    /// A new one, made with these options.
    async fn with(options: &str) -> Self {
        let name = format!("t{}", uuid::Uuid::new_v4().simple());
        let database = Self("postgres".to_owned());
        database
            .execute(&format!("CREATE DATABASE {name} {options}"))
            .await;
        Self(name)
    }

    pub fn location(&self) -> Location {
        Location::parse(&format!("postgres://postgres@127.0.0.1:5499/{}", self.0)).unwrap()
    }

    async fn connect(&self) -> tokio_postgres::Client {
        let (client, connection) = self
            .location()
            .config()
            .connect(NoTls)
            .await
            .expect("the server answers");
        tokio::spawn(connection);
        client
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
        self.connect()
            .await
            .query_one(sql, &[])
            .await
            .expect("the query is right")
            .get(0)
    }

    /// Sets something for all sessions to come.
    async fn set(&self, setting: &str) {
        let name = &self.0;
        Self("postgres".to_owned())
            .execute(&format!("ALTER DATABASE {name} SET {setting}"))
            .await;
    }

    /// Ends all sessions, as an operator may.
    async fn end_sessions(&self) {
        let name = &self.0;
        Self("postgres".to_owned())
            .execute(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            ))
            .await;
    }
}

impl Place for Database {
    async fn open(&self, settings: Settings) -> Arc<dyn Inbox> {
        let opened = PostgresInbox::open(&self.location(), settings).await;
        Arc::new(opened.expect("the inbox opens"))
    }
}

contract_tests!(Database::new().await);
