//! Promise: a notification without any id is a duplicate only if the last accepted one of its chatbot and event
//! says the same and is younger than the window. Losing one is worse than keeping two.

use super::*;

/// One notification of each kind that has no id: older training.initial and training.failed, undocumented ones
/// with a chatbot and without one.
fn messages(ids: &Ids) -> Vec<NewReceipt> {
    let chatbot_id = ids.chatbot_id;
    vec![
        training_initial(ids),
        training_failed("Character limit exceeded", ids),
        posted(&json!({"event": "billing", "status": "due", "data": {"chatbot_id": chatbot_id}}).to_string()),
        posted(&json!({"event": "maintenance", "status": "planned", "day": 1}).to_string()),
    ]
}

fn training_initial(ids: &Ids) -> NewReceipt {
    sent(Event::TrainingInitial, ids, Wire::V2024_01)
}

fn training_failed(detail: &str, ids: &Ids) -> NewReceipt {
    let detail = Some(detail.to_owned());
    sent(Event::TrainingFailed { detail }, ids, Wire::V2024_01)
}

/// What may happen to a chatbot's training in between: each kind in each wire generation that differs in kind.
fn other_trainings(ids: &Ids) -> Vec<NewReceipt> {
    let completed = Event::TrainingCompleted {
        model_id: ids.model_id,
        training_data_ids: Vec::new(),
    };
    vec![
        training_failed("Training data not found", ids),
        sent(completed.clone(), ids, Wire::V2024_01),
        sent(completed, ids, Wire::V2024_07),
        sent(Event::TrainingInitial, ids, Wire::V2024_07),
        unrecognized("training", "paused", ids),
    ]
}

pub async fn the_same_message_within_the_window_is_a_duplicate(place: &impl Place) {
    let inbox = place.open(settings()).await;
    for message in messages(&Ids::fresh()) {
        let first = inbox.accept_one(message.clone()).await;

        let appended = inbox.store_one(message.clone().at(59)).await;

        assert_eq!(appended, duplicate_of(first), "{}", message.name);
    }
}

pub async fn the_same_message_after_the_window_is_new(place: &impl Place) {
    let inbox = place.open(settings()).await;
    for message in messages(&Ids::fresh()) {
        let first = inbox.accept_one(message.clone()).await;

        let second = inbox.accept_one(message.clone().at(60)).await;

        assert_ne!(second, first);
        assert_eq!(inbox.store_one(message.at(119)).await, duplicate_of(second));
    }
}

pub async fn the_window_begins_with_the_accepted_message_not_with_its_last_repeat(place: &impl Place) {
    let inbox = place.open(settings()).await;
    for message in messages(&Ids::fresh()) {
        let first = inbox.accept_one(message.clone()).await;
        assert_eq!(inbox.store_one(message.clone().at(40)).await, duplicate_of(first));

        inbox.accept_one(message.at(80)).await;
    }
}

pub async fn of_two_same_messages_either_may_have_arrived_first(place: &impl Place) {
    let inbox = place.open(settings()).await;
    for message in messages(&Ids::fresh()) {
        let first = inbox.accept_one(message.clone().at(59)).await;

        assert_eq!(inbox.store_one(message.at(0)).await, duplicate_of(first));
    }
}

pub async fn the_same_message_twice_in_one_batch_is_a_duplicate(place: &impl Place) {
    let inbox = place.open(settings()).await;
    for message in messages(&Ids::fresh()) {
        let appended = inbox
            .store(vec![message.clone(), message.clone().at(1), message.at(61)])
            .await;

        let [
            Appended::New { receipt_id: first },
            repeat,
            Appended::New { receipt_id: later },
        ] = appended[..]
        else {
            panic!("the first and the one after the window are new, not {appended:?}")
        };
        assert_eq!(repeat, duplicate_of(first));
        assert_ne!(later, first);
    }
}

pub async fn the_same_message_of_another_chatbot_is_new(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let (one, other) = (Ids::fresh(), Ids::fresh());

    let [first, second] = inbox
        .accept(vec![training_initial(&one), training_initial(&other)])
        .await[..]
    else {
        panic!("two receipts")
    };

    let appended = inbox
        .store(vec![training_initial(&one), training_initial(&other)])
        .await;
    assert_eq!(appended, [duplicate_of(first), duplicate_of(second)]);
}

pub async fn another_message_is_new_and_not_in_quarantine(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    inbox
        .accept_one(training_failed("Training data not found", &ids))
        .await;

    inbox
        .accept_one(training_failed("Character limit exceeded", &ids))
        .await;

    assert!(inbox.whole_quarantine().await.is_empty());
}

pub async fn after_another_training_event_the_same_message_is_new(place: &impl Place) {
    let inbox = place.open(settings()).await;
    for between in other_trainings(&Ids::fresh()) {
        let ids = Ids {
            chatbot_id: between.chatbot_id.expect("it has a chatbot"),
            ..Ids::fresh()
        };
        inbox.accept_one(training_initial(&ids)).await;
        inbox.accept_one(between.clone().at(1)).await;

        let second = inbox.accept_one(training_initial(&ids).at(2)).await;

        // It is the last one now, so that its own repeats are recognized.
        assert_eq!(
            inbox.store_one(training_initial(&ids).at(3)).await,
            duplicate_of(second)
        );
        // The last run of this loop must not be the first of the next one.
        inbox.accept_one(unrecognized("training", "ended", &ids)).await;
    }
}

pub async fn after_a_repeat_of_another_training_event_it_is_still_a_duplicate(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let completed = sent(
        Event::TrainingCompleted {
            model_id: ids.model_id,
            training_data_ids: Vec::new(),
        },
        &ids,
        Wire::V2024_01,
    );
    inbox.accept_one(completed.clone()).await;
    let first = inbox.accept_one(training_initial(&ids)).await;

    // Only what is accepted counts as the last one.
    inbox.store_one(completed).await;

    assert_eq!(inbox.store_one(training_initial(&ids)).await, duplicate_of(first));
}

pub async fn another_chatbots_training_does_not_count_as_in_between(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let first = inbox.accept_one(training_initial(&ids)).await;
    inbox.accept(other_trainings(&Ids::fresh())).await;
    // Nor does another event of the same chatbot.
    inbox.accept_one(crawled(&ids)).await;

    assert_eq!(inbox.store_one(training_initial(&ids)).await, duplicate_of(first));
}

pub async fn the_window_holds_across_reopening(place: &impl Place) {
    let mut inbox = place.open(settings()).await;
    for message in messages(&Ids::fresh()) {
        let first = inbox.accept_one(message.clone()).await;

        inbox = reopen(place, inbox).await;

        assert_eq!(inbox.store_one(message.clone().at(59)).await, duplicate_of(first));
        inbox.accept_one(message.at(60)).await;
    }
}

pub async fn what_came_in_between_counts_across_reopening(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    inbox
        .accept(vec![
            training_initial(&ids),
            training_failed("Training data not found", &ids),
        ])
        .await;

    let inbox = reopen(place, inbox).await;

    inbox.accept_one(training_initial(&ids)).await;
}

pub async fn after_expiry_the_same_message_is_new(place: &impl Place) {
    let inbox = place.open(settings()).await;
    for message in messages(&Ids::fresh()) {
        inbox.accept_one(message.clone()).await;
        assert_eq!(inbox.expire_all(1).await, [1]);

        inbox.accept_one(message.clone().at(1)).await;

        assert_eq!(inbox.expire_all(2).await, [1]);
    }
}

pub async fn of_undocumented_messages_whose_ids_are_none_no_two_that_differ_are_one(place: &impl Place) {
    let inbox = place.open(settings()).await;
    // Each is shown as another is, or hard to tell from it.
    let long = "x".repeat(250);
    let ids = [
        "42".to_owned(),
        r#""42""#.to_owned(),
        r#""\ud800""#.to_owned(),
        r#""\udbff""#.to_owned(),
        "18446744073709551617".to_owned(),
        "18446744073709551618".to_owned(),
        format!(r#""{long}a""#),
        format!(r#""{long}b""#),
    ];
    let message = |id: &str| {
        posted(&format!(
            r#"{{"event":"billing","status":"due","event_id":{id}}}"#
        ))
    };
    let pairs = ids
        .chunks(2)
        .flat_map(|pair| [&pair[0], &pair[1], &pair[0], &pair[1]]);
    let in_turns: Vec<_> = pairs.map(|id| message(id)).collect();

    let one_by_one = inbox.accept(in_turns.clone()).await;
    for again in in_turns {
        inbox.accept_one(again).await;
    }

    assert_eq!(one_by_one.len(), 4 * 4);
    let last = inbox.accept_one(message("\"evt_1\"")).await;
    assert_eq!(
        inbox.store_one(message("\"evt_1\"").at(59)).await,
        duplicate_of(last)
    );
}

/// A message without any id that takes too long to compare while others wait, spelled in one way or another.
fn large(ids: &Ids, letter: &str, space: &str) -> NewReceipt {
    let (chatbot_id, text) = (ids.chatbot_id, letter.repeat(600 << 10));
    posted(&format!(
        r#"{{"event":"training",{space}"status":"initial","chatbot_id":"{chatbot_id}","x":"{text}"}}"#
    ))
}

pub async fn a_large_message_is_told_from_the_last_one(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();

    let first = inbox.accept_one(large(&ids, "a", "")).await;
    let repeats = inbox
        .store(vec![
            large(&ids, "a", ""),
            large(&ids, "a", " "),
            large(&ids, "a", "").at(59),
        ])
        .await;
    let other = inbox.accept_one(large(&ids, "b", "")).await;
    let back_again = inbox.accept_one(large(&ids, "a", "")).await;
    let later = inbox.accept_one(large(&ids, "a", " ").at(60)).await;

    assert_eq!(repeats, [duplicate_of(first); 3]);
    assert_eq!(ids_of(&inbox.all().await), [later, back_again, other, first]);
    assert!(inbox.whole_quarantine().await.is_empty());
}

pub async fn a_large_message_is_new_only_if_it_was_compared_with_the_last_one(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let first = inbox.accept_one(large(&ids, "a", "")).await;
    let compared = NewReceipt {
        differs_from: Some(first),
        ..large(&ids, "b", "")
    };
    let append = async || {
        let mut stored = inbox
            .append(vec![Entry::Receipt(compared.clone())])
            .await
            .unwrap();
        stored.pop().unwrap().unwrap()
    };

    // Another receiver, or another request, was first.
    let second = inbox.accept_one(large(&ids, "b", " ")).await;
    let overtaken = append().await;
    let third = inbox
        .accept_one(training_failed("Training data not found", &ids))
        .await;
    let new = append().await;

    let expected = Stored::Uncompared(Box::new(Uncompared {
        receipt: compared.clone(),
        held_id: second,
    }));
    assert_eq!(overtaken, expected);
    let receipts = ids_of(&inbox.all().await);
    assert_eq!(receipts[1..], [third, second, first]);
    let receipt_id = receipts[0];
    assert_eq!(new, Stored::Receipt(Appended::New { receipt_id }));
}
