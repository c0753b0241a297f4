//! Inboxes in which much waits to be sent.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use caigunn_webhook::event::sample::{self, Ids};
use caigunn_webhook::event::{Event, Wire};
use uuid::Uuid;

use crate::database::Database;
use crate::files;
use crate::load::Client;
use crate::server::Program;

/// Over how many connections a backlog is posted.
const CONNECTIONS: usize = 128;

/// How long ago the receipts of a database are received that is filled by the server.
const AGE: Duration = Duration::from_secs(24 * 3_600);

/// A kind of store.
pub enum Store {
    /// Files in a folder.
    Sqlite {
        /// Where.
        folder: PathBuf,
    },
    /// Databases on a server.
    Postgres {
        /// Its URL.
        server: String,
    },
}

/// An inbox, gone when this is dropped.
pub struct Inbox {
    pub url: String,
    server: Option<String>,
}

impl Store {
    pub fn title(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "SQLite",
            Self::Postgres { .. } => "PostgreSQL",
        }
    }

    /// Its name in options.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres { .. } => "postgres",
        }
    }

    /// One with nothing in it.
    pub fn empty(&self) -> Inbox {
        match self {
            Self::Sqlite { folder } => Inbox {
                url: files::url(&folder.join(format!("{}.db", Uuid::new_v4().simple()))),
                server: None,
            },
            Self::Postgres { server } => Inbox {
                url: Database::new(server, "delivery").url,
                server: Some(server.clone()),
            },
        }
    }

    /// One that a build of the program has filled with what was posted to it.
    pub fn posted(&self, program: &Program, count: u64) -> Inbox {
        let inbox = self.empty();
        let server = program.start(&inbox.url);
        let started = Instant::now();
        post(server.address, count);
        let seconds = started.elapsed().as_secs_f64();
        server.stop();
        println!(
            "  {}: {count} receipts posted in {seconds:.1} s, {:.0}/s",
            program.name,
            count as f64 / seconds
        );
        inbox
    }

    /// One that was filled without a receiver, quickly; each receipt is a job.
    pub fn filled(&self, program: &Program, count: u64) -> Inbox {
        let inbox = self.empty();
        match self {
            Self::Sqlite { .. } => files::by_the_store(&inbox.path(), count as usize),
            Self::Postgres { .. } => {
                program.start(&inbox.url).stop();
                let database = Database {
                    url: inbox.url.clone(),
                };
                database.fill(count, AGE);
            }
        }
        inbox
    }

    /// Another one that is the same.
    pub fn copy(&self, inbox: &Inbox) -> Inbox {
        match self {
            Self::Sqlite { .. } => {
                let copy = self.empty();
                files::copy(&inbox.path(), &copy.path());
                copy
            }
            Self::Postgres { server } => {
                let url = Database::copy(server, &inbox.url).url;
                Inbox {
                    url,
                    server: Some(server.clone()),
                }
            }
        }
    }
}

impl Inbox {
    fn path(&self) -> PathBuf {
        PathBuf::from(self.url.strip_prefix("sqlite:").expect("it is a file"))
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        match self.server.take() {
            Some(server) => {
                let url = self.url.clone();
                Database { url }.remove(&server);
            }
            None => {
                for end in ["", "-wal", "-shm", ".lock"] {
                    let path = format!("{}{end}", self.path().display());
                    let _ = std::fs::remove_file(path);
                }
            }
        }
    }
}

/// Posts so many, two of each job.
fn post(address: SocketAddr, count: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let left = Arc::new(AtomicU64::new(count / 2));
    runtime.block_on(async {
        let posting: Vec<_> = (0..CONNECTIONS)
            .map(|_| tokio::spawn(post_jobs(address, Arc::clone(&left))))
            .collect();
        for task in posting {
            task.await.expect("it posts");
        }
    });
}

async fn post_jobs(address: SocketAddr, left: Arc<AtomicU64>) {
    let mut client = Client::open(address).await;
    let is_left = |left: u64| left.checked_sub(1);
    while left
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_left)
        .is_ok()
    {
        let ids = Ids::fresh();
        let completed = Event::CrawlingCompleted {
            training_data_ids: vec![ids.training_data_id; 3],
        };
        for event in [Event::CrawlingInitial, completed] {
            let notification = sample::notification(event, &ids, Wire::V2024_07);
            let body = sample::to_json(&notification).to_string();
            let request = client.request(&body);
            assert_eq!(client.post(request.as_bytes()).await, 200, "the backlog is taken");
        }
    }
}
