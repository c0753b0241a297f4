//! A destination that is a program: each notification is one run, with the notification on its standard input and the
//! ids in its environment.
//!
//! Exit code 0 is what says that it has the notification. A program gets its own process group: over the time limit, or when
//! the receiver stops before its end, the whole group is killed, with what has left it and still descends from it. What works
//! on after its end is let be.
//!
//! Left out on purpose: a shell, in which an id or a name could become a command.

mod children;
pub(super) mod find;
mod processes;
mod run;
#[cfg(test)]
mod tests;

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::{DestinationSettings, Format, Parcel, Report, Sender, Wish};
use crate::inbox::outbox::Outcome;
pub use children::collect_orphans;
use run::Run;

/// What the names of this program's own variables begin with. Some hold secrets, so none is passed on.
const OWN_PREFIX: &str = "CAIGUNN_";

/// By what a program knows its place in a trace, as OpenTelemetry names the two headers in an environment.
const OWN_NAMES: [&str; 2] = ["TRACEPARENT", "TRACESTATE"];

/// Of how many programs at once that have ended the output goes on to be read, and the input to be written, where something
/// that they left behind still has them. Of one more the pipes are closed: what writes there is told so by the system
/// (`SIGPIPE`), and what reads finds the end.
const MAX_LEFT_BEHIND: usize = 64;

/// What is to be known of a destination that is a program.
#[derive(Clone)]
pub struct Settings {
    /// The program: a path, or a name that is looked for in `PATH`.
    pub program: String,
    /// What it is given. May hold a secret.
    pub arguments: Vec<String>,
}

/// Without the arguments.
impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

/// Runs a program.
pub struct CommandSender {
    /// The name of the destination.
    destination: String,
    settings: Settings,
    format: Format,
    timeout: Duration,
    left_behind: Arc<Semaphore>,
}

impl CommandSender {
    /// Makes one; nothing is run yet.
    pub fn new(destination: &DestinationSettings, settings: &Settings) -> Self {
        Self {
            destination: destination.name.clone(),
            settings: settings.clone(),
            format: destination.format,
            timeout: destination.timeout,
            left_behind: Arc::new(Semaphore::new(MAX_LEFT_BEHIND)),
        }
    }

    async fn attempt(&self, parcel: Parcel) -> Report {
        let deadline = Instant::now() + self.timeout;
        let body = match self.format.body(&parcel).await {
            Ok(body) => body,
            Err(report) => return report,
        };
        let mut run = match Run::start(self.command(&parcel), body) {
            Ok(run) => run,
            Err(error) => {
                let program = &self.settings.program;
                let why = find::explain(program, &error);
                return Report::new(Outcome::Ours, format!("cannot start {program}: {why}"));
            }
        };
        let (ended, answer) = match timeout_at(deadline, run.exit()).await {
            Ok(ended) => {
                let output = run.rest(&self.left_behind).await;
                (Some(ended), output)
            }
            Err(_) => (None, run.kill().await),
        };
        let (outcome, status, detail) = match ended {
            Some(Ok(status)) => match (status.code(), status.signal()) {
                (Some(0), _) => (Outcome::Delivered, Some(0), "exit code 0".to_owned()),
                (Some(code), _) => (Outcome::Failed, Some(code), format!("exit code {code}")),
                (None, signal) => {
                    let signal = signal.unwrap_or_default();
                    (Outcome::Failed, None, format!("ended by signal {signal}"))
                }
            },
            Some(Err(error)) => (Outcome::Ours, None, format!("cannot tell how it ended: {error}")),
            None => {
                let seconds = self.timeout.as_secs_f64();
                let detail = format!("not done within {seconds} s, and killed");
                (Outcome::Timeout, None, detail)
            }
        };
        Report {
            outcome,
            status,
            detail,
            answer,
            wish: Wish::None,
        }
    }

    fn command(&self, parcel: &Parcel) -> Command {
        let receipt = &parcel.receipt;
        let mut command = Command::new(&self.settings.program);
        command.args(&self.settings.arguments);
        for (name, _) in std::env::vars_os() {
            let is_own = name.as_encoded_bytes().starts_with(OWN_PREFIX.as_bytes());
            if is_own || OWN_NAMES.iter().any(|own| name == *own) {
                command.env_remove(name);
            }
        }
        command
            .env("CAIGUNN_DESTINATION", &self.destination)
            .env("CAIGUNN_RECEIPT_ID", receipt.id.to_string())
            .env("CAIGUNN_RECEIVED_AT", receipt.received_at.to_string())
            .env("CAIGUNN_EVENT", receipt.event.to_string())
            .env("CAIGUNN_ATTEMPT", parcel.attempt.to_string());
        if receipt.is_sample() {
            command.env("CAIGUNN_SAMPLE", "true");
        }
        if let Some(trace) = &receipt.trace {
            let values = trace.headers().map(|(_, value)| value);
            command.envs(OWN_NAMES.into_iter().zip(values));
        }
        if let Some(event_id) = receipt.event_id {
            command.env("CAIGUNN_EVENT_ID", event_id.to_string());
        }
        if let Some(chatbot_id) = receipt.chatbot_id {
            command.env("CAIGUNN_CHATBOT_ID", chatbot_id.to_string());
        }
        command
    }
}

impl Sender for CommandSender {
    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Report> {
        Box::pin(self.attempt(parcel))
    }
}
