//! Promise: many receivers on one PostgreSQL database are as one. Whichever of them a notification is posted to, and
//! whatever becomes of the others, of the server and of the network between, it gets one receipt, and a 200 means that
//! it is there.

mod failover;
mod leader;
mod oracle;
mod outages;
mod poolers;
mod questions;
mod rolling;
mod same;
mod senders;
mod standby;
mod succession;

use std::net::SocketAddr;

use futures_util::future::join_all;
use tempfile::TempDir;
use url::Url;

use crate::harness::{Process, free_port};

/// A receiver on a database that it shares, in a process of its own.
struct Replica {
    process: Process,
    /// With its log; goes after it.
    _folder: TempDir,
}

impl Replica {
    /// Starts one on any port.
    async fn start(database: &str, variables: &[(&str, &str)]) -> Self {
        Self::start_at(any_port(), database, variables).await
    }

    /// Starts one that listens there.
    async fn start_at(public: SocketAddr, database: &str, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
        let mut command = Process::command(folder.path());
        command
            .env("CAIGUNN_LISTEN", public.to_string())
            .env("CAIGUNN_INBOX_URL", database)
            .envs(variables.iter().copied());
        let process = Process::spawn(folder.path(), command).await;
        Self {
            process,
            _folder: folder,
        }
    }

    /// Fails if it has told the password of its database.
    fn assert_discreet(&self, database: &str) {
        let url = Url::parse(database).expect("a URL");
        let password = url.password().expect("a URL with a password");
        for told in [self.process.log(), self.process.errors()] {
            assert!(!told.contains(password), "{told}");
        }
    }
}

/// Starts three receivers on a database.
async fn start_three(database: &str) -> Vec<Replica> {
    join_all((0..3).map(|_| Replica::start_at(fixed_port(), database, &[]))).await
}

/// An address that another receiver can have once this one is gone.
fn fixed_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
