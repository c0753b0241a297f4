//! Times as the headers of an answer have them.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};

use crate::clock::Timestamp;

/// Reads the dates of HTTP: `IMF-fixdate` of RFC 9110 section 5.6.7, the only form that may still be sent, is one
/// of RFC 2822's.
static HTTP_DATE: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new();

/// Those that must be read all the same: that of RFC 850, and that of C's `asctime`.
const OLDER_FORMS: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// The longest wait that is told apart from longer ones, some 136 years. RFC 9110 sets no limit to the number.
const MAX_SECONDS: u64 = u32::MAX as u64;

/// How long `Retry-After` says to wait: seconds, or until a date, which is no wait at all if it has passed (RFC 9110 section
/// 10.2.3). What time it is for that, the answer's own `Date` says, where it has one: the clocks may differ. Whoever waits has a
/// limit of its own.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let sent_at = headers.get(DATE).and_then(|sent| date(sent.to_str().ok()?));
    wait(headers.get(RETRY_AFTER)?, sent_at.unwrap_or_else(Timestamp::now))
}

fn wait(value: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // What is no number here is a greater one.
        let seconds = text.parse().unwrap_or(MAX_SECONDS);
        return Some(Duration::from_secs(seconds.min(MAX_SECONDS)));
    }
    let wait_micros = date(text)?.as_micros().saturating_sub(now.as_micros());
    Some(Duration::from_micros(u64::try_from(wait_micros).unwrap_or(0)))
}

/// A date as HTTP writes it (RFC 9110 section 5.6.7), or has written it.
pub fn date(text: &str) -> Option<Timestamp> {
    let date = match HTTP_DATE.parse_timestamp(text) {
        Ok(date) => date,
        Err(_) => OLDER_FORMS.iter().find_map(|form| older_date(form, text))?,
    };
    Some(Timestamp::from_micros(date.as_microsecond()))
}

fn older_date(form: &str, text: &str) -> Option<jiff::Timestamp> {
    let date = DateTime::strptime(form, text).ok()?;
    TimeZone::UTC.to_timestamp(date).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        // 2024-07-30T09:15:00Z, less half a second.
        let now = Timestamp::from_micros(1_722_330_899_500_000);
        let cases = [
            ("7", Some(7_000)),
            ("0", Some(0)),
            ("Tue, 30 Jul 2024 09:15:00 GMT", Some(500)),
            ("Tue, 30 Jul 2024 10:15:00 GMT", Some(3_600_500)),
            ("Fri, 31 Dec 1999 23:59:59 GMT", Some(0)),
            ("Tuesday, 30-Jul-24 10:15:00 GMT", Some(3_600_500)),
            ("Friday, 31-Dec-99 23:59:59 GMT", Some(0)),
            ("Tuesday, 30-Jul-24 10:15:00 CET", None),
            ("Tue Jul 30 10:15:00 2024", Some(3_600_500)),
            ("Thu Aug  1 09:15:00 2024", Some(2 * 86_400_000 + 500)),
            ("Thu Aug  1 09:15:00 2024 GMT", None),
            ("Fri, 31 Dec 9999 23:59:59 GMT", None),
            ("-7", None),
            ("7.5", None),
            ("99999999999999999999", Some(u64::from(u32::MAX) * 1_000)),
            ("9999999999", Some(u64::from(u32::MAX) * 1_000)),
            ("soon", None),
            ("", None),
        ];
        for (text, expected_millis) in cases {
            let value = HeaderValue::from_static(text);

            let wait = wait(&value, now);

            assert_eq!(wait, expected_millis.map(Duration::from_millis), "{text:?}");
        }
        assert_eq!(wait(&HeaderValue::from_bytes(b"\xff").unwrap(), now), None);
    }

    #[test]
    fn a_date_to_wait_for_goes_by_the_clock_of_whoever_set_it_where_that_is_told() {
        let headers = |sent: Option<&'static str>, until: Option<&'static str>| {
            let set = |(name, value): (_, Option<_>)| Some((name, HeaderValue::from_static(value?)));
            [(DATE, sent), (RETRY_AFTER, until)]
                .into_iter()
                .filter_map(set)
                .collect::<HeaderMap>()
        };
        let (sent, until) = ("Tue, 30 Jul 2024 09:15:00 GMT", "Tue, 30 Jul 2024 09:15:20 GMT");
        let waits = |sent, until| retry_after(&headers(sent, until)).map(|wait| wait.as_secs());

        assert_eq!(waits(Some(sent), Some(until)), Some(20));
        assert_eq!(waits(Some(sent), Some("7")), Some(7));
        // By the clock here it has passed.
        assert_eq!(waits(None, Some(until)), Some(0));
        assert_eq!(waits(Some("today"), Some(until)), Some(0));
        assert_eq!(waits(Some(sent), None), None);
    }
}
