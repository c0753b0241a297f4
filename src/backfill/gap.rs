//! What CaiGunn's event log has and the inbox has not: pure functions from one to the other.

use std::collections::HashSet;

use bytes::Bytes;

use crate::caigunn::LogEntry;
use crate::event::{self, ChatbotId, Event, EventId, Identity, Notification, ParseError};

/// A notification as the log has it.
#[derive(Clone, Debug)]
pub struct Logged {
    /// What it says.
    pub notification: Notification,
    /// The body that CaiGunn would have posted, in the newer wire generation.
    pub body: Bytes,
}

impl Logged {
    /// The identities by which it may be held: its own, and that of an older training.completed, which came without
    /// an `event_id`.
    pub fn identities(&self) -> impl Iterator<Item = Identity> {
        let by_model = match &self.notification.event {
            Event::TrainingCompleted { model_id, .. } => Some(Identity::Model { model_id: *model_id }),
            _ => None,
        };
        [self.notification.identity()].into_iter().chain(by_model)
    }
}

/// Reads the log of a job: each notification once, in the order of its entries' times where all have one, else in
/// the log's own but for what begins the job, which comes first. Entries of another job are left out. Beside them, each entry that is no notification: its event and
/// status, as far as they may be shown, and what is wrong with it.
pub fn read(
    event_id: EventId,
    chatbot_id: Option<ChatbotId>,
    log: &[LogEntry],
) -> (Vec<Logged>, Vec<(String, ParseError)>) {
    let is_of_job = |entry: &&LogEntry| entry.event_id.is_none_or(|of| of == event_id);
    let mut entries: Vec<_> = log.iter().filter(is_of_job).collect();
    let have_times = entries.iter().all(|entry| entry.created_at.is_some());
    // What begins a job is before its end also where times are equal or missing: a log may have the newest first. Else the log's
    // order stays, for the sort is stable.
    entries.sort_by_key(|entry| (entry.created_at.filter(|_| have_times), entry.status != "initial"));
    let (mut logged, mut unreadable) = (Vec::new(), Vec::new());
    let mut names = HashSet::new();
    for entry in entries {
        let LogEntry {
            event, status, data, ..
        } = entry;
        let body = event::compose(event, status, event_id, chatbot_id, data.as_deref());
        match event::parse(&body) {
            Ok(notification) if names.insert(notification.name()) => {
                logged.push(Logged { notification, body });
            }
            Ok(_) => {}
            Err(error) => unreadable.push((format!("{event:.64}.{status:.64}"), error)),
        }
    }
    (logged, unreadable)
}

/// Those of `logged` that are not held by any of their identities.
pub fn missing(logged: Vec<Logged>, held: &HashSet<Identity>) -> Vec<Logged> {
    let is_missing = |logged: &Logged| logged.identities().all(|identity| !held.contains(&identity));
    logged.into_iter().filter(is_missing).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use serde_json::value::RawValue;
    use uuid::Uuid;

    use super::*;
    use crate::clock::Timestamp;
    use crate::event::sample::{self, Ids};
    use crate::event::{Name, Wire};

    fn job() -> EventId {
        EventId::new(Uuid::from_u128(7))
    }

    fn ids() -> Ids {
        Ids {
            event_id: job(),
            ..Ids::fresh()
        }
    }

    fn entry(event: &str, status: &str, data: Option<&str>) -> LogEntry {
        LogEntry {
            created_at: None,
            event_id: Some(job()),
            event: event.to_owned(),
            status: status.to_owned(),
            data: data.map(|data| RawValue::from_string(data.to_owned()).unwrap()),
        }
    }

    /// The log of what the samples say, as CaiGunn keeps it.
    fn log_of(notification: &Notification) -> LogEntry {
        let json = sample::to_json(notification);
        let text = |name: &str| json[name].as_str().unwrap().to_owned();
        let data = json.get("data").map(ToString::to_string);
        entry(&text("event"), &text("status"), data.as_deref())
    }

    fn names(logged: &[Logged]) -> Vec<String> {
        logged
            .iter()
            .map(|logged| logged.notification.name().to_string())
            .collect()
    }

    #[test]
    fn every_sample_comes_back_from_the_log_as_it_would_have_been_posted() {
        let ids = ids();
        for event in sample::events(&ids) {
            let posted = sample::notification(event, &ids, Wire::V2024_07);

            let (logged, unreadable) = read(job(), posted.chatbot_id, &[log_of(&posted)]);

            assert!(unreadable.is_empty(), "{unreadable:?}");
            assert_eq!(logged[0].notification, posted);
            assert!(event::same_content(
                &logged[0].body,
                sample::to_json(&posted).to_string().as_bytes()
            ));
        }
    }

    #[test]
    fn what_a_log_entry_lacks_of_the_chatbot_is_added() {
        let chatbot_id = Some(ids().chatbot_id);
        for data in [
            None,
            Some("null"),
            Some("{}"),
            Some(r#"{ "training_data_ids": [] }"#),
            Some(r#"{"detail": null, "chatbot_id" : null, "training_data_ids": [] }"#),
        ] {
            let log = [entry("crawling", "initial", data)];

            let (logged, unreadable) = read(job(), chatbot_id, &log);

            assert!(unreadable.is_empty(), "{data:?}: {unreadable:?}");
            assert_eq!(logged[0].notification.chatbot_id, chatbot_id, "{data:?}");
            assert_eq!(logged[0].notification.event_id, Some(job()));
        }
    }

    #[test]
    fn entries_are_read_in_the_order_of_their_times() {
        let at = |time: &str, status: &str| LogEntry {
            created_at: Timestamp::read_any(time),
            ..entry("crawling", status, Some(r#"{"training_data_ids": []}"#))
        };
        let log = [
            at("2024-07-30T10:00:05", "completed"),
            at("2024-07-30T09:00:00", "initial"),
        ];
        let chatbot_id = Some(ids().chatbot_id);

        let (logged, _) = read(job(), chatbot_id, &log);
        assert_eq!(names(&logged), ["crawling.initial", "crawling.completed"]);

        let timed = |at: usize, created_at| LogEntry {
            created_at,
            ..log[at].clone()
        };
        for first_time in [None, log[0].created_at] {
            let log = [timed(0, log[0].created_at), timed(1, first_time)];

            let (logged, _) = read(job(), chatbot_id, &log);

            assert_eq!(names(&logged), ["crawling.initial", "crawling.completed"]);
        }
        let ends = [
            at("2024-07-30T10:00:05", "failed"),
            LogEntry {
                created_at: None,
                ..log[0].clone()
            },
        ];
        let (logged, _) = read(job(), chatbot_id, &ends);
        assert_eq!(names(&logged), ["crawling.failed", "crawling.completed"]);
    }

    #[test]
    fn an_entry_that_is_no_notification_is_named_and_hides_no_other() {
        let log = [
            entry("uploading", "completed", Some(r#"{"training_data_ids": 7}"#)),
            entry("uploading", "initial", None),
        ];

        let (logged, unreadable) = read(job(), Some(ids().chatbot_id), &log);

        assert_eq!(names(&logged), ["uploading.initial"]);
        let (name, error) = &unreadable[0];
        assert_eq!(name, "uploading.completed");
        assert!(error.to_string().contains("/data/training_data_ids"), "{error}");
    }

    #[test]
    fn a_training_that_came_without_event_id_is_not_taken_for_missing() {
        let ids = ids();
        let completed = sample::events(&ids)
            .into_iter()
            .find(|event| matches!(event, Event::TrainingCompleted { .. }))
            .unwrap();
        let older = sample::notification(completed.clone(), &ids, Wire::V2024_01);
        let newer = sample::notification(completed, &ids, Wire::V2024_07);
        let (logged, _) = read(job(), newer.chatbot_id, &[log_of(&newer)]);

        let held = HashSet::from([older.identity()]);

        assert!(missing(logged.clone(), &held).is_empty());
        assert_eq!(missing(logged, &HashSet::new()).len(), 1);
    }

    fn any_name() -> impl Strategy<Value = (String, String)> {
        let event = prop_oneof![Just("crawling".to_owned()), "[a-z]{1,8}", "[\\PC]{1,12}"];
        let status = prop_oneof![
            Just("initial".to_owned()),
            Just("completed".to_owned()),
            Just("failed".to_owned()),
            "[a-z]{1,8}"
        ];
        (event, status)
    }

    proptest! {
        /// Nothing held is doubled, nothing logged is left out, nothing is there twice or made up.
        #[test]
        fn exactly_what_is_logged_and_not_held_is_missing(
            logged_names in prop::collection::vec((any_name(), any::<bool>(), prop::option::of("[0-9]{4}")), 0..12),
            held_names in prop::collection::vec(any_name(), 0..6),
            held_from_log in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let chatbot_id = Some(ids().chatbot_id);
            let identity = |(event, status): &(String, String)| Identity::Job {
                event_id: job(),
                name: Name { event: event.clone().into(), status: status.clone().into() },
            };
            let log: Vec<_> = logged_names
                .iter()
                .map(|((event, status), is_of_job, created_at)| LogEntry {
                    created_at: created_at.as_deref().and_then(Timestamp::read_any),
                    event_id: if *is_of_job { Some(job()) } else { Some(EventId::new(Uuid::from_u128(8))) },
                    ..entry(event, status, None)
                })
                .collect();
            let mut held: HashSet<_> = held_names.iter().map(identity).collect();
            if !logged_names.is_empty() {
                held.extend(held_from_log.iter().map(|index| identity(&index.get(&logged_names).0)));
            }

            let (logged, unreadable) = read(job(), chatbot_id, &log);
            let found: Vec<_> = missing(logged, &held)
                .iter()
                .map(|logged| logged.notification.identity())
                .collect();

            let found_set: HashSet<_> = found.iter().cloned().collect();
            prop_assert_eq!(found.len(), found_set.len());
            // A name is read, or it is reported as unreadable (it is too long, or the event's own shape is not met).
            let unreadable: HashSet<_> = unreadable.into_iter().map(|(name, _)| name).collect();
            let expected: HashSet<_> = logged_names
                .iter()
                .filter(|(_, is_of_job, _)| *is_of_job)
                .filter(|((event, status), _, _)| !unreadable.contains(&format!("{event}.{status}")))
                .map(|(name, _, _)| identity(name))
                .filter(|identity| !held.contains(identity))
                .collect();
            prop_assert_eq!(found_set, expected);
        }

        #[test]
        fn no_data_makes_it_fail(data in "\\PC{0,40}") {
            if let Ok(data) = RawValue::from_string(data) {
                let log = [LogEntry { data: Some(data), ..entry("crawling", "initial", None) }];
                let (logged, unreadable) = read(job(), None, &log);
                prop_assert_eq!(logged.len() + unreadable.len(), 1);
            }
        }
    }

    #[test]
    fn a_json_value_of_any_kind_as_data_is_read_or_named() {
        for data in [
            json!(7),
            json!("text"),
            json!([1]),
            json!({"chatbot_id": 7}),
            json!(true),
        ] {
            let text = data.to_string();
            let log = [entry("crawling", "initial", Some(&text))];

            let (logged, unreadable) = read(job(), Some(ids().chatbot_id), &log);

            assert_eq!((logged.len(), unreadable.len()), (0, 1), "{text}");
        }
    }
}
