//! Promise of the harness: what it says of servers and networks is so. No other test could tell.

mod caddy;
mod distance;
mod left_out;
mod nginx;
mod postgres;
mod tunnel;

use tokio::time::timeout;
use tokio_postgres::{Client, Error, NoTls};

use crate::harness::PATIENCE;

/// Begins a session, which ends with the client.
async fn connect(url: &str) -> Result<Client, Error> {
    let connecting = timeout(PATIENCE, tokio_postgres::connect(url, NoTls)).await;
    let (client, connection) = connecting.expect("the server answers or refuses")?;
    tokio::spawn(connection);
    Ok(client)
}

/// Runs statements in a session.
async fn execute(session: &Client, statements: &str) -> Result<(), Error> {
    let ended = timeout(PATIENCE, session.batch_execute(statements)).await;
    ended.expect("the server answers or is gone")
}
