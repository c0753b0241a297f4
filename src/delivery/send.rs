//! One attempt: what is sent, and what is said of it afterwards.

#[cfg(test)]
pub(crate) mod sample;

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::login::Login;
use crate::accents::cut;
use crate::inbox::outbox::Outcome;
use crate::inbox::{Receipt, ReceiptId};

/// What is sent in one attempt.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// What was accepted.
    pub receipt: Receipt,
    /// Its body, as received.
    pub body: Bytes,
    /// The number of the attempt, from 1 on.
    pub attempt: u32,
    /// How often the delivery was made pending anew.
    pub replay_count: u32,
}

impl Parcel {
    /// What a queue is to know the message by. All attempts of a delivery have the same, so that the queue can keep one of
    /// them; a delivery that was made pending anew has another, since a queue drops what bears an id that it has had.
    pub fn message_id(&self) -> String {
        match self.replay_count {
            0 => self.receipt.id.to_string(),
            count => format!("{}.{count}", self.receipt.id),
        }
    }

    /// By what a queue is to keep the notifications of one job together: 1 to 101 visible characters of ASCII, since names
    /// of events have 64 bytes at most. Jobs that have no id and differ only in other characters share one.
    pub fn job(&self) -> String {
        let receipt = &self.receipt;
        if let Some(event_id) = receipt.event_id {
            return event_id.to_string();
        }
        let plain = |letter: char| if letter.is_ascii_graphic() { letter } else { '_' };
        let event: String = receipt.event.event.as_ref().chars().map(plain).collect();
        match receipt.chatbot_id {
            Some(chatbot_id) => format!("{chatbot_id}.{event}"),
            None => event,
        }
    }
}

/// How much is kept of what is to be said of an attempt, in characters.
pub const MAX_DETAIL_CHARS: usize = 1000;

/// The header by which a consumer tells a repeat, which has the same, from a replay.
pub const MESSAGE_ID: &str = "message-id";

/// What is to be said of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status or the exit code, if it came to that.
    pub status: Option<i32>,
    /// What happened, in words for an operator; nothing secret.
    pub detail: String,
    /// The beginning of what the destination answered or wrote, at most
    /// [`MAX_ANSWER_BYTES`](crate::inbox::outbox::MAX_ANSWER_BYTES).
    pub answer: Bytes,
    /// What the destination asks of whoever sends.
    pub wish: Wish,
}

impl Report {
    /// Of an attempt that ended so, without an answer that is kept, and with no wish.
    pub fn new(outcome: Outcome, detail: String) -> Self {
        Self {
            outcome,
            status: None,
            detail,
            answer: Bytes::new(),
            wish: Wish::None,
        }
    }

    /// Of a receipt that can never be sent, for what of it cannot be read: the destination has no part in that.
    pub fn unreadable(receipt_id: ReceiptId, damage: &str) -> Self {
        let detail = format!(
            "not sent: {damage}; take its body to where it should go (`caigunn-webhook receipts show {receipt_id}`), and see what \
             else is damaged (`caigunn-webhook inbox check`)"
        );
        Self::new(Outcome::Ours, detail).asking(Wish::NeverThis)
    }

    /// The same as it may be kept and shown: what there is of others in its words is cut, and without the password by which they
    /// know us.
    pub fn kept(self, login: Option<&Login>) -> Self {
        let detail = login.map_or(self.detail.clone(), |login| login.hide(&self.detail));
        let detail = match detail.strip_suffix(ASKS_FOR_PAUSE) {
            Some(said) => cut(said, MAX_DETAIL_CHARS) + ASKS_FOR_PAUSE,
            None => cut(&detail, MAX_DETAIL_CHARS),
        };
        Self { detail, ..self }
    }

    /// The same of a destination that asks for that.
    pub fn asking(self, wish: Wish) -> Self {
        Self { wish, ..self }
    }
}

/// The longest that a destination can ask to be left alone, however long it asks for. It is asked again after that, and gives
/// the same answer if that is still too early.
pub const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// How what is said of an attempt ends where the destination asked to be left alone.
pub const ASKS_FOR_PAUSE: &str = ", with Retry-After";

/// How the reason of a pause begins that the destination itself has asked for (410).
pub const PAUSED_ITSELF: &str = "it answered that it wants nothing more";

/// What a destination asks of whoever sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    None,
    /// Nothing that is known: the connection ended before an answer, which may be for what was sent.
    Unknown,
    /// To be sent less (429, 502 to 504, 520 to 530), and nothing for a time if it says so (`Retry-After`).
    Less {
        /// For how long.
        pause: Option<Duration>,
    },
    /// To be sent nothing more (410).
    Nothing,
    /// Not to be sent this one again: it can never be taken, whatever the schedule says.
    NeverThis,
    /// To be sent to again as soon as somebody is there who takes connections, or messages: nobody was, so it was not for what
    /// was sent.
    WhenBack,
}

impl Wish {
    /// How long what was tried is to wait at least.
    pub fn pause(self) -> Duration {
        match self {
            Self::Less { pause } => pause.unwrap_or_default().min(MAX_PAUSE),
            _ => Duration::ZERO,
        }
    }

    /// What is said of an attempt that ended so, with that at its end, if it asks for it, by which whoever leads next knows.
    pub fn added_to(self, detail: String) -> String {
        match self.pause() {
            Duration::ZERO => detail,
            _ => detail + ASKS_FOR_PAUSE,
        }
    }
}

/// Sends to one destination. Its time limit is its own affair.
pub trait Sender: Send + Sync + 'static {
    /// Makes one attempt. Never takes much longer than the destination's timeout.
    ///
    /// # Cancel safety
    /// Dropping the future ends the attempt; it may have been received.
    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Report>;

    /// After an attempt that found nobody there, or whose connection ended: waits until somebody is there again, as far as that
    /// can be found out without sending anything and for little; or for a while, where only an attempt can tell. False where it
    /// cannot, or where nobody is missing.
    fn is_back(&self) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHATBOT: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";

    #[test]
    fn a_queue_knows_a_job_by_its_id_or_by_the_chatbot_and_the_event() {
        let older = format!(r#"{{"event":"training","status":"initial","chatbot_id":"{CHATBOT}"}}"#);
        let job = |body: &str| sample::parcel(body).job();

        assert_eq!(
            job(&format!(
                r#"{{"event":"crawling","status":"initial","event_id":"{CHATBOT}","data":{{"chatbot_id":"{CHATBOT}"}}}}"#
            )),
            CHATBOT
        );
        assert_eq!(job(&older), format!("{CHATBOT}.training"));
        let odd = job(&older.replace("training", "\u{7db2} \u{7db2}!"));
        assert_eq!(odd, format!("{CHATBOT}.___!"));
    }

    #[test]
    fn of_what_is_said_as_much_is_kept_as_somebody_reads_and_that_a_pause_is_asked_for() {
        let kept = |detail: &str| Report::new(Outcome::Failed, detail.to_owned()).kept(None).detail;
        let long = "é".repeat(MAX_DETAIL_CHARS + 1);
        let cut = format!("{}…", "é".repeat(MAX_DETAIL_CHARS));

        assert_eq!(kept("it failed"), "it failed");
        assert_eq!(kept(&long), cut);
        assert_eq!(kept(&(long + ASKS_FOR_PAUSE)), cut + ASKS_FOR_PAUSE);
    }

    #[test]
    fn a_message_has_another_id_for_each_replay() {
        let mut parcel = sample::parcel(&format!(
            r#"{{"event":"crawling","status":"initial","event_id":"{CHATBOT}","data":{{"chatbot_id":"{CHATBOT}"}}}}"#
        ));
        let id = parcel.receipt.id.to_string();

        assert_eq!(parcel.message_id(), id);
        (parcel.attempt, parcel.replay_count) = (7, 2);
        assert_eq!(parcel.message_id(), format!("{id}.2"));
    }
}
