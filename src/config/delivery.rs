//! The settings of the way out.

use std::collections::BTreeMap;
use std::time::Duration;

use super::destination;
use super::layers::DESTINATION;
use super::reader::Reader;
use crate::delivery::schedule::{MAX_TRIES, MAX_WAIT};
use crate::delivery::{Schedule, Settings};

pub fn delivery(reader: &mut Reader, signing_files: &BTreeMap<String, Result<String, String>>) -> Settings {
    let allowed = format!(
        "1 to {MAX_TRIES} times whole seconds from 0 to {}, comma separated",
        MAX_WAIT.as_secs()
    );
    let schedule = reader.with("delivery.retry_schedule_seconds", &allowed, schedule);
    let mut mistakes = Vec::new();
    let destinations = destination::read(&reader.sourced(DESTINATION), signing_files, &mut mistakes);
    reader.add(mistakes);
    Settings {
        schedule,
        destinations,
    }
}

fn schedule(text: &str) -> Option<Schedule> {
    let waits: Result<Vec<u64>, _> = text.split(',').map(|wait| wait.trim().parse()).collect();
    Schedule::new(waits.ok()?.into_iter().map(Duration::from_secs).collect())
}
