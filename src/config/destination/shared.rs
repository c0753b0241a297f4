//! Queues that are those of several destinations.

use crate::config::reader::Reader;
use crate::delivery::{DestinationSettings, Kind};

/// Warns of each two destinations that are one queue, where the same notification may be for both.
pub fn warn_of_shared(reader: &mut Reader, destinations: &[DestinationSettings]) {
    for (index, other) in destinations.iter().enumerate() {
        for one in &destinations[..index] {
            let Some(found) = queue(&one.kind) else {
                continue;
            };
            if queue(&other.kind).as_ref() == Some(&found) && one.filter.overlaps(&other.filter) {
                warn(reader, one, other, &found);
            }
        }
    }
}

fn warn(reader: &mut Reader, one: &DestinationSettings, other: &DestinationSettings, queue: &str) {
    let both = format!(
        "destinations {} and {} are one queue, {queue}",
        one.name, other.name
    );
    match &one.kind {
        Kind::Sqs(settings) if settings.is_fifo() => reader.warn(
            format!("{both}: of what is for both it keeps what comes first, and drops the other as a repeat"),
            "give one of them a queue of its own, or `events` that the other has not",
        ),
        _ => reader.warn(
            format!("{both}: what is for both comes there twice with the same webhook-id, by which consumers drop one of the two"),
            "give one of them a queue of its own, or `events` that the other has not, unless that is what is wanted",
        ),
    }
}

/// Which queue that is, if it is one.
fn queue(kind: &Kind) -> Option<String> {
    match kind {
        Kind::Http(_) | Kind::Command(_) => None,
        Kind::Redis(settings) => Some(format!("{} in database {}", kind.place(), settings.database())),
        Kind::Nats(_) | Kind::Sqs(_) | Kind::Kafka(_) => Some(kind.place()),
    }
}
