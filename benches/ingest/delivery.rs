//! What deliveries cost whoever posts: the receiver without a destination beside one with a destination that hangs and
//! everything pending for it.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread;

use super::postgres::Database;
use super::{Server, WARM_UP, compare, load};

const CONNECTIONS: usize = 256;

/// How many deliveries must be pending before anything is measured.
const PENDING: usize = 10_000;

/// On SQLite, and on PostgreSQL if there is a server.
pub fn run(folder: &Path) {
    let file = |name: &str| format!("sqlite:{}", folder.join(name).display());
    beside("SQLite", ["none.db", "hanging.db"].map(file), folder);
    if let Ok(server) = std::env::var("CAIGUNN_TEST_POSTGRES") {
        let databases = ["none", "hanging"].map(|name| Database::new(&server, name));
        beside("PostgreSQL", databases.map(|database| database.url), folder);
    }
}

fn beside(store: &str, [none, hanging]: [String; 2], folder: &Path) {
    println!("\n{store}, with and without a destination");
    let destination = format!(r#"[{{name = "app", kind = "http", url = "http://{}/"}}]"#, hang());
    let plain = Server::durable(&none, folder);
    let server = Server::delivering(&hanging, &destination, folder);
    while pending(&server) < PENDING {
        load(server.address, CONNECTIONS, WARM_UP);
    }
    compare("no destination", &plain, "a hanging one", &server, CONNECTIONS);
    println!(
        "  {} pending, peak memory {} MiB",
        pending(&server),
        server.memory("VmHWM")
    );
}

/// A server that takes connections and never answers.
fn hang() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            thread::spawn(move || {
                let mut sink = [0; 4096];
                while stream.read(&mut sink).is_ok_and(|count| count > 0) {}
            });
        }
    });
    address
}

/// How many deliveries a receiver says are pending.
fn pending(server: &Server) -> usize {
    let page = server.metrics();
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix("caigunn_webhook_deliveries_pending{destination=\"app\"} "));
    let count: f64 = line.and_then(|count| count.parse().ok()).unwrap_or(0.0);
    count as usize
}
