//! Promise: a row that cannot be read fails alone, whichever of its columns it is.

use super::*;
use crate::inbox::outbox::Start;
use crate::inbox::{Appended, Cursor};

/// What a damaged value may look like, by its column.
const DAMAGES: [(&str, &str); 7] = [
    ("id", "x'01'"),
    ("wire", "CAST(x'8d' AS TEXT)"),
    ("wire", "'1999-01'"),
    ("event", "CAST(x'63728d77' AS TEXT)"),
    ("status", "CAST(x'8d6f6d' AS TEXT)"),
    ("event_id", "x'0102'"),
    ("chatbot_id", "x'0102'"),
];

#[tokio::test]
async fn a_row_that_cannot_be_read_has_no_other_fail_with_it_and_says_so() {
    for (column, value) in DAMAGES {
        let folder = Folder::new();
        let inbox = folder.open(settings());
        let ids = [(); 4].map(|()| Ids::fresh());
        let notifications = ids.each_ref().map(crawled);
        let held = inbox.as_dyn().accept(notifications[..3].to_vec()).await;
        let damage = format!("UPDATE receipt SET {column} = {value} WHERE seq = 2");
        inbox
            .on_connection(move |connection| connection.execute(&damage, []).expect("it is a statement"))
            .await;

        let all = inbox.as_dyn().all().await;
        let said: Vec<_> = all.iter().map(|receipt| receipt.damage.as_deref()).collect();
        let expected = format!("what the inbox holds as its {column} cannot be read");
        assert_eq!(said, [None, Some(&*expected), None], "{column} {value}");
        let whole = inbox
            .receipt(held[2])
            .await
            .expect("it is found")
            .expect("it is there");
        assert_eq!(whole.0, all[0]);
        let exported = inbox.export(0, 10).await.expect("they are read");
        assert_eq!(exported[1].1, notifications[1].body, "its body is whole");
        let loaded = inbox.outbox().load(vec![1, 2, 3]).await.expect("they are read");
        assert_eq!(loaded, exported);
        let page = PageRequest {
            cursor: Some(Cursor(3)),
            limit: 10,
        };
        inbox.open_jobs(page).await.expect("they are read");
        inbox.last_received().await.expect("they are read");
        for ids in &ids {
            inbox.job(ids.event_id).await.expect("it is read");
        }

        // A repeat of it is a new receipt where it is not known to be one, and has no other fail.
        let appended = inbox.as_dyn().store(notifications.to_vec()).await;

        let is_new = |appended: &Appended| matches!(appended, Appended::New { .. });
        let new: Vec<_> = appended.iter().map(is_new).collect();
        let is_repeat_new = !matches!(column, "wire" | "chatbot_id");
        assert_eq!(new, [false, is_repeat_new, false, true], "{column} {value}");
        inbox.close().await.expect("it closes");
        let inbox = folder.open(settings());
        assert_eq!(inbox.as_dyn().all().await.len(), 4 + usize::from(is_repeat_new));
    }
}

/// Whatever of it cannot be read, and wherever: a value that is none is damage, which is said louder than what passes.
#[tokio::test]
async fn a_value_that_cannot_be_read_and_that_all_rests_on_is_damage() {
    for (column, value) in [
        ("name", "CAST(x'8d' AS TEXT)"),
        ("cursor", "-1"),
        ("dead_count", "-1"),
    ] {
        let folder = Folder::new();
        let inbox = folder.open(settings());
        let outbox = inbox.outbox();
        outbox
            .add_destination("app".to_owned(), Start::Now)
            .await
            .expect("it is added");
        let damage = format!("UPDATE destination SET {column} = {value}");
        inbox
            .on_connection(move |connection| connection.execute(&damage, []).expect("it is a statement"))
            .await;

        let read = inbox.outbox().destinations().await;

        assert!(matches!(read, Err(Error::Corrupt { .. })), "{column}: {read:?}");
    }
}
