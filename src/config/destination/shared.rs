//! Queues that are those of several destinations.

use url::Url;

use crate::config::reader::Reader;
use crate::delivery::{DestinationSettings, Kind, nats, redis};

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
    let user = |of: &DestinationSettings| of.kind.login().and_then(|login| login.user.clone());
    let unless = match &one.kind {
        Kind::Nats(_) if user(one) != user(other) => " (unless their users are of two accounts)",
        _ => "",
    };
    let both = format!(
        "destinations {} and {} are one queue, {queue}{unless}",
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
        Kind::Redis(settings) => {
            let place = place(&settings.url, redis::DEFAULT_PORT);
            Some(format!(
                "{place} {} in database {}",
                settings.stream,
                settings.database()
            ))
        }
        Kind::Nats(settings) => Some(format!(
            "{} {}",
            place(&settings.url, nats::DEFAULT_PORT),
            settings.subject
        )),
        Kind::Kafka(settings) => {
            let brokers = settings.brokers.split(',').map(|broker| {
                let (host, port) = broker.rsplit_once(':').unwrap_or((broker, ""));
                format!("{}:{port}", plain(host).to_ascii_lowercase())
            });
            let mut brokers: Vec<_> = brokers.collect();
            brokers.sort_unstable();
            Some(format!("{} {}", brokers.join(","), settings.topic))
        }
        Kind::Sqs(_) => Some(kind.place()),
    }
}

/// The host and port of a URL.
fn place(url: &Url, default_port: u16) -> String {
    let host = plain(url.host_str().unwrap_or_default());
    format!("{host}:{}", url.port().unwrap_or(default_port))
}

/// A host without the dot that may end a name.
fn plain(host: &str) -> &str {
    host.trim_end_matches('.')
}
