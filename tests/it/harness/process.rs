//! The program as users run it: a process with an environment, a log, signals and an exit code.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use reqwest::Client;
use serde_json::Value;

use super::wait_for;

/// A receiver in a process of its own, killed if the test drops it.
pub struct Process {
    child: Child,
    pub public: SocketAddr,
    pub admin: SocketAddr,
    log: PathBuf,
    errors: PathBuf,
}

impl Process {
    /// A command that runs the program with nothing of this environment but what is given.
    pub fn command(folder: &Path) -> Command {
        Self::command_under(&[], folder)
    }

    /// As [`Process::command`], behind other commands that end in its place, such as `["nice"]`.
    pub fn command_under(wrapper: &[&str], folder: &Path) -> Command {
        let program = env!("CARGO_BIN_EXE_caigunn-webhook");
        let mut words = wrapper.iter().chain([&program]);
        let mut command = Command::new(words.next().expect("the program is one"));
        command.args(words);
        let inherited: Vec<_> = std::env::vars_os()
            .filter(|(name, _)| name.to_str().is_some_and(|name| name.starts_with("CAIGUNN_")))
            .collect();
        for (name, _) in inherited {
            command.env_remove(name);
        }
        command
            .env("CAIGUNN_LISTEN", "127.0.0.1:0")
            .env("CAIGUNN_ADMIN_LISTEN", "127.0.0.1:0")
            .env(
                "CAIGUNN_INBOX_URL",
                format!("sqlite:{}", folder.join("inbox.db").display()),
            )
            .current_dir(folder);
        command
    }

    /// Starts a receiver whose inbox, log and errors are in `folder`, and waits until it listens.
    pub async fn start(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = Self::command(folder);
        command.envs(variables.iter().copied());
        Self::spawn(folder, command).await
    }

    /// As [`Process::start`], with a command that [`Process::command`] made.
    pub async fn spawn(folder: &Path, mut command: Command) -> Self {
        let (log, errors) = (folder.join("log.json"), folder.join("errors.txt"));
        let output = |path: &Path| File::create(path).expect("the folder takes files");
        let child = command
            .stdin(Stdio::null())
            .stdout(output(&log))
            .stderr(output(&errors))
            .spawn()
            .expect("the program starts");
        let mut process = Self {
            child,
            public: unknown(),
            admin: unknown(),
            log,
            errors,
        };
        let (public, admin) = wait_for("the program to listen", || {
            let ended = process.child.try_wait().expect("the child is ours");
            let addresses = process
                .log_lines()
                .iter()
                .find_map(|line| addresses(line["message"].as_str()?));
            let seen = format!(
                "exit {ended:?}, log {}, errors {}",
                process.log(),
                process.errors()
            );
            async move { addresses.ok_or(seen) }
        })
        .await;
        (process.public, process.admin) = (public, admin);
        process
    }

    /// Runs a command that should end by itself, soon; how it ended and what it printed to standard error.
    pub async fn run_to_end(folder: &Path, mut command: Command) -> (ExitStatus, String) {
        let (log, errors) = (folder.join("ended.json"), folder.join("ended.txt"));
        let output = |path: &Path| File::create(path).expect("the folder takes files");
        let child = command
            .stdin(Stdio::null())
            .stdout(output(&log))
            .stderr(output(&errors))
            .spawn()
            .expect("the program starts");
        let mut process = Self {
            child,
            public: unknown(),
            admin: unknown(),
            log,
            errors,
        };
        let ended = process.wait().await;
        (ended, process.errors())
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.public)
    }

    pub fn api(&self, path: &str) -> String {
        format!("http://{}/api/v1{path}", self.admin)
    }

    /// Every receipt, newest first.
    pub async fn receipts(&self, client: &Client) -> Vec<Value> {
        let mut receipts = Vec::new();
        let mut path = "/receipts?limit=500".to_owned();
        loop {
            let response = client.get(self.api(&path)).send().await.expect("the API answers");
            assert_eq!(response.status(), 200, "{path}");
            let page: Value = response.json().await.expect("the API answers JSON");
            receipts.extend(page["receipts"].as_array().expect("a list").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/receipts?limit=500&cursor={cursor}"),
                None => return receipts,
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log is text")
    }

    /// The whole lines logged so far.
    pub fn log_lines(&self) -> Vec<Value> {
        let log = self.log();
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).expect("every line is JSON"))
            .collect()
    }

    /// Everything printed to standard error so far.
    pub fn errors(&self) -> String {
        fs::read_to_string(&self.errors).expect("the errors are text")
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(sent.expect("there is a kill command").success());
    }

    /// Kills it as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("the child is ours");
        self.child.wait().expect("the child is ours");
    }

    /// Waits for its end.
    pub async fn wait(&mut self) -> ExitStatus {
        wait_for("the program to end", || {
            let ended = self.child.try_wait().expect("the child is ours");
            let seen = self.log();
            async move { ended.ok_or(seen) }
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn unknown() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 0))
}

/// The addresses in the line that says where the program listens.
fn addresses(message: &str) -> Option<(SocketAddr, SocketAddr)> {
    let (public, admin) = message
        .strip_prefix("listening on http://")?
        .split_once(", admin on http://")?;
    Some((public.parse().ok()?, admin.parse().ok()?))
}
