//! A real Caddy, in the foreground, with nothing of the system's configuration.

use std::fs::{self, File};
use std::future::Future;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::{free_port, installed, wait_for};

/// A running Caddy. It ends when the test drops it.
pub struct Caddy {
    child: Child,
    pub address: SocketAddr,
    folder: TempDir,
}

impl Caddy {
    /// Starts one with these lines among its global options, and these in the block of the one site that it has. None
    /// if there is no Caddy; the variable `CAIGUNN_TEST_CADDY` may name another program.
    #[track_caller]
    pub fn start(options: &str, site: &str) -> impl Future<Output = Option<Self>> {
        let program = installed("CAIGUNN_TEST_CADDY", "/usr/bin/caddy");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        // By its port alone a site is found whatever host a request names.
        let configuration = format!(
            "{{\n    admin off\n    auto_https off\n{options}\n}}\nhttp://:{} {{\n    bind {}\n{site}\n}}\n",
            address.port(),
            address.ip()
        );
        async move { Some(Self::start_program(&program?, address, &configuration, &[]).await) }
    }

    /// Starts one with a whole Caddyfile that takes the address of its site from the variable `HOOKS_HOST`, and with
    /// these variables besides.
    #[track_caller]
    pub fn start_shipped(
        configuration: &str,
        variables: &[(&str, &str)],
    ) -> impl Future<Output = Option<Self>> {
        let program = installed("CAIGUNN_TEST_CADDY", "/usr/bin/caddy");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let host = format!("http://{address}");
        async move {
            let variables: Vec<_> = variables
                .iter()
                .copied()
                .chain([("HOOKS_HOST", &*host)])
                .collect();
            Some(Self::start_program(&program?, address, configuration, &variables).await)
        }
    }

    async fn start_program(
        program: &str,
        address: SocketAddr,
        configuration: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
        fs::write(folder.path().join("Caddyfile"), configuration).expect("the folder takes files");
        let log = File::create(folder.path().join("log.json")).expect("the folder takes files");
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", program, "run", "--config", "Caddyfile"])
            .current_dir(folder.path())
            // Where it keeps what it was configured with, and certificates.
            .env("HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("setpriv starts");
        let mut caddy = Self {
            child,
            address,
            folder,
        };
        wait_for("Caddy to listen", || {
            let ended = caddy.child.try_wait().expect("the child is ours");
            assert!(ended.is_none(), "Caddy ended: {}", caddy.log());
            async move {
                TcpStream::connect(address)
                    .await
                    .map_err(|error| error.to_string())
            }
        })
        .await;
        caddy
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it has logged, about itself and about requests.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log.json")).unwrap_or_default()
    }
}

impl Drop for Caddy {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
