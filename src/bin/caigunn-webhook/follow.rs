//! Follows what the running receiver receives, also while it does not run for a time.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Context;
use caigunn_webhook::shutdown::StopSignals;
use serde_json::Value;
use tokio::time::sleep;

use crate::admin::{AdminApi, Refused, path_with};
use crate::output;
use crate::which::Of;

/// How often the receiver is asked.
pub const INTERVAL: Duration = Duration::from_millis(500);

/// How many receipts are looked at in one answer.
const LIMIT: usize = 500;

/// What came of some work; `None` if Ctrl-C ended it.
pub async fn until_stopped<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<Option<T>> {
    let mut signals = StopSignals::listen().context("listening for Ctrl-C")?;
    tokio::select! {
        done = work => done.map(Some),
        _ = signals.next() => Ok(None),
    }
}

/// Asks the receiver as long as it takes, once it has answered.
pub struct Patient<'a> {
    admin: &'a AdminApi,
    is_away: bool,
}

impl<'a> Patient<'a> {
    pub fn new(admin: &'a AdminApi) -> Self {
        Self {
            admin,
            is_away: false,
        }
    }

    /// Asks for a path below `/api/v1` until there is an answer. Says once that there is none, and once that there is one
    /// again.
    ///
    /// # Errors
    /// What the receiver will not answer however often it is asked.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        let place = self.admin.place();
        loop {
            let reason = match self.admin.get(path).await {
                Ok(Some(answer)) => {
                    if std::mem::take(&mut self.is_away) {
                        output::say(format_args!("the receiver at {place} answers again"));
                    }
                    return Ok(answer);
                }
                Ok(None) => "nothing listens there".to_owned(),
                Err(error) => match error.downcast_ref::<Refused>() {
                    Some(refused) if refused.status < 500 => return Err(error),
                    Some(refused) => refused.detail.clone(),
                    None => format!("{error:#}"),
                },
            };
            if !std::mem::replace(&mut self.is_away, true) {
                output::say(format_args!(
                    "the receiver at {place} does not answer: {reason}; waiting for it"
                ));
            }
            sleep(INTERVAL).await;
        }
    }
}

/// The receipts to come.
pub struct Follow<'a> {
    receiver: Patient<'a>,
    which: &'a Of,
    after: Value,
    ready: VecDeque<Value>,
}

impl<'a> Follow<'a> {
    /// Those after the newest one there is.
    ///
    /// # Errors
    /// None runs, or will not answer.
    pub async fn begin(admin: &'a AdminApi, which: &'a Of) -> anyhow::Result<Self> {
        let answer = admin.get_from_running("/receipts?after=newest").await?;
        Ok(Self {
            receiver: Patient::new(admin),
            which,
            after: answer["next_after"].clone(),
            ready: VecDeque::new(),
        })
    }

    /// The next one, when it is there.
    ///
    /// # Errors
    /// What the receiver will not answer however often it is asked, or nobody reads what is printed any more.
    pub async fn next(&mut self) -> anyhow::Result<Value> {
        tokio::select! {
            biased;
            gone = output::until_unread() => Err(gone.into()),
            next = self.look() => next,
        }
    }

    async fn look(&mut self) -> anyhow::Result<Value> {
        loop {
            if let Some(receipt) = self.ready.pop_front() {
                return Ok(receipt);
            }
            let mut query = self.which.query();
            query.extend([
                ("after", Some(self.after.to_string())),
                ("limit", Some(LIMIT.to_string())),
            ]);
            let path = path_with("/receipts", query);
            let mut answer = self.receiver.get(&path).await?;
            if answer["newest_sequence"].as_u64() < self.after.as_u64() {
                output::say("the receiver has another inbox now: what it has already is left out");
                self.after = answer["newest_sequence"].take();
                continue;
            }
            let has_moved = answer["next_after"] != self.after;
            self.after = answer["next_after"].take();
            match answer["receipts"].take() {
                Value::Array(receipts) if !receipts.is_empty() => self.ready.extend(receipts),
                // None of those it looked at is wanted; there may be more.
                _ if has_moved => {}
                _ => sleep(INTERVAL).await,
            }
        }
    }

    /// All of one of them, with its body.
    ///
    /// # Errors
    /// What the receiver will not answer however often it is asked.
    pub async fn whole(&mut self, receipt: &Value) -> anyhow::Result<Value> {
        let id = receipt["id"].as_str().unwrap_or_default();
        self.receiver.get(&format!("/receipts/{id}")).await
    }
}
