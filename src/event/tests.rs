//! Promise: what CaiGunn sends is read as what it means, in both wire generations; what is new is kept.
//!
//! What is new to this program is in `unknown`, what is only shown in `shown`, what is refused in `rejects` and how in
//! `faults`, what counts as the same notification in `sameness`, what hostile bodies cost in `limits`.

mod faults;
mod limits;
mod rejects;
mod sameness;
mod shown;
mod unknown;

use serde_json::{Value, json};
use uuid::{Uuid, uuid};

use super::sample::{self, Ids};
use super::{
    ChatbotId, Event, EventId, ModelId, Name, Notification, ParseError, TrainingDataId, UploadedFile, Wire,
    parse,
};

/// The UUID that stands in every place of CaiGunn's own examples.
const PAGE_UUID: Uuid = uuid!("3fa85f64-5717-4562-b3fc-2c963f66afa6");
const OTHER_UUID: Uuid = uuid!("0190163d-8694-739b-aea5-966c26f8ad90");

/// The events that CaiGunn documents.
const DOCUMENTED: [&str; 8] = [
    "crawling.initial",
    "crawling.completed",
    "uploading.initial",
    "uploading.completed",
    "uploading.failed",
    "training.initial",
    "training.completed",
    "training.failed",
];

const WIRES: [Wire; 2] = [Wire::V2024_01, Wire::V2024_07];

fn fixture(name: &str, wire: Wire) -> Vec<u8> {
    let path = format!(
        "{}/tests/it/fixtures/{wire}/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read(&path).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// The sample of an event, with [`PAGE_UUID`] in every place.
fn sample_of(name: &str, wire: Wire) -> Notification {
    sample::notifications(&Ids::all(PAGE_UUID), wire)
        .into_iter()
        .find(|notification| notification.name().to_string() == name)
        .unwrap_or_else(|| panic!("there is no sample of {name}"))
}

fn sample_json(name: &str, wire: Wire) -> Value {
    sample::to_json(&sample_of(name, wire))
}

#[track_caller]
fn parsed(body: impl AsRef<[u8]>) -> Notification {
    parse(body.as_ref()).expect("the body is a notification")
}

#[track_caller]
fn parsed_json(body: &Value) -> Notification {
    parsed(body.to_string())
}

/// The faults of a body as a sender reads them, and how many more there are.
#[track_caller]
fn faults(body: &str) -> (Vec<String>, usize) {
    match parse(body.as_bytes()) {
        Err(ParseError::NotNotification {
            faults,
            omitted_count,
        }) => (faults.iter().map(ToString::to_string).collect(), omitted_count),
        other => panic!("{body} should be JSON but no notification, and is {other:?}"),
    }
}

#[track_caller]
fn check_faults(body: &str, expected: &[&str]) {
    assert_eq!(
        faults(body),
        (expected.iter().map(ToString::to_string).collect(), 0),
        "{body}"
    );
}

/// The newer sample of an event with the value at `pointer` replaced, or removed.
fn changed(name: &str, pointer: &str, value: Option<&str>) -> String {
    let mut body = sample_json(name, Wire::V2024_07);
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    match value {
        Some(value) => parent[member] = serde_json::from_str(value).unwrap(),
        None => {
            parent
                .as_object_mut()
                .unwrap()
                .remove(member)
                .expect("the sample has it");
        }
    }
    body.to_string()
}

#[test]
fn a_sample_is_what_the_provider_documents() {
    for wire in WIRES {
        for name in DOCUMENTED {
            let documented: Value = serde_json::from_slice(&fixture(name, wire)).unwrap();

            assert_eq!(sample_json(name, wire), documented, "{name} of {wire}");
        }
    }
}

#[test]
fn what_the_provider_documents_is_read_as_the_sample() {
    for wire in WIRES {
        for name in DOCUMENTED {
            assert_eq!(
                parsed(fixture(name, wire)),
                sample_of(name, wire),
                "{name} of {wire}"
            );
        }
    }
}

#[test]
fn every_sample_is_read_back_as_itself() {
    for wire in WIRES {
        let notifications = sample::notifications(&Ids::fresh(), wire);
        let names: Vec<Name> = notifications.iter().map(Notification::name).collect();

        assert_eq!(names, Event::NAMES);
        for notification in notifications {
            assert_eq!(parsed_json(&sample::to_json(&notification)), notification);
        }
    }
}

#[test]
fn each_id_is_read_from_its_own_place() {
    let body = json!({
        "event": "training",
        "status": "completed",
        "event_id": "00000000-0000-0000-0000-00000000000e",
        "data": {
            "chatbot_id": "00000000-0000-0000-0000-00000000000c",
            "model_id": "00000000-0000-0000-0000-00000000000d",
            "training_data_ids": ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"],
        },
    });

    let notification = parsed_json(&body);

    let expected = Notification {
        wire: Wire::V2024_07,
        event_id: Some(EventId::new(Uuid::from_u128(0xe))),
        chatbot_id: Some(ChatbotId::new(Uuid::from_u128(0xc))),
        event: Event::TrainingCompleted {
            model_id: ModelId::new(Uuid::from_u128(0xd)),
            training_data_ids: vec![
                TrainingDataId::new(Uuid::from_u128(1)),
                TrainingDataId::new(Uuid::from_u128(2)),
            ],
        },
    };
    assert_eq!(notification, expected);
}

#[test]
fn a_completed_upload_tells_which_files_failed_and_why() {
    let mut body = sample_json("uploading.completed", Wire::V2024_07);
    body["data"]["training_data_ids"] = json!([
        {"id": PAGE_UUID, "filename": "kept.pdf"},
        {"id": PAGE_UUID, "filename": "image.bmp", "status": "failed", "detail": "Unsupport file format"},
        {"id": PAGE_UUID, "filename": "silent.pdf", "status": "failed"},
        {"id": PAGE_UUID, "filename": "waiting.pdf", "status": "queued", "detail": "not yet"},
        {"id": PAGE_UUID, "filename": "plain.pdf", "status": null, "detail": null},
    ]);

    let event = parsed_json(&body).event;

    let failed: Vec<_> = event
        .failed_files()
        .map(|file| (file.filename.as_str(), file.detail.as_deref()))
        .collect();
    assert_eq!(
        failed,
        [("image.bmp", Some("Unsupport file format")), ("silent.pdf", None)]
    );
    let file = |filename: &str, status: Option<&str>, detail: Option<&str>| UploadedFile {
        id: TrainingDataId::new(PAGE_UUID),
        filename: filename.to_owned(),
        status: status.map(ToOwned::to_owned),
        detail: detail.map(ToOwned::to_owned),
    };
    let expected = Event::UploadingCompleted {
        files: vec![
            file("kept.pdf", None, None),
            file("image.bmp", Some("failed"), Some("Unsupport file format")),
            file("silent.pdf", Some("failed"), None),
            file("waiting.pdf", Some("queued"), None),
            file("plain.pdf", None, None),
        ],
    };
    assert_eq!(event, expected);
}

#[test]
fn every_failure_text_is_understood_and_written_back_as_it_came() {
    let texts = [
        "Training data not found",
        "Character limit exceeded",
        "Unsupport file format",
        "training data not found",
        "",
        "ü \" \\ \n",
    ];
    for wire in WIRES {
        for name in ["crawling.failed", "uploading.failed", "training.failed"] {
            for text in texts {
                let mut body = sample_json(name, wire);
                match wire {
                    Wire::V2024_01 => body["detail"] = json!(text),
                    Wire::V2024_07 => body["data"]["detail"] = json!(text),
                }

                let notification = parsed_json(&body);

                assert_eq!(notification.event.detail(), Some(text), "{name} of {wire}");
                assert_eq!(sample::to_json(&notification), body);
            }
        }
    }
}

#[test]
fn a_failure_without_a_detail_or_with_null_has_none() {
    for detail in ["", r#","detail":null"#] {
        for name in ["crawling", "uploading", "training"] {
            let body = format!(
                r#"{{"event":"{name}","status":"failed","chatbot_id":"{PAGE_UUID}","event_id":"{PAGE_UUID}"{detail}}}"#
            );

            assert_eq!(parsed(body).event.detail(), None, "{name}");
        }
    }
}

#[test]
fn a_detail_is_found_in_either_place_whatever_the_generation() {
    let body = json!({
        "event": "training", "status": "failed", "chatbot_id": PAGE_UUID,
        "data": {"detail": "Training data not found"},
    });
    let both = json!({
        "event": "training", "status": "failed", "detail": "",
        "data": {"chatbot_id": PAGE_UUID, "detail": ""},
    });

    assert_eq!(parsed_json(&body).event.detail(), Some("Training data not found"));
    assert_eq!(parsed_json(&both).event.detail(), Some(""));
}

#[test]
fn the_place_of_the_chatbot_tells_the_generation() {
    let older = json!({"event": "training", "status": "initial", "chatbot_id": PAGE_UUID});
    let null_in_data = json!({
        "event": "training", "status": "initial", "chatbot_id": PAGE_UUID, "data": {"chatbot_id": null},
    });
    let newer = json!({"event": "training", "status": "initial", "data": {"chatbot_id": PAGE_UUID}});
    let null_at_top = json!({
        "event": "training", "status": "initial", "chatbot_id": null, "data": {"chatbot_id": PAGE_UUID},
    });
    let both = json!({
        "event": "training", "status": "initial", "chatbot_id": PAGE_UUID, "data": {"chatbot_id": PAGE_UUID},
    });

    let read = [&older, &null_in_data, &newer, &null_at_top, &both].map(parsed_json);

    let chatbot_id = Some(ChatbotId::new(PAGE_UUID));
    assert_eq!(
        read.clone().map(|notification| notification.chatbot_id),
        [chatbot_id; 5]
    );
    assert_eq!(
        read.map(|notification| notification.wire),
        [
            Wire::V2024_01,
            Wire::V2024_01,
            Wire::V2024_07,
            Wire::V2024_07,
            Wire::V2024_07
        ]
    );
}

#[test]
fn an_optional_member_may_be_null() {
    let body = format!(
        r#"{{"event":"training","status":"initial","chatbot_id":"{PAGE_UUID}","event_id":null,"detail":null,"data":null}}"#
    );

    assert_eq!(parsed(body), sample_of("training.initial", Wire::V2024_01));
}

#[test]
fn escapes_whitespace_and_letter_case_of_uuids_change_nothing() {
    let body = concat!(
        " \t\r\n{ \"\\u0065vent\" : \"cr\\u0061wling\" , \"st\\u0061tus\" : \"initial\" ,\n",
        "\"event_id\" : \"3FA85F64-5717-4562-B3FC-2C963F66AFA6\" ,\n",
        "\"ch\\u0061tbot_id\" : \"\\u0033fa85f64-5717-4562-b3fc-2c963f66afa6\" } \r\n",
    );

    assert_eq!(parsed(body), sample_of("crawling.initial", Wire::V2024_01));
}

#[test]
fn an_empty_list_of_training_data_is_a_list() {
    for name in ["crawling.completed", "uploading.completed", "training.completed"] {
        let mut body = sample_json(name, Wire::V2024_07);
        body["data"]["training_data_ids"] = json!([]);

        assert_eq!(sample::to_json(&parsed_json(&body)), body, "{name}");
    }
}

#[test]
fn a_generation_is_named_by_its_month() {
    assert_eq!("2024-01".parse(), Ok(Wire::V2024_01));
    assert_eq!("2024-07".parse(), Ok(Wire::V2024_07));
    assert_eq!(
        "2024-1".parse::<Wire>(),
        Err("expected one of 2024-01, 2024-07, found \"2024-1\"".to_owned())
    );
    assert_eq!(
        serde_json::to_value(WIRES).unwrap(),
        json!(["2024-01", "2024-07"])
    );
}
