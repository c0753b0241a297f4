//! Times on the command line.

use std::time::Duration;

use caigunn_webhook::clock::Timestamp;

/// Takes a time in RFC 3339, a day, which begins at midnight UTC, or how long ago it was.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    if let Some(duration) = duration(text) {
        return Ok(Timestamp::now().minus(duration));
    }
    let is_date = text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
    let time = match is_date {
        true => format!("{text}T00:00:00Z").parse(),
        false => text.parse(),
    };
    time.map_err(|_| {
        "expected a time such as 2024-07-30T09:15:00Z, a day such as 2024-07-30 (midnight UTC), or how long ago, such \
         as 30m, 2h or 7d"
            .to_owned()
    })
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

    #[test]
    fn a_moment_is_a_time_a_day_or_a_duration_back_from_now() {
        let read = |text: &str| moment(text).map(|moment| moment.to_string());

        assert_eq!(
            read("2024-07-30T11:15:00+02:00").as_deref(),
            Ok("2024-07-30T09:15:00.000000Z")
        );
        assert_eq!(read("2024-07-30").as_deref(), Ok("2024-07-30T00:00:00.000000Z"));
        for (text, seconds) in [
            ("0s", 0),
            ("90s", 90),
            ("30m", 1_800),
            ("2h", 7_200),
            ("7d", 604_800),
            ("1w", 604_800),
        ] {
            let ago = Timestamp::now().since(moment(text).unwrap());

            let late = ago.saturating_sub(Duration::from_secs(seconds));
            assert!(late < Duration::from_secs(10), "{text} {ago:?}");
        }
    }

    #[test]
    fn the_first_and_the_last_moment_are_those_that_can_be_sent() {
        let read = |text: &str| moment(text).map(|moment| moment.to_string());

        assert_eq!(read("9999-12-31").as_deref(), Ok("9999-12-31T00:00:00.000000Z"));
        assert_eq!(
            read("9999-12-31T23:59:59Z").as_deref(),
            Ok("9999-12-31T23:59:59.000000Z")
        );
        for text in ["0000-01-01", "9999999w", "99999999999w"] {
            assert_eq!(read(text).as_deref(), Ok("0000-01-01T00:00:00.000000Z"), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused_with_what_is_allowed() {
        for text in [
            "",
            "yesterday",
            "2024-07-30T09:15:00",
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
            let refused = moment(text).unwrap_err();

            assert!(refused.starts_with("expected a time such as"), "{text}");
        }
    }
}
