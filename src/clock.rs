//! The one place that reads the wall clock.
//!
//! Times are UTC with microsecond precision, because that is what the inbox stores: a time read here equals the
//! same time read back from disk.

mod typed;
mod watched;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use typed::{A_TIME, TYPED, is_without_zone, typed};
pub use watched::Watched;

/// Where the count of microseconds begins.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// A moment in UTC, in whole microseconds since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 0000-01-01T00:00:00Z, the first that RFC 3339 can say in UTC.
    pub const MIN: Self = Self(-62_167_219_200_000_000);

    /// 9999-12-31T23:59:59.999999Z, the last one.
    pub const MAX: Self = Self(253_402_300_799_999_999);

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

    /// This moment less `duration`, or [`Timestamp::MIN`] if that is before it.
    pub fn minus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros)).max(Self::MIN)
    }

    /// This moment plus `duration`, or [`Timestamp::MAX`] if that is after it.
    pub fn plus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros)).min(Self::MAX)
    }

    /// A time as others write it: as [`Timestamp::from_str`] takes it, or without an offset, which is UTC then, with a
    /// blank for the `T`, or as seconds since 1970.
    pub fn read_any(text: &str) -> Option<Self> {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        match text.parse::<f64>() {
            Ok(seconds) if is_number => Some(Self((seconds * 1e6) as i64)),
            _ => text.parse().or_else(|_| format!("{text}Z").parse()).ok(),
        }
    }

    /// This moment as it is called when the clock, which said `was`, says `is`.
    pub fn moved(self, was: Self, is: Self) -> Self {
        self.plus(is.since(was)).minus(was.since(is))
    }

    /// Its day in UTC, e.g. `2024-07-30`.
    pub fn date(self) -> String {
        let mut text = self.to_string();
        text.truncate(text.find('T').unwrap_or(text.len()));
        text
    }

    /// This moment to the second, in UTC, without what only people need: `20150830T123600Z`.
    pub fn compact(self) -> String {
        let text = self.to_string();
        let seconds = text.split('.').next().unwrap_or_default();
        format!("{}Z", seconds.replace(['-', ':'], ""))
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

/// A duration in the largest unit of which it has two, for people: `36 h`, `91 days`.
pub fn rounded(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A duration as it is logged and shown to programs: microseconds are as much as a clock shared with other work can tell.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}

/// How long something took, for people, in two units at most: `2 h 5 min`.
pub fn lasting(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// RFC 3339 in UTC with six decimals, e.g. `2024-07-30T09:15:00.000123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By the calendar: `jiff::Timestamp` ends a day before the year 9999 does, so that its times have a date in every
        // zone.
        match EPOCH.checked_add(SignedDuration::from_micros(self.0)) {
            Ok(moment) => write!(formatter, "{moment:.6}Z"),
            // Only a value that no clock gives is out of range; the number says more than a clamped date would.
            Err(_) => write!(formatter, "{}us", self.0),
        }
    }
}

/// RFC 3339 with an offset, e.g. `2024-07-30T09:15:00Z`, from [`Timestamp::MIN`] to [`Timestamp::MAX`]; what is finer than
/// a microsecond is cut off.
impl FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pieces = Pieces::parse(text)?;
        let (Some(time), Some(offset)) = (pieces.time(), pieces.to_numeric_offset()) else {
            return Err(jiff::Error::from_args(format_args!(
                "no time of day, or no offset"
            )));
        };
        let local = pieces.date().to_datetime(time).duration_since(EPOCH);
        let since_epoch = local - SignedDuration::from_secs(offset.seconds().into());
        let moment = i64::try_from(since_epoch.as_micros()).map(Self);
        moment
            .ok()
            .filter(|moment| (Self::MIN..=Self::MAX).contains(moment))
            .ok_or_else(|| jiff::Error::from_args(format_args!("not from the year 0000 to 9999 in UTC")))
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
    fn a_compact_time_has_neither_signs_nor_fractions() {
        let at: Timestamp = "2015-08-30T12:36:00.987654Z".parse().unwrap();

        assert_eq!(at.compact(), "20150830T123600Z");
    }

    #[test]
    fn a_time_of_others_is_read_with_and_without_zone_offset_and_fractions() {
        let expected = "2024-07-30T09:15:00.000000Z".parse().ok();
        for text in [
            "2024-07-30T09:15:00",
            "2024-07-30 09:15:00",
            "2024-07-30T09:15:00.000",
            "2024-07-30T09:15:00Z",
            "2024-07-30T11:15:00.0000009+02:00",
            "1722330900",
            "1722330900.0",
        ] {
            assert_eq!(Timestamp::read_any(text), expected, "{text}");
        }
        for text in ["", ".", "yesterday", "2024-07-30"] {
            assert_eq!(Timestamp::read_any(text), None, "{text}");
        }
    }

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
    fn reads_and_prints_every_year_of_four_digits() {
        for (text, printed) in [
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000Z"),
            ("0000-01-01T01:00:00+01:00", "0000-01-01T00:00:00.000000Z"),
            ("9999-12-30T22:00:01Z", "9999-12-30T22:00:01.000000Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
            ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999999Z"),
            ("9999-12-31T00:59:59-23:00", "9999-12-31T23:59:59.000000Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000000Z"),
        ] {
            let moment: Timestamp = text.parse().unwrap();

            assert_eq!(moment.to_string(), printed, "{text}");
            assert_eq!(printed.parse().ok(), Some(moment), "{text}");
        }
        let read = |text: &str| text.parse::<Timestamp>().ok();
        assert_eq!(read("0000-01-01T00:00:00Z"), Some(Timestamp::MIN));
        assert_eq!(read("9999-12-31T23:59:59.999999Z"), Some(Timestamp::MAX));
        for text in [
            "0000-01-01T00:00:00+00:01",
            "-000001-12-31T23:59:59Z",
            "9999-12-31T23:59:59-00:01",
            "10000-01-01T00:00:00Z",
            "+010000-01-01T00:00:00Z",
            "2024-07-30Z",
            "2024-07-30",
            "09:15:00Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_reckoned_stays_within_what_can_be_said() {
        let now: Timestamp = "2024-07-30T09:15:00Z".parse().unwrap();

        for duration in [Duration::from_secs(400_000_000_000), Duration::MAX] {
            assert_eq!(now.minus(duration), Timestamp::MIN);
            assert_eq!(now.plus(duration), Timestamp::MAX);
        }
        assert_eq!(Timestamp::MIN.minus(Duration::from_secs(1)), Timestamp::MIN);
        assert_eq!(Timestamp::MAX.plus(Duration::from_secs(1)), Timestamp::MAX);
    }

    #[test]
    fn what_is_not_later_is_not_since() {
        let (earlier, later) = (Timestamp::from_micros(1), Timestamp::from_micros(3));

        assert_eq!(later.since(earlier), Duration::from_micros(2));
        assert_eq!(earlier.since(later), Duration::ZERO);
        assert_eq!(Timestamp::from_micros(i64::MIN).since(later), Duration::ZERO);
    }

    #[test]
    fn what_is_moved_keeps_its_distance_from_the_clock() {
        let at = Timestamp::from_micros;

        assert_eq!(at(15).moved(at(10), at(1_010)), at(1_015));
        assert_eq!(at(1_015).moved(at(1_010), at(10)), at(15));
    }

    #[test]
    fn distance_has_no_direction() {
        let (earlier, later) = (Timestamp::from_micros(1), Timestamp::from_micros(3));

        assert_eq!(earlier.distance(later), Duration::from_micros(2));
        assert_eq!(later.distance(earlier), Duration::from_micros(2));
    }
}
