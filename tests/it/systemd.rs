//! Promise: a service manager that speaks as systemd does hears when requests are served, that the process lives, and when it
//! stops; sockets that it hands over are used, so that no connection is refused while one receiver follows another.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use crate::harness::process::run;
use crate::harness::raw::Raw;
use crate::harness::{
    PATIENCE, Process, client, closed_folder, free_port, installed, json, sample, wait_for,
};

/// Where a test hears what a receiver says of itself.
struct Heard(UnixDatagram);

impl Heard {
    fn in_folder(folder: &Path) -> (Self, String) {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        (Self(socket), path.to_str().unwrap().to_owned())
    }

    async fn next(&self) -> String {
        let mut message = [0; 1024];
        let receiving = timeout(PATIENCE, self.0.recv(&mut message)).await;
        let length = receiving.expect("the receiver says something").unwrap();
        std::str::from_utf8(&message[..length]).unwrap().to_owned()
    }

    /// Waits until it says this, and gives how often it said before that it lives.
    async fn wait_for(&self, state: &str) -> usize {
        let mut signs = 0;
        loop {
            match self.next().await {
                said if said == state => return signs,
                said => {
                    assert_eq!(said, "WATCHDOG=1");
                    signs += 1;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_service_manager_hears_when_requests_are_served_that_the_process_lives_and_when_it_stops() {
    let folder = closed_folder();
    let (heard, socket) = Heard::in_folder(folder.path());
    let variables = [("NOTIFY_SOCKET", &*socket), ("WATCHDOG_USEC", "40000")];
    let mut process = Process::start(folder.path(), &variables).await;

    heard.wait_for("READY=1").await;
    let ready = client().get(process.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    for _ in 0..5 {
        assert_eq!(heard.next().await, "WATCHDOG=1");
    }
    process.signal("TERM");
    heard.wait_for("STOPPING=1").await;
    assert!(process.wait().await.success());
}

#[tokio::test]
async fn a_receiver_that_drains_goes_on_saying_that_it_lives() {
    let folder = closed_folder();
    let (heard, socket) = Heard::in_folder(folder.path());
    let variables = [
        ("NOTIFY_SOCKET", &*socket),
        ("WATCHDOG_USEC", "40000"),
        ("CAIGUNN_SERVER_DRAIN_DELAY_SECONDS", "600"),
    ];
    let process = Process::start(folder.path(), &variables).await;
    heard.wait_for("READY=1").await;

    process.signal("TERM");

    heard.wait_for("STOPPING=1").await;
    for _ in 0..5 {
        assert_eq!(heard.next().await, "WATCHDOG=1");
    }
}

#[tokio::test]
async fn without_a_watchdog_nothing_is_said_but_the_start_and_the_stop() {
    let folder = closed_folder();
    let (heard, socket) = Heard::in_folder(folder.path());
    let mut process = Process::start(folder.path(), &[("NOTIFY_SOCKET", &*socket)]).await;

    process.signal("TERM");
    assert!(process.wait().await.success());

    assert_eq!(heard.next().await, "READY=1");
    assert_eq!(heard.next().await, "STOPPING=1");
}

#[tokio::test]
async fn a_service_manager_that_is_not_there_is_named_and_ends_the_start() {
    let folder = closed_folder();
    let mut command = Process::command(folder.path());
    command.env("NOTIFY_SOCKET", folder.path().join("nobody"));

    let ended = run(command).await;

    assert_eq!(ended.code, Some(1));
    assert!(ended.errors.contains("NOTIFY_SOCKET"), "{}", ended.errors);
}

/// Gives a receiver a socket as systemd would: as its third file, with its process id. It comes as the standard input, the one
/// way by which a file can be handed to a child here.
const HAND_OVER: &str = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"";

fn handed(folder: &Path, listener: &TcpListener) -> Process {
    let mut command = Process::command_under(&["sh", "-c", HAND_OVER, "sh"], folder);
    // It is not the address that counts.
    command.env("CAIGUNN_LISTEN", "192.0.2.1:80");
    let socket = OwnedFd::from(listener.try_clone().unwrap());
    Process::launch_reading(folder, command, Stdio::from(socket))
}

#[tokio::test]
async fn a_post_between_two_receivers_that_are_handed_one_socket_waits_for_the_second() {
    let folder = closed_folder();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut first = handed(folder.path(), &listener);
    first.wait_until_it_listens().await;
    assert_eq!(first.public, address);
    first.signal("TERM");
    assert!(first.wait().await.success());

    let mut connection = Raw::connect(address).await;
    let body = json(&sample("crawling.initial")).to_string();
    connection
        .send(format!(
            "POST /webhook HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    let _second = handed(folder.path(), &listener);

    let head = connection.read_head().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

#[tokio::test]
async fn a_socket_that_does_not_listen_is_refused_in_words() {
    let folder = closed_folder();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut command = Process::command_under(&["sh", "-c", HAND_OVER, "sh"], folder.path());
    command.arg("serve");
    let mut process = Process::launch_reading(folder.path(), command, Stdio::from(OwnedFd::from(connected)));

    let ended = process.wait().await;

    assert_eq!(ended.code(), Some(1));
    let errors = process.errors();
    assert!(errors.contains("handed over for the public address"), "{errors}");
}

/// A launcher and what it turns into, killed if the test drops it.
struct Launched(Child);

impl Drop for Launched {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn systemds_own_launcher_hands_over_the_public_and_the_admin_socket() {
    let launcher = "/usr/bin/systemd-socket-activate";
    let Some(launcher) = installed("CAIGUNN_TEST_SOCKET_ACTIVATE", launcher) else {
        return;
    };
    let folder = closed_folder();
    let [public, admin] = [free_port(), free_port()].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let inbox = format!("sqlite:{}", folder.path().join("inbox.db").display());
    let mut command = Command::new(launcher);
    command
        .args(["-l", &public.to_string(), "-l", &admin.to_string()])
        .args(["-E", &format!("CAIGUNN_INBOX_URL={inbox}")])
        .arg(env!("CARGO_BIN_EXE_caigunn-webhook"))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // It waits for the first connection, and becomes the receiver then.
    let _launched = Launched(command.spawn().unwrap());

    let client = client();
    let body = json(&sample("crawling.initial")).to_string();
    let answer = wait_for("an answer", || async {
        let request = client.post(format!("http://{public}/webhook"));
        let request = request
            .header("content-type", "application/json")
            .body(body.clone());
        // A connection that is made and never taken would wait for ever.
        let sending = timeout(PATIENCE, request.send()).await;
        let sent = sending.map_err(|_| "no answer".to_owned())?;
        sent.map_err(|error| format!("{error:?}"))
    })
    .await;

    assert_eq!(answer.status(), 200);
    let receipts = client.get(format!("http://{admin}/api/v1/receipts"));
    let receipts: Value = receipts.send().await.unwrap().json().await.unwrap();
    assert_eq!(receipts["receipts"].as_array().unwrap().len(), 1);
}
