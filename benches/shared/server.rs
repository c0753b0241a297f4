//! The processes that are measured, and what the system says of them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::load::{Load, load};

/// In what `/proc/PID/stat` counts CPU time: Linux has 100 ticks a second there on every machine of today, whatever its
/// own clock (`USER_HZ`, proc(5) and time(7)).
const TICK: Duration = Duration::from_millis(10);

/// A build of the receiver.
pub struct Program {
    /// `old` or `new`.
    pub name: &'static str,
    pub path: PathBuf,
    /// Where its log lines go; none: nowhere.
    pub log_folder: Option<PathBuf>,
}

/// A server in a process of its own, ended when this is dropped.
pub struct Server {
    pub name: String,
    pub address: SocketAddr,
    /// From its start until it was ready.
    pub ready_after: Duration,
    /// What it had in memory then, in MiB.
    pub idle: u64,
    process: Child,
    admin: Option<SocketAddr>,
}

impl Program {
    pub fn start(&self, inbox_url: &str) -> Server {
        self.delivering(self.name, inbox_url, "[]")
    }

    /// With destinations; under a name that says so.
    pub fn delivering(&self, name: &str, inbox_url: &str, destinations: &str) -> Server {
        self.try_start(name, inbox_url, destinations)
            .unwrap_or_else(|reason| panic!("{}: {reason}", self.path.display()))
    }

    /// # Errors
    /// Says how it ended, if it was not ready before.
    pub fn try_start(&self, name: &str, inbox_url: &str, destinations: &str) -> Result<Server, String> {
        let port = || {
            TcpListener::bind("127.0.0.1:0")
                .and_then(|free| free.local_addr())
                .expect("a free port")
        };
        let (address, admin) = (port(), port());
        let log = self.log_folder.as_ref().map_or_else(Stdio::null, |folder| {
            let log = folder.join(format!("{}.log", address.port()));
            File::create(log).expect("the target folder takes files").into()
        });
        let started = Instant::now();
        let mut command = Command::new(&self.path);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CAIGUNN_")) {
            command.env_remove(name);
        }
        // An older build must know all of these.
        let process = command
            .env("CAIGUNN_LISTEN", address.to_string())
            .env("CAIGUNN_ADMIN_LISTEN", admin.to_string())
            .env("CAIGUNN_INBOX_URL", inbox_url)
            .env("CAIGUNN_DELIVERY_DESTINATION", destinations)
            .stdout(log)
            .spawn()
            .expect("the program starts");
        let mut server = Server {
            name: name.to_owned(),
            address,
            ready_after: Duration::ZERO,
            idle: 0,
            process,
            admin: Some(admin),
        };
        while !is_ready(address) {
            if let Some(status) = server.process.try_wait().expect("it is our child") {
                return Err(format!("{status} before it was ready"));
            }
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "not ready within 30 s"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        server.ready_after = started.elapsed();
        server.idle = server.memory("VmRSS");
        Ok(server)
    }
}

impl Server {
    /// This program in another role, which it is called by.
    pub fn again(name: &str, role: &[&str]) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program has a path"))
            .args(role)
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("its output is piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("it prints its address");
        Self {
            name: name.to_owned(),
            address: line.trim().parse().expect("an address"),
            ready_after: Duration::ZERO,
            idle: 0,
            process,
            admin: None,
        }
    }

    /// Puts it under a load and measures its CPU time too.
    pub fn measure(&self, connections: usize, time: Duration) -> Load {
        let before = self.cpu();
        let mut load = load(self.address, connections, time);
        load.cpu = self.cpu() - before;
        load
    }

    /// In user and in system mode so far, all threads together.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("it runs");
        // The second field, the name, may have blanks in it. What is behind it begins with the third; utime is the 14th.
        let (_, behind) = stat.rsplit_once(')').expect("the name is in parentheses");
        let ticks: u32 = behind
            .split_whitespace()
            .skip(14 - 3)
            .take(2)
            .map(|ticks| ticks.parse::<u32>().expect("a number of ticks"))
            .sum();
        TICK * ticks
    }

    /// Its admin address.
    pub fn admin(&self) -> SocketAddr {
        self.admin.expect("it is a receiver")
    }

    /// What `/metrics` shows.
    pub fn metrics(&self) -> String {
        get(self.admin(), "/metrics").expect("it answers")
    }

    pub fn is_receiver(&self) -> bool {
        self.admin.is_some()
    }

    /// What `/metrics` shows behind that, 0 where there is no such line.
    pub fn gauge(&self, start: &str) -> u64 {
        let page = self.metrics();
        let value = page.lines().find_map(|line| line.strip_prefix(start));
        let value: f64 = value.and_then(|value| value.parse().ok()).unwrap_or(0.0);
        value as u64
    }

    /// A line of the process's status, in MiB.
    pub fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("Linux tells memory");
        line.trim_matches(|sign: char| !sign.is_ascii_digit())
            .parse::<u64>()
            .expect("a number of KiB")
            >> 10
    }

    /// Has it end in its own way, so that all is in the inbox's file.
    pub fn stop(mut self) {
        kill_process(Pid::from_child(&self.process), Signal::TERM).expect("it runs");
        let status = self.process.wait().expect("it is our child");
        assert!(status.success(), "{status} after SIGTERM");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_ready(address: SocketAddr) -> bool {
    get(address, "/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// The whole answer, if there is one.
pub fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// The server that does nothing.
pub fn noop() {
    let noop = axum::routing::post(|body: axum::body::Bytes| async move { body.len().to_string() });
    serve(axum::Router::new().route("/webhook", noop));
}

/// Serves for ever on a free port; prints its address.
pub fn serve(router: axum::Router) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        println!(
            "{}",
            listener.local_addr().expect("a bound listener has an address")
        );
        axum::serve(listener, router).await.expect("axum serves");
    });
}
