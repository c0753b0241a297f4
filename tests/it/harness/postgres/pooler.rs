//! A real PgBouncer, in the foreground.

use std::fs::{self, File, Permissions};
use std::future::Future;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpStream;
use url::Url;

use super::super::{free_port, installed, wait_for};

/// A running PgBouncer in front of a server. It ends when the test drops it.
pub struct PgBouncer {
    child: Child,
    url: Url,
    folder: TempDir,
}

impl PgBouncer {
    /// Starts one in front of a database, in that `pool_mode`. None if there is no PgBouncer; the variable
    /// `CAIGUNN_TEST_PGBOUNCER` may name another program.
    #[track_caller]
    pub fn start(database: &str, pool_mode: &str) -> impl Future<Output = Option<Self>> {
        let program = installed("CAIGUNN_TEST_PGBOUNCER", "/usr/sbin/pgbouncer");
        let (database, pool_mode) = (database.to_owned(), pool_mode.to_owned());
        async move { Some(Self::start_program(&program?, &database, &pool_mode).await) }
    }

    async fn start_program(program: &str, database: &str, pool_mode: &str) -> Self {
        let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
        // Started by root, it must become another user, who reads these.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("the folder is ours");
        let mut url = Url::parse(database).expect("a URL");
        let (name, port) = (&url.path()[1..], url.port().expect("a port"));
        let (user, password) = (url.username(), url.password().expect("a password"));
        let listens_at = free_port();
        let users = folder.path().join("users.txt");
        fs::write(&users, format!("\"{user}\" \"{password}\"\n")).expect("the folder takes files");
        let settings = format!(
            "[databases]\n{name} = host=127.0.0.1 port={port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {listens_at}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\n\
             pool_mode = {pool_mode}\n",
            users.display()
        );
        let configuration = folder.path().join("pgbouncer.ini");
        fs::write(&configuration, settings).expect("the folder takes files");
        let log = File::create(folder.path().join("log")).expect("the folder takes files");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "QUIT"]);
        if fs::metadata("/proc/self")
            .expect("there is a proc file system")
            .uid()
            == 0
        {
            command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
        }
        let child = command
            .arg(program)
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file has another handle"))
            .stderr(log)
            .spawn()
            .expect("setpriv starts");
        url.set_port(Some(listens_at)).expect("a URL with a host");
        let mut pooler = Self { child, url, folder };
        wait_for("PgBouncer to listen", || {
            let ended = pooler.child.try_wait().expect("the child is ours");
            let log = fs::read_to_string(pooler.folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none(), "PgBouncer ended: {log}");
            async move {
                TcpStream::connect(("127.0.0.1", listens_at))
                    .await
                    .map_err(|error| error.to_string())
            }
        })
        .await;
        pooler
    }

    /// The database by this way.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
