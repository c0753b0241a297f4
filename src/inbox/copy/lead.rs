//! Leads on the second inbox while it is filled. A receiver that leads there delivers what is behind its cursors, which are
//! not copied yet: it would send all of it again.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};
use uuid::Uuid;

use super::super::postgres::PostgresInbox;
use super::super::{Candidate, Error, Inbox, LEASE, Leadership};
use super::CopyError;
use crate::instance;

/// How long to wait before it is asked again who leads.
const RETRY: Duration = Duration::from_millis(500);

/// The lease of the second inbox, which is to be given back.
pub struct Lead<'a> {
    to: &'a PostgresInbox,
    candidate: Candidate,
}

impl<'a> Lead<'a> {
    /// Takes it, if nobody has it. A lease that is not renewed is waited for: it is of a copy that was cut off, or of a
    /// receiver that was killed.
    ///
    /// # Errors
    /// [`CopyError::Led`] where another one leads.
    pub async fn take(to: &'a PostgresInbox) -> Result<Self, CopyError> {
        let lead = Self {
            to,
            candidate: Candidate {
                id: Uuid::new_v4(),
                name: format!("inbox copy on {}", instance::name()),
            },
        };
        let patience_ends = Instant::now() + LEASE + RETRY;
        loop {
            match lead.ask().await {
                Err(CopyError::Led { .. }) if Instant::now() < patience_ends => sleep(RETRY).await,
                answer => return answer.map(|()| lead),
            }
        }
    }

    /// Renews it for ever.
    ///
    /// # Errors
    /// It is lost: somebody else may lead.
    pub async fn keep(&self) -> CopyError {
        let mut until = Instant::now() + LEASE;
        loop {
            sleep(LEASE / 3).await;
            let asked_at = Instant::now();
            match timeout_at(until, self.ask()).await {
                Ok(Ok(())) => until = asked_at + LEASE,
                Ok(Err(CopyError::To(_))) => {}
                Ok(Err(lost)) => return lost,
                Err(_) => {
                    return CopyError::To(Error::unavailable(format!(
                        "it did not say for {} s that nobody else leads there; run this again",
                        LEASE.as_secs()
                    )));
                }
            }
        }
    }

    /// Gives it back, so that a receiver may lead at once. Where that cannot be done, it ends by itself.
    pub async fn give_back(self) {
        let _ = timeout(LEASE, self.to.resign(&self.candidate)).await;
    }

    async fn ask(&self) -> Result<(), CopyError> {
        match self.to.lead(&self.candidate).await.map_err(CopyError::To)? {
            Leadership::Leader => Ok(()),
            Leadership::Follower { leader, .. } => Err(CopyError::Led { leader }),
            Leadership::Interrupted => Err(CopyError::NotACopy(
                "a standby of the second inbox has taken over, and may lack what was copied; run this again"
                    .to_owned(),
            )),
        }
    }
}
