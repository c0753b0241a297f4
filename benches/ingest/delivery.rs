//! What deliveries cost whoever posts: the receiver without a destination beside one with a destination that hangs and
//! everything pending for it.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::thread;

use super::Run;
use crate::database::Database;
use crate::files;
use crate::load::load;
use crate::report::{WARM_UP, compare, print_memory};
use crate::server::Server;

const CONNECTIONS: usize = 256;

/// How many deliveries must be pending before anything is measured.
const PENDING: usize = 10_000;

/// The name with ` hanging` behind it is that of the receiver whose destination hangs.
const RATIOS: [[&str; 2]; 4] = [
    ["old hanging", "old"],
    ["new hanging", "new"],
    ["new", "old"],
    ["new hanging", "old hanging"],
];

/// On SQLite, and on PostgreSQL if there is a server.
pub fn run(run: &Run) {
    beside(run, "SQLite", |name| {
        files::url(&run.folder.join(format!("delivery-{name}.db")))
    });
    if let Ok(server) = std::env::var("CAIGUNN_TEST_POSTGRES") {
        beside(run, "PostgreSQL", |name| Database::new(&server, name).url);
    }
}

fn beside(run: &Run, store: &str, inbox_url: impl Fn(&str) -> String) {
    println!("\n{store}, with and without a destination");
    let destination = format!(r#"[{{name = "app", kind = "http", url = "http://{}/"}}]"#, hang());
    let mut servers = Vec::new();
    for program in &run.programs {
        servers.push(program.start(&inbox_url(program.name)));
        let name = format!("{} hanging", program.name);
        let hanging = program.delivering(&name, &inbox_url(&name), &destination);
        while pending(&hanging) < PENDING {
            load(hanging.address, CONNECTIONS, WARM_UP);
        }
        servers.push(hanging);
    }
    compare(run, &servers.iter().collect::<Vec<_>>(), CONNECTIONS, &RATIOS);
    print_memory(&servers);
    for server in servers.iter().filter(|server| server.name.ends_with("hanging")) {
        println!("  {}: {} pending", server.name, pending(server));
    }
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
    server.gauge("caigunn_webhook_deliveries_pending{destination=\"app\"} ") as usize
}
