//! The server's clock, by which all times in the tables are reckoned, and ours.
//!
//! Less than a second between them is the way there and back, as in `append.sql`: such clocks are taken for the same.

use tokio_postgres::Error;

use super::Client;
use crate::clock::Timestamp;

/// How far our clock is ahead of the server's, at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Ahead {
    micros: i64,
}

impl Ahead {
    /// Of ours as it is now, where the server's says `now`.
    pub fn of(now: Timestamp) -> Self {
        let micros = Timestamp::now().as_micros().saturating_sub(now.as_micros());
        Self {
            micros: if micros.unsigned_abs() < 1_000_000 {
                0
            } else {
                micros
            },
        }
    }

    /// Asks the server.
    pub async fn read(client: &Client) -> Result<Self, Error> {
        let now = client.prepare_cached("SELECT clock_timestamp()").await?;
        let now = client.query_one(&now, &[]).await?;
        Ok(Self::of(now.try_get(0)?))
    }

    /// Whether both are taken for the same.
    pub fn is_none(self) -> bool {
        self.micros == 0
    }

    /// A time of ours by the server's clock.
    pub fn to_servers(self, ours: Timestamp) -> Timestamp {
        Timestamp::from_micros(ours.as_micros().saturating_sub(self.micros))
    }

    /// A time of the server's by our clock.
    pub fn to_ours(self, servers: Timestamp) -> Timestamp {
        Timestamp::from_micros(servers.as_micros().saturating_add(self.micros))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_moved_by_what_is_between_the_clocks() {
        let (now, hour) = (Timestamp::now(), Duration::from_secs(3_600));
        let ahead = Ahead::of(now.minus(hour));

        let moved = ahead.to_servers(now);
        assert!(
            moved.distance(now.minus(hour)) < Duration::from_secs(60),
            "{moved}"
        );
        assert_eq!(ahead.to_ours(moved), now);
        // The way there and back.
        assert_eq!(Ahead::of(Timestamp::now()).to_servers(now), now);
    }
}
