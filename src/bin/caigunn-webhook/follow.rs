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

/// How often a receipt is asked for that the receiver does not give though it gives others, one after the other.
const TRIES: usize = 10;

/// What the receiver is asked for, whatever it holds.
const NEWEST: &str = "/receipts?after=newest";

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
        loop {
            let asked = self.admin.get(path).await;
            if let Some(answer) = self.heard(asked)? {
                return Ok(answer);
            }
            sleep(INTERVAL).await;
        }
    }

    /// As [`Self::get`], of one thing that may be all that the receiver does not give, as where the inbox is damaged there: it is
    /// not waited for then. A receiver that starts, or whose inbox is busy or away, gives nothing else either.
    ///
    /// # Errors
    /// Also that it failed time and again with that one alone.
    async fn get_one(&mut self, path: &str) -> anyhow::Result<Value> {
        let mut failed_count = 0;
        loop {
            let asked = self.admin.get(path).await;
            if asked.as_ref().is_err_and(is_failure) && matches!(self.admin.get(NEWEST).await, Ok(Some(_))) {
                failed_count += 1;
                if let Err(error) = asked
                    && failed_count == TRIES
                {
                    return Err(error);
                }
            } else {
                failed_count = 0;
                if let Some(answer) = self.heard(asked)? {
                    return Ok(answer);
                }
            }
            sleep(INTERVAL).await;
        }
    }

    /// The answer, if there is one; what is news of that is said.
    fn heard(&mut self, asked: anyhow::Result<Option<Value>>) -> anyhow::Result<Option<Value>> {
        let place = self.admin.place();
        let reason = match asked {
            Ok(Some(answer)) => {
                if std::mem::take(&mut self.is_away) {
                    output::say(format_args!("the receiver at {place} answers again"));
                }
                return Ok(Some(answer));
            }
            Ok(None) => "nothing listens there".to_owned(),
            Err(error) => match error.downcast_ref::<Refused>() {
                Some(_) if !is_failure(&error) => return Err(error),
                Some(refused) => refused.detail.clone(),
                None => format!("{error:#}"),
            },
        };
        if !std::mem::replace(&mut self.is_away, true) {
            output::say(format_args!(
                "the receiver at {place} does not answer: {reason}; waiting for it"
            ));
        }
        Ok(None)
    }
}

/// Whether the receiver failed with what it was asked for.
pub fn is_failure(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<Refused>()
        .is_some_and(|refused| refused.status >= 500)
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
        which.warn();
        let answer = admin.get_from_running(NEWEST).await?;
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
    /// What the receiver will not answer however often it is asked, or fails with in this one alone.
    pub async fn whole(&mut self, receipt: &Value) -> anyhow::Result<Value> {
        let id = receipt["id"].as_str().unwrap_or_default();
        self.receiver.get_one(&format!("/receipts/{id}")).await
    }
}
