//! A PostgreSQL server that a test may do anything to.

use std::env;
use std::fs::{self, File};
use std::future::Future;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio_postgres::Row;
use url::Url;

use super::super::processes::{self, children_of};
use super::super::{free_port, wait_for};
use super::{execute, program, rows, testing};

/// The variable with the folder of a cluster that never ran.
const PATTERN: &str = "CAIGUNN_TEST_POSTGRES_CLUSTER";

/// A server of a test's own, as empty as the one that all tests share was, and with the same settings and user. It is
/// stopped and removed when the test drops it.
pub struct Server {
    program: PathBuf,
    cluster: TempDir,
    url: Url,
    postmaster: Option<Child>,
}

impl Server {
    /// Starts one; none if there is nothing to make it from.
    #[track_caller]
    pub fn start() -> impl Future<Output = Option<Self>> {
        let pattern = testing::need(PATTERN);
        let known = pattern.and_then(|pattern| Some((pattern, program("postgres")?)));
        async {
            let (pattern, program) = known?;
            let cluster = copy_of(&pattern);
            let shared = env::var(testing::SERVER).expect("it is set where the other is");
            let mut url = Url::parse(&shared).expect("CAIGUNN_TEST_POSTGRES is a URL");
            url.set_port(Some(free_port())).expect("a URL with a host");
            url.set_query(Some("sslmode=disable"));
            let mut server = Self {
                program,
                cluster,
                url,
                postmaster: None,
            };
            server.restart().await;
            Some(server)
        }
    }

    /// Starts a standby of it, which follows it without being waited for. It has not written more than its system keeps.
    pub async fn standby(&self) -> Self {
        // What this server was before it ever ran, so that the standby hears of all that it has done since.
        let pattern = env::var(PATTERN).expect("this server was made from it");
        let cluster = copy_of(&pattern);
        let follow = format!("primary_conninfo = '{}'\n", self.url);
        for (name, text) in [("standby.signal", ""), ("postgresql.auto.conf", &*follow)] {
            fs::write(cluster.path().join(name), text).expect("the folder takes files");
        }
        let mut url = self.url.clone();
        url.set_port(Some(free_port())).expect("a URL with a host");
        let mut standby = Self {
            program: self.program.clone(),
            cluster,
            url,
            postmaster: None,
        };
        standby.restart().await;
        standby
    }

    /// The URL of both servers, this one first.
    pub fn url_with_second(&self, second: &Self) -> String {
        let port = |server: &Self| server.url.port().expect("a port");
        let one = format!("127.0.0.1:{}", port(self));
        let both = format!("{one},127.0.0.1:{}", port(second));
        self.url().replacen(&one, &both, 1)
    }

    /// Waits until a standby has all that this server has.
    pub async fn wait_for_standby(&self, standby: &Self) {
        let at: String = self.rows("SELECT pg_current_wal_lsn()::text").await[0].get(0);
        wait_for("the standby to have everything", || async {
            let behind = format!("SELECT pg_last_wal_replay_lsn() >= '{at}'::pg_lsn");
            let has_it: Option<bool> = standby.rows(&behind).await[0].get(0);
            has_it
                .filter(|has_it| *has_it)
                .map(drop)
                .ok_or_else(|| at.clone())
        })
        .await;
    }

    /// Has a standby take over.
    pub async fn promote(&self) {
        let promoted: bool = self.rows("SELECT pg_promote(true, 60)").await[0].get(0);
        assert!(promoted, "{}", self.log());
    }

    /// Stops all of its processes where they are: its system goes on taking connections, and nobody answers.
    pub async fn freeze(&self) {
        let postmaster = self.postmaster.as_ref().expect("the server runs").id();
        // It begins no more while they are counted.
        processes::freeze(&[postmaster]);
        processes::freeze(&children_of(postmaster));
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        let postmaster = self.postmaster.as_ref().expect("the server runs").id();
        processes::thaw(&[&children_of(postmaster)[..], &[postmaster]].concat());
    }

    /// Stops what sends to standbys what is written here.
    pub async fn freeze_replication(&self) {
        let senders = self.rows("SELECT pid FROM pg_stat_replication").await;
        let ids: Vec<u32> = senders.iter().map(|row| row.get::<_, i32>(0) as u32).collect();
        assert!(!ids.is_empty(), "no standby follows");
        processes::freeze(&ids);
    }

    /// Its database `postgres`, for a client without TLS.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Runs statements that must succeed.
    pub async fn execute(&self, statements: &str) {
        execute(self.url(), statements).await;
    }

    /// What a query gives.
    pub async fn rows(&self, query: &str) -> Vec<Row> {
        let rows = rows(self.url(), query).await;
        rows.expect("the server answers the query")
    }

    /// Ends it as a power cut would, in the middle of whatever it does.
    pub async fn kill_9(&mut self) {
        let mut postmaster = self.postmaster.take().expect("the server runs");
        // Stopped, it tells none of the others' end. It goes last, so that none sees it go: with the power gone, nobody
        // says farewell.
        processes::freeze(&[postmaster.id()]);
        let children = children_of(postmaster.id());
        processes::signal("KILL", &[&children[..], &[postmaster.id()]].concat());
        postmaster.wait().expect("the child is ours");
        wait_for("the killed sessions to be gone", || {
            let left: Vec<_> = children.iter().filter(|id| processes::is_running(**id)).collect();
            let left = left.is_empty().then_some(()).ok_or_else(|| format!("{left:?}"));
            async move { left }
        })
        .await;
    }

    /// Stops it: sessions end at once and in order.
    pub async fn stop_fast(&mut self) {
        let mut postmaster = self.postmaster.take().expect("the server runs");
        processes::signal("INT", &[postmaster.id()]);
        wait_for("PostgreSQL to stop", || {
            let ended = postmaster.try_wait().expect("the child is ours");
            let log = self.log();
            async move { ended.ok_or(log) }
        })
        .await;
    }

    /// Starts it again with what it held, where it was, and waits until it takes connections.
    pub async fn restart(&mut self) {
        assert!(self.postmaster.is_none(), "the server runs");
        self.postmaster = Some(self.command().spawn().expect("setpriv starts"));
        wait_for("PostgreSQL to take connections", || {
            let postmaster = self.postmaster.as_mut().expect("it was just started");
            let ended = postmaster.try_wait().expect("the child is ours");
            assert!(ended.is_none(), "PostgreSQL ended: {}", self.log());
            let url = self.url.clone();
            async move {
                let answered = rows(url.as_str(), "SELECT 1").await;
                answered.map_err(|error| format!("{error:?}"))
            }
        })
        .await;
    }

    /// Lets it take no more writes, which are refused with the code 25006, as by one that has become a standby.
    /// Sessions stay.
    pub async fn make_read_only(&self) {
        self.set_read_only("on").await;
    }

    /// Lets it take writes again.
    pub async fn make_writable(&self) {
        self.set_read_only("off").await;
    }

    async fn set_read_only(&self, value: &str) {
        self.execute(&format!(
            "ALTER SYSTEM SET default_transaction_read_only = {value}"
        ))
        .await;
        self.execute("SELECT pg_reload_conf()").await;
        // A new session shows it when all others have been told.
        wait_for("PostgreSQL to read its settings", || async {
            let rows = self.rows("SHOW default_transaction_read_only").await;
            let seen: String = rows[0].get(0);
            if seen == value { Ok(()) } else { Err(seen) }
        })
        .await;
    }

    /// What it wrote to its log since it was last started.
    fn log(&self) -> String {
        fs::read_to_string(self.log_file()).expect("the log is text")
    }

    fn log_file(&self) -> PathBuf {
        self.cluster.path().join("log")
    }

    fn command(&self) -> Command {
        let log = File::create(self.log_file()).expect("the folder takes files");
        // It must not outlive this process.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "QUIT"]);
        // PostgreSQL does not run as root: the shared server's cluster belongs to who runs it instead.
        let owner = fs::metadata(self.cluster.path()).expect("the cluster is there");
        let us = fs::metadata("/proc/self").expect("there is a proc file system");
        if owner.uid() != us.uid() {
            command.args([
                "--reuid",
                &owner.uid().to_string(),
                "--regid",
                &owner.gid().to_string(),
            ]);
            command.arg("--clear-groups");
        }
        command
            .arg(&self.program)
            .arg("-D")
            .arg(self.cluster.path())
            .args(["-p", &self.url.port().expect("a port").to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file has another handle"))
            .stderr(log);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut postmaster) = self.postmaster.take() {
            // At once: nobody needs what it holds. It may be stopped.
            processes::signal(
                "CONT",
                &[children_of(postmaster.id()), vec![postmaster.id()]].concat(),
            );
            processes::signal("QUIT", &[postmaster.id()]);
            let _ = postmaster.wait();
        }
    }
}

/// A copy of a cluster, of the same owner.
fn copy_of(cluster: &str) -> TempDir {
    let copy = tempfile::tempdir().expect("the system has a folder for temporary files");
    let copied = Command::new("cp")
        .args(["--archive", "--no-target-directory", cluster])
        .arg(copy.path())
        .status();
    assert!(copied.expect("there is a cp command").success());
    copy
}
