//! What the way out says in the log.
//!
//! A delivery that went well is no news (`debug`). A failed attempt is a warning while it will be made again, and an
//! error when it was the last: a person is needed then. That a destination is down is said once, not with each probe.

use std::time::Duration;

use super::{Filter, Kind};
use crate::clock::{Timestamp, milliseconds};
use crate::inbox::outbox::{Attempt, Destination, Outcome, Pause, State};
use crate::inbox::{self, ReceiptId};
use crate::words::counted;

/// An attempt has ended, and so the delivery is now. `is_probe`: the destination was known to be down.
pub fn attempt(destination: &str, receipt_id: ReceiptId, attempt: &Attempt, state: State, is_probe: bool) {
    let Attempt {
        number,
        outcome,
        status,
        detail,
        ..
    } = attempt;
    let duration_ms = milliseconds(attempt.duration);
    macro_rules! line {
        ($level:ident, $error_type:expr, $($message:tt)+) => {
            tracing::$level!(
                destination,
                %receipt_id,
                caigunn.attempt.number = number,
                caigunn.attempt.status = status,
                duration_ms,
                error.type = $error_type,
                $($message)+
            )
        };
    }
    let kind = outcome.as_str();
    match (outcome, state) {
        (Outcome::Delivered, _) => {
            line!(
                debug,
                Option::<&str>::None,
                "receipt {receipt_id} is delivered to {destination}"
            );
        }
        (_, State::Dead) => line!(
            error,
            kind,
            "receipt {receipt_id} is given up for {destination} after {}, and kept as a dead letter: {detail}",
            counted(*number, "attempt")
        ),
        (_, State::Cancelled) => line!(
            warn,
            kind,
            "receipt {receipt_id} was not delivered to {destination}, and is called off: {detail}"
        ),
        (_, State::Pending) if is_probe => {
            line!(
                debug,
                kind,
                "{destination} is still down, says the attempt with receipt {receipt_id}: {detail}"
            );
        }
        (_, State::Pending | State::Delivered | State::Removed) => line!(
            warn,
            kind,
            "receipt {receipt_id} was not delivered to {destination}, and will be sent again: {detail}"
        ),
    }
}

/// A destination is sent to from now on.
pub fn begins(destination: &str, kind: &Kind, filter: &Filter) {
    let (kind, place) = (kind.as_str(), kind.place());
    tracing::info!(destination, "delivering to {destination} ({kind}, {place})");
    for pattern in filter.unheard_of() {
        tracing::warn!(
            destination,
            error.type = "no_such_event",
            "{}", Filter::gets_nothing_by(destination, pattern)
        );
    }
}

/// A destination fails throughout.
pub fn went_down(destination: &str, detail: &str) {
    tracing::warn!(
        destination,
        error.type = "destination_down",
        "{destination} fails throughout; until it is back it gets single attempts, and what is for it waits: {detail}"
    );
}

/// A destination that failed throughout has taken something.
pub fn came_back(destination: &str, after: Duration) {
    let seconds = after.as_secs();
    tracing::info!(
        destination,
        "{destination} is back after {seconds} s; what is new, and what failed meanwhile, is sent now"
    );
}

/// A destination asked to be left alone.
pub fn is_left_alone(destination: &str, until: Timestamp) {
    tracing::warn!(
        destination,
        error.type = "destination_quiet",
        "{destination} asked to be left alone (Retry-After): nothing is sent to it until {until}, or until \
         `caigunn-webhook destinations resume {destination}`"
    );
}

/// A destination has answered that it is gone.
pub fn paused_by_itself(destination: &str) {
    tracing::error!(
        destination,
        error.type = "destination_gone",
        "{destination} answered 410, gone: nothing is sent to it until `caigunn-webhook destinations resume {destination}`; \
         what is for it is kept"
    );
}

/// A destination was paused before this receiver began to lead.
pub fn is_paused(destination: &str, pause: &Pause) {
    let Pause { at, reason } = pause;
    tracing::warn!(
        destination,
        error.type = "destination_paused",
        "nothing is sent to {destination}, which is paused since {at}: {reason}; what is for it is kept until \
         `caigunn-webhook destinations resume {destination}`"
    );
}

/// So many deliveries that were tried, or wait behind such a one in their job, are sent though the filter leaves them out: it
/// was changed.
pub fn sends_still(destination: &str, count: u64) {
    tracing::warn!(
        destination,
        error.type = "filter_changed",
        "the events or chatbots of {destination} were changed: {count} deliveries that they leave out now were tried, or wait \
         behind one that was, and are sent still; what they leave out and was not tried is not sent, also where they are changed \
         back, until `caigunn-webhook receipts replay --destination {destination} --since …`"
    );
}

/// So many receipts that were there when the work began are not for a destination.
pub fn leaves_out(destination: &str, count: u64) {
    if count > 0 {
        tracing::info!(
            destination,
            "{count} receipts that came before this start are not sent to {destination}, whose events and chatbots leave them \
             out; where these were changed, what is missed is sent once they let it through again and with \
             `caigunn-webhook receipts replay --destination {destination} --since …`"
        );
    }
}

/// The leader has a destination no more, and keeps its place for so long.
pub fn is_unconfigured(destination: &str, left: Duration) {
    let hours = left.as_secs_f64() / 3600.0;
    tracing::warn!(
        destination,
        error.type = "destination_unconfigured",
        "{destination} is configured no more where the receiver leads that delivers: what is for it is kept for {hours:.0} h, and \
         nothing is sent; after that, or with `caigunn-webhook destinations remove {destination}`, it is removed with all that \
         waits for it"
    );
}

/// A destination that is configured no more was removed, with so many pending deliveries that had a row.
pub fn removed(destination: &Destination, count: u64) {
    let Destination { name, cursor, .. } = destination;
    tracing::warn!(
        destination = name,
        error.type = "destination_removed",
        "{name} is configured no more and was removed: {count} deliveries that waited to be sent again are closed, and receipts \
         after number {cursor} are not sent to it"
    );
}

/// The receipt of a pending delivery is older than receipts are kept.
pub fn expired(destination: &str, sequence: u64) {
    tracing::warn!(
        destination,
        error.type = "delivery_expired",
        "receipt number {sequence} expired before it was delivered to {destination}"
    );
}

/// The receipts of so many pending deliveries, all before that number, are older than receipts are kept.
pub fn expired_before(destination: &str, count: usize, first: u64) {
    if count > 0 {
        tracing::warn!(
            destination,
            error.type = "delivery_expired",
            "receipts before number {first} have expired, {count} of them not delivered to {destination}"
        );
    }
}

/// The store cannot be read or written.
pub fn store_fails(destination: &str, error: &inbox::Error) {
    tracing::warn!(
        destination,
        error.type = "inbox_unavailable",
        "nothing new is sent to {destination} while the inbox fails: {error}"
    );
}

/// It works again.
pub fn store_works(destination: &str) {
    tracing::info!(destination, "the inbox works again, and {destination} is sent to");
}

/// The grace time has ended.
pub fn cut_off(destination: &str, attempt_count: usize) {
    if attempt_count > 0 {
        tracing::warn!(
            destination,
            error.type = "attempts_cut_off",
            "attempts to {destination} that did not end in time for the stop, and will be made again: {attempt_count}"
        );
    }
}
