use super::*;
use crate::inbox::contract::acceptance::{acceptance, refused_notification};

#[tokio::test]
async fn what_was_accepted_while_the_store_failed_in_the_middle_is_accepted_once() {
    let folder = Folder::new();
    let inbox = Place::open(&folder, settings()).await;
    let nameless = sent(Event::TrainingInitial, &Ids::fresh(), Wire::V2024_01);
    let id = inbox.refuse(refused_notification(&nameless)).await;
    let acceptance = acceptance(&inbox);
    let other = Connection::open(folder.inbox_path()).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER fails BEFORE UPDATE ON quarantine BEGIN SELECT RAISE(ABORT, 'planted'); END",
        )
        .unwrap();

    let failed = acceptance.accept(id).await;
    other.execute_batch("DROP TRIGGER fails").unwrap();
    let accepted = acceptance.accept(id).await.expect("it is accepted");

    assert!(failed.is_err(), "{failed:?}");
    let held: Vec<_> = inbox.all().await.into_iter().map(|receipt| receipt.id).collect();
    assert_eq!(held, [accepted.receipt_id]);
    let (kept, _) = inbox.quarantined(id).await.unwrap().expect("it is there");
    assert_eq!(kept.accepted_as, Some(accepted.receipt_id));
}
