//! A receiver with all that is around it in production: CaiGunn, a tunnel to the public URL, a folder with the inbox,
//! and somebody at a terminal beside it.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::process::{Ended, run};
use super::tunnel::Tunnel;
use super::{Process, Provider, closed_folder, wait_for};

/// In the URL that is registered.
pub const TOKEN: &str = "planted-token-of-the-registered-url";
pub const ADMIN_TOKEN: &str = "planted-admin-token";

/// None of it may ever be printed: the two above, and what the fake of CaiGunn knows.
const SECRETS: [&str; 5] = [TOKEN, ADMIN_TOKEN, "access-token", "key-one", "key-two"];

pub struct Site {
    folder: TempDir,
    pub provider: Provider,
    pub tunnel: Tunnel,
    /// The receiver, while one runs.
    pub receiver: Option<Process>,
}

impl Site {
    /// One where nothing was ever started. CaiGunn has one chatbot, `First`.
    pub async fn new() -> Self {
        Self {
            folder: closed_folder(),
            provider: Provider::start([]).await,
            tunnel: Tunnel::start().await,
            receiver: None,
        }
    }

    /// One with a receiver that is registered for `First`.
    pub async fn running() -> Self {
        Self::running_with(&[]).await
    }

    /// As [`Site::running`], with these settings besides.
    pub async fn running_with(variables: &[(&str, &str)]) -> Self {
        let mut site = Self::new().await;
        site.start(variables).await;
        let id = site.provider.chatbot_id("key-one");
        wait_for("the receiver to be registered", || async {
            site.provider.webhook_url(id).ok_or_else(|| "nothing".to_owned())
        })
        .await;
        site
    }

    /// Starts the receiver, and leads the tunnel to it.
    pub async fn start(&mut self, variables: &[(&str, &str)]) {
        let mut command = Process::command(self.folder.path());
        self.configure(&mut command);
        command.envs(variables.iter().copied());
        self.tunnel.hold();
        let receiver = Process::spawn(self.folder.path(), command).await;
        self.tunnel.lead_to(receiver.public);
        self.receiver = Some(receiver);
    }

    /// Stops the receiver in order; its inbox stays.
    pub async fn stop(&mut self) {
        let mut receiver = self.receiver.take().expect("a receiver runs");
        receiver.signal("TERM");
        assert_eq!(receiver.wait().await.code(), Some(0));
        self.tunnel.lead_nowhere();
    }

    /// The receiver's settings, and where it listens if it runs, as whoever runs a command beside it has them.
    pub fn configure(&self, command: &mut Command) {
        command
            .env("CAIGUNN_API_URL", self.provider.url())
            .env("CAIGUNN_API_KEY", "key-one")
            .env("CAIGUNN_ACCESS_TOKEN", "access-token")
            .env("CAIGUNN_PUBLIC_URL", self.tunnel.url())
            .env("CAIGUNN_WEBHOOK_TOKEN", TOKEN)
            .env("CAIGUNN_ADMIN_TOKEN", ADMIN_TOKEN);
        if let Some(receiver) = &self.receiver {
            command
                .env("CAIGUNN_LISTEN", receiver.public.to_string())
                .env("CAIGUNN_ADMIN_LISTEN", receiver.admin.to_string());
        }
    }

    /// Runs a command with the receiver's settings but for these. Whatever it prints, it tells no secret.
    pub async fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        self.run_under(&[], arguments, variables).await
    }

    /// As [`Site::run`], behind other commands, which run in the folder of the inbox.
    pub async fn run_under(&self, wrapper: &[&str], arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = Process::command_under(wrapper, self.folder.path());
        self.configure(&mut command);
        command.envs(variables.iter().copied()).args(arguments);
        let ended = run(command).await;
        for secret in SECRETS {
            assert!(!ended.output.contains(secret), "{secret} in {}", ended.output);
            assert!(!ended.errors.contains(secret), "{secret} in {}", ended.errors);
        }
        ended
    }

    /// A file in the folder of the inbox.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn inbox(&self) -> PathBuf {
        self.path("inbox.db")
    }
}
