//! Times on the command line.

use caigunn_webhook::clock::{TYPED, Timestamp, is_without_zone, typed};
use jiff::tz::TimeZone;

use crate::output;

/// Takes a time as people type it ([`typed`]). Whoever reads local times in the table beside it is told if it is not one.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let at = typed(text, Timestamp::now()).ok_or_else(|| format!("expected {TYPED}"))?;
    if output::is_for_people()
        && is_without_zone(text)
        && let Some(local) = elsewhere(at, TimeZone::system())
    {
        output::say(format_args!(
            "({} has no zone, so it is UTC: {local} here)",
            output::printable(text.trim())
        ));
    }
    Ok(at)
}

/// A time as clocks of that zone show it, where they do not show UTC.
fn elsewhere(at: Timestamp, zone: TimeZone) -> Option<String> {
    let at: jiff::Timestamp = at.to_string().parse().ok()?;
    let at = at.to_zoned(zone);
    (!at.offset().is_zero()).then(|| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_as_it_is_elsewhere_only() {
        let at: Timestamp = "2024-07-30T23:15:00Z".parse().unwrap();

        assert_eq!(elsewhere(at, TimeZone::UTC), None);
        let two = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(elsewhere(at, two).as_deref(), Some("2024-07-31 01:15:00"));
    }
}
