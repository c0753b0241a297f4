//! The program as users run it: a process with an environment, a log, signals and an exit code.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use reqwest::Client;
use serde_json::Value;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::postgres::leave_out;
use super::unread::Unread;
use super::{PATIENCE, processes, wait_for};

/// What a start and `doctor` warn of where an inbox is in memory.
pub const IN_MEMORY: &str = " is in memory (tmpfs)";

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
        // A proxy would be asked for what is on this machine, too.
        let is_setting = |name: &str| {
            name.starts_with("CAIGUNN_") || name == "PORT" || name.to_ascii_lowercase().ends_with("_proxy")
        };
        let inherited: Vec<_> = std::env::vars_os()
            .filter(|(name, _)| name.to_str().is_some_and(is_setting))
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
    pub async fn spawn(folder: &Path, command: Command) -> Self {
        let mut process = Self::launch(folder, command);
        process.wait_until_it_listens().await;
        process
    }

    /// Waits until it listens, and remembers where.
    pub async fn wait_until_it_listens(&mut self) {
        let (public, admin) = wait_for("the program to listen", || {
            let ended = self.child.try_wait().expect("the child is ours");
            let addresses = self.log().lines().find_map(addresses);
            let seen = format!("exit {ended:?}, log {}, errors {}", self.log(), self.errors());
            async move { addresses.ok_or(seen) }
        })
        .await;
        (self.public, self.admin) = (public, admin);
    }

    /// As [`Process::spawn`], without waiting: where it listens is not known.
    pub fn launch(folder: &Path, command: Command) -> Self {
        Self::launch_reading(folder, command, Stdio::null())
    }

    /// As [`Process::launch`], with that as its standard input.
    pub fn launch_reading(folder: &Path, mut command: Command, input: Stdio) -> Self {
        let (log, errors) = (folder.join("log.json"), folder.join("errors.txt"));
        let output = |path: &Path| File::create(path).expect("the folder takes files");
        let child = command
            .stdin(input)
            .stdout(output(&log))
            .stderr(output(&errors))
            .spawn()
            .expect("the program starts");
        Self {
            child,
            public: unknown(),
            admin: unknown(),
            log,
            errors,
        }
    }

    /// Waits until it says that it is ready: it listens a moment before.
    pub async fn wait_until_ready(&self) {
        wait_for("the receiver to be ready", || async {
            let answer = super::client().get(self.url("/readyz")).send().await;
            match answer {
                Ok(answer) if answer.status() == 200 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    /// As [`Process::spawn`], but all that it says goes into a pipe that nobody reads once it listens.
    pub async fn spawn_unread(folder: &Path, command: Command) -> (Self, Unread) {
        let mut unread = Unread::new();
        let mut process = Self::spawn_into(folder, command, &mut unread);
        let ((public, admin), unread) = unread.read_until(addresses).await;
        (process.public, process.admin) = (public, admin);
        (process, unread)
    }

    /// As [`Process::spawn`], but all that it says goes into that pipe.
    pub fn spawn_into(folder: &Path, mut command: Command, unread: &mut Unread) -> Self {
        unread.take_all_of(&mut command);
        let child = command.stdin(Stdio::null()).spawn();
        let process = Self {
            child: child.expect("the program starts"),
            public: unknown(),
            admin: unknown(),
            log: folder.join("log.json"),
            errors: folder.join("errors.txt"),
        };
        // So that [`Process::log`] has something to read.
        File::create(&process.log).expect("the folder takes files");
        process
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

    /// The value of a series of `/metrics`, such as `queue_depth` or `leader`.
    pub async fn metric(&self, client: &Client, series: &str) -> f64 {
        let url = format!("http://{}/metrics", self.admin);
        let response = client.get(url).send().await.expect("the admin side answers");
        assert_eq!(response.status(), 200);
        let page = response.text().await.expect("the page is text");
        let value = page.lines().find_map(|line| {
            let (found, value) = line.strip_prefix("caigunn_webhook_")?.rsplit_once(' ')?;
            (found == series).then(|| value.parse().expect("a value is a number"))
        });
        value.unwrap_or_else(|| panic!("{series} is not in {page}"))
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log is text")
    }

    /// The whole lines logged so far, without what is warned of where these tests have their folders in memory.
    pub fn log_lines(&self) -> Vec<Value> {
        let log = self.log();
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole
            .lines()
            .map(|line| serde_json::from_str(line).expect("every line is JSON"));
        lines.filter(|line| !says(IN_MEMORY)(line)).collect()
    }

    /// Waits until that was logged so often.
    pub async fn wait_for_log(&self, part: &str, count: usize) {
        wait_for(&format!("{count} times {part:?} in the log"), || async {
            let log = self.log();
            if log.matches(part).count() >= count {
                Ok(())
            } else {
                Err(log)
            }
        })
        .await;
    }

    /// Waits for so many lines of that kind; gives all that there are.
    pub async fn wait_for_lines(&self, count: usize, is_one: impl Fn(&Value) -> bool) -> Vec<Value> {
        wait_for(&format!("{count} lines"), || async {
            let mut lines = self.log_lines();
            lines.retain(&is_one);
            if lines.len() >= count {
                Ok(lines)
            } else {
                Err(self.log())
            }
        })
        .await
    }

    /// Everything printed to standard error so far.
    pub fn errors(&self) -> String {
        fs::read_to_string(&self.errors).expect("the errors are text")
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        processes::signal_child(name, &self.child);
    }

    /// As [`Process::signal`], to one that may have ended.
    pub fn try_signal(&self, name: &str) {
        processes::signal(name, &[self.id()]);
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child is ours")
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

/// The addresses in the line that says where the program listens, whatever its format.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let (_, said) = line.split_once("listening on http://")?;
    let (public, rest) = said.split_once(", admin on http://")?;
    let admin = rest.split(|end: char| end == '"' || end.is_whitespace()).next()?;
    Some((public.parse().ok()?, admin.parse().ok()?))
}

/// What came of a command that ends by itself.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub output: String,
    pub errors: String,
}

/// Whether the message of a line has that in it.
pub fn says(part: &str) -> impl Fn(&Value) -> bool {
    move |line| {
        line["message"]
            .as_str()
            .is_some_and(|message| message.contains(part))
    }
}

/// Runs a command of [`Process::command`] with nothing on its standard input.
pub async fn run(command: Command) -> Ended {
    run_with_input(command, "").await
}

/// The words of each line of what a command printed, one blank apart.
pub fn words(output: &str) -> Vec<String> {
    let lines = output
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect()
}

/// A mount of one's own needs a namespace, which a user namespace allows without root, where it is allowed.
pub const NAMESPACE: [&str; 4] = ["unshare", "--user", "--map-root-user", "--mount"];

/// Whether this system lets us mount something; says so if not.
pub fn can_mount() -> bool {
    let probe = Command::new(NAMESPACE[0])
        .args(&NAMESPACE[1..])
        .args(["mount", "-t", "tmpfs", "none", "/tmp"])
        .stderr(Stdio::null())
        .status();
    let can_mount = probe.is_ok_and(|ended| ended.success());
    if !can_mount {
        leave_out("this system lets us mount nothing");
    }
    can_mount
}

/// What has the program that follows run as that user; `None` where that takes more rights than these tests have.
pub fn as_user(user: u32) -> Option<[String; 6]> {
    let user = user.to_string();
    let wrapper = ["setpriv", "--reuid", &user, "--regid", &user, "--clear-groups"];
    let mut trial = Command::new(wrapper[0]);
    let trial = trial
        .args(&wrapper[1..])
        .args([env!("CARGO_BIN_EXE_caigunn-webhook"), "--version"])
        .output();
    if !trial.is_ok_and(|trial| trial.status.success()) {
        leave_out("running as another user takes root, and a program that everybody may run");
        return None;
    }
    Some(wrapper.map(str::to_owned))
}

/// Runs a command of [`Process::command`] to its end, which the receivers of this process may have a part in.
pub async fn run_with_input(mut command: Command, input: &str) -> Ended {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("it is a pipe");
    // A program that does not read its input may be gone already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let id = child.id();
    let ending = spawn_blocking(move || child.wait_with_output());
    let Ok(ended) = timeout(PATIENCE, ending).await else {
        // Else the thread that waits for it would hold up the end of the test.
        processes::signal("KILL", &[id]);
        panic!("waited in vain for {command:?} to end");
    };
    let ended = ended.expect("waiting does not panic").expect("the child is ours");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes text");
    Ended {
        code: ended.status.code(),
        output: text(ended.stdout),
        errors: text(ended.stderr),
    }
}
