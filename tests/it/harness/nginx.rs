//! A real nginx, in the foreground, with nothing of the system's configuration.

use std::fs::{self, Permissions};
use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::{free_port, installed, processes, wait_for};

/// A running nginx. It ends when the test drops it.
pub struct Nginx {
    child: Child,
    pub address: SocketAddr,
    folder: TempDir,
}

impl Nginx {
    /// Starts one with what is to stand in the `http` block, where `{address}` stands for where it is to listen. None
    /// if there is no nginx; the variable `CAIGUNN_TEST_NGINX` may name another program.
    #[track_caller]
    pub fn start(http: &str) -> impl Future<Output = Option<Self>> {
        let program = installed("CAIGUNN_TEST_NGINX", "/usr/sbin/nginx");
        let http = http.to_owned();
        async move { Some(Self::start_program(&program?, &http).await) }
    }

    async fn start_program(program: &str, http: &str) -> Self {
        let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
        // Started by root, its workers are another user, who must get to the files for large bodies.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("the folder is ours");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        configure(folder.path(), address, http);
        let child = Command::new("setpriv")
            .args([
                "--pdeathsig",
                "TERM",
                program,
                "-e",
                "error.log",
                "-c",
                "nginx.conf",
                "-p",
            ])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("setpriv starts");
        let mut nginx = Self {
            child,
            address,
            folder,
        };
        wait_for("nginx to listen", || {
            let ended = nginx.child.try_wait().expect("the child is ours");
            assert!(ended.is_none(), "nginx ended: {}", nginx.errors());
            async move {
                TcpStream::connect(address)
                    .await
                    .map_err(|error| error.to_string())
            }
        })
        .await;
        nginx
    }

    /// Gives it another `http` block, as for [`Nginx::start`], and waits until no new connection finds the old one.
    pub async fn reload(&self, http: &str) {
        let farewells = self.farewell_count();
        configure(self.folder.path(), self.address, http);
        processes::signal_child("HUP", &self.child);
        wait_for("nginx to take its new configuration", || {
            let is_done = self.farewell_count() > farewells;
            let errors = self.errors();
            async move { is_done.then_some(()).ok_or(errors) }
        })
        .await;
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it has logged about itself, down to notices.
    pub fn errors(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }

    /// How many workers have been replaced.
    fn farewell_count(&self) -> usize {
        self.errors().matches("gracefully shutting down").count()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked to, it ends its workers as well.
        processes::signal("TERM", &[self.child.id()]);
        let _ = self.child.wait();
    }
}

fn configure(folder: &Path, address: SocketAddr, http: &str) {
    let http = http.replace("{address}", &address.to_string());
    let configuration = format!(
        "daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log notice;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path client_body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    scgi_temp_path scgi;
    uwsgi_temp_path uwsgi;
{http}
}}
"
    );
    fs::write(folder.join("nginx.conf"), configuration).expect("the folder takes files");
}
