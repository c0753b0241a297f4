//! A queue's server, in the foreground, which can be killed, frozen and started again where it was.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::harness::{free_port, processes, wait_for};

/// A running server. It is killed when the test drops it.
pub struct Server {
    program: String,
    arguments: Vec<String>,
    pub address: SocketAddr,
    folder: TempDir,
    child: Option<Child>,
}

impl Server {
    /// Starts a program with what `arguments` makes of where it is to listen and of a folder of its own, and waits until
    /// it takes connections.
    pub async fn start(program: &str, arguments: impl FnOnce(SocketAddr, &Path) -> Vec<String>) -> Self {
        let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut server = Self {
            program: program.to_owned(),
            arguments: arguments(address, folder.path()),
            address,
            folder,
            child: None,
        };
        server.restart().await;
        server
    }

    /// Starts it again, with what it kept.
    pub async fn restart(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let log = File::options().create(true).append(true).open(self.log_path());
        let log = log.expect("the folder takes files");
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", &self.program])
            .args(&self.arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file has more than one handle"))
            .stderr(log)
            .spawn()
            .expect("setpriv starts");
        self.child = Some(child);
        wait_for("the queue's server to listen", || {
            let ended = self
                .child
                .as_mut()
                .map(|child| child.try_wait().expect("the child is ours"));
            assert_eq!(ended, Some(None), "it ended: {}", self.log());
            let address = self.address;
            async move {
                let connected = TcpStream::connect(address).await;
                connected.map_err(|error| error.to_string())
            }
        })
        .await;
    }

    /// Kills it as the kernel does where memory is short, and waits until it is gone.
    pub fn kill_9(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("the child is ours");
        child.wait().expect("the child is ours");
    }

    /// Has it do nothing, not even answer.
    pub fn freeze(&self) {
        processes::freeze(&[self.id()]);
    }

    /// Has it go on.
    pub fn thaw(&self) {
        processes::thaw(&[self.id()]);
    }

    /// Sends it that signal.
    pub fn signal(&self, name: &str) {
        processes::signal(name, &[self.id()]);
    }

    fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill_9();
        }
    }
}
