//! Times as people type them.

use std::time::Duration;

use super::Timestamp;

/// A time where only RFC 3339 is taken, in words.
pub const A_TIME: &str = "a time such as 2024-07-30T09:15:00Z";

/// What [`typed`] takes, in words, which begin as [`A_TIME`] does.
pub const TYPED: &str = "a time such as 2024-07-30T09:15:00Z, a day such as 2024-07-30 (midnight UTC), or how long ago, such as \
                         30m, 2h or 7d";

/// Reads a time as people type it: in RFC 3339; a day, which begins at midnight; a time without seconds or zone; or how long
/// before `now` it was, such as `30m`, `2h` or `7d`. What has no zone is UTC.
pub fn typed(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(ago) = duration(text) {
        return Some(now.minus(ago));
    }
    let text = text.replacen(' ', "T", 1);
    let whole = ["", "Z", ":00Z", "T00:00:00Z"].map(|rest| format!("{text}{rest}"));
    whole.into_iter().find_map(|text| text.parse().ok())
}

/// Whether a text that [`typed`] takes is a time or a day without a zone, which is read as UTC.
pub fn is_without_zone(text: &str) -> bool {
    let text = text.trim();
    duration(text).is_none() && text.replacen(' ', "T", 1).parse::<Timestamp>().is_err()
}

/// A number of seconds, minutes, hours, days or weeks.
fn duration(text: &str) -> Option<Duration> {
    let (end, _) = text.char_indices().next_back()?;
    let (number, unit) = text.split_at(end);
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| is_number)?;
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2024-08-30T09:15:00Z".parse().unwrap()
    }

    #[test]
    fn what_people_type_is_a_time_a_day_or_a_duration_back_from_now() {
        let read = |text: &str| typed(text, now()).map(|moment| moment.to_string());

        assert_eq!(
            read("2024-07-30T11:15:00+02:00").as_deref(),
            Some("2024-07-30T09:15:00.000000Z")
        );
        assert_eq!(read("2024-07-30").as_deref(), Some("2024-07-30T00:00:00.000000Z"));
        for text in ["2024-07-30T09:15", "2024-07-30 09:15", " 2024-07-30T09:15:00 "] {
            assert_eq!(
                read(text).as_deref(),
                Some("2024-07-30T09:15:00.000000Z"),
                "{text}"
            );
        }
        for (text, seconds) in [
            ("0s", 0),
            ("90s", 90),
            ("30m", 1_800),
            ("2h", 7_200),
            ("7d", 604_800),
            ("1w", 604_800),
        ] {
            let ago = now().since(typed(text, now()).unwrap());

            assert_eq!(ago, Duration::from_secs(seconds), "{text}");
        }
    }

    #[test]
    fn a_time_or_a_day_may_have_no_zone() {
        for text in ["2024-07-30", "2024-07-30T09:15", " 2024-07-30 09:15:00 "] {
            assert!(is_without_zone(text), "{text}");
        }
        for text in ["2024-07-30T09:15:00Z", "2024-07-30 09:15:00+02:00", "2h"] {
            assert!(!is_without_zone(text), "{text}");
        }
    }

    #[test]
    fn the_first_and_the_last_moment_are_those_that_can_be_sent() {
        let read = |text: &str| typed(text, now()).map(|moment| moment.to_string());

        assert_eq!(read("9999-12-31").as_deref(), Some("9999-12-31T00:00:00.000000Z"));
        assert_eq!(
            read("9999-12-31T23:59:59Z").as_deref(),
            Some("9999-12-31T23:59:59.000000Z")
        );
        for text in ["0000-01-01", "9999999w", "99999999999w"] {
            assert_eq!(
                read(text).as_deref(),
                Some("0000-01-01T00:00:00.000000Z"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "yesterday",
            "2024-13-01",
            "2h30m",
            "+2h",
            "-2h",
            "h",
            "1.5h",
            "2 h",
            "99999999999999999999d",
            "9999999999999999d",
            "2é",
        ] {
            assert_eq!(typed(text, now()), None, "{text}");
        }
    }
}
