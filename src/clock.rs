//! The one place that reads the wall clock.
//!
//! Times are UTC with microsecond precision, because that is what the inbox stores: a time read here equals the
//! same time read back from disk.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment in UTC, in whole microseconds since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The current time, cut to microseconds.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one reader of the wall clock"
    )]
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond())
    }

    /// The moment `micros` microseconds after 1970-01-01 UTC.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01 UTC.
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// This moment less `duration`, or the earliest representable one.
    pub fn minus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// This moment plus `duration`, or the latest representable one.
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// Its day in UTC, e.g. `2024-07-30`.
    pub fn date(self) -> String {
        let mut text = self.to_string();
        text.truncate(text.find('T').unwrap_or(text.len()));
        text
    }

    /// How long this moment is after `earlier`; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// How far this moment is from `other`, whichever came first.
    pub fn distance(self, other: Self) -> Duration {
        Duration::from_micros(self.0.abs_diff(other.0))
    }
}

/// RFC 3339 in UTC with six decimals, e.g. `2024-07-30T09:15:00.000123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(timestamp) => write!(formatter, "{timestamp:.6}"),
            // Only a value that no clock gives is out of range; the number says more than a clamped date would.
            Err(_) => write!(formatter, "{}us", self.0),
        }
    }
}

/// RFC 3339 with an offset, e.g. `2024-07-30T09:15:00Z`; what is finer than a microsecond is cut off.
impl FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>()
            .map(|timestamp| Self(timestamp.as_microsecond()))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            de::Error::custom(format!(
                "expected a time such as 2024-07-30T09:15:00Z, found {text:?}"
            ))
        })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_rfc_3339_with_microseconds() {
        assert_eq!(
            Timestamp::from_micros(1_722_330_900_000_123).to_string(),
            "2024-07-30T09:15:00.000123Z"
        );
        assert_eq!(Timestamp::from_micros(1_722_330_900_000_123).date(), "2024-07-30");
    }

    #[test]
    fn reads_what_it_prints_and_other_offsets() {
        let moment = Timestamp::from_micros(1_722_330_900_000_123);

        assert_eq!(moment.to_string().parse().ok(), Some(moment));
        assert_eq!("2024-07-30T11:15:00.000123999+02:00".parse().ok(), Some(moment));
        assert!("2024-07-30T11:15:00".parse::<Timestamp>().is_err(), "no offset");
    }

    #[test]
    fn what_is_not_later_is_not_since() {
        let (earlier, later) = (Timestamp::from_micros(1), Timestamp::from_micros(3));

        assert_eq!(later.since(earlier), Duration::from_micros(2));
        assert_eq!(earlier.since(later), Duration::ZERO);
        assert_eq!(Timestamp::from_micros(i64::MIN).since(later), Duration::ZERO);
    }

    #[test]
    fn distance_has_no_direction() {
        let (earlier, later) = (Timestamp::from_micros(1), Timestamp::from_micros(3));

        assert_eq!(earlier.distance(later), Duration::from_micros(2));
        assert_eq!(later.distance(earlier), Duration::from_micros(2));
    }
}
