//! Promise: what the clock said when a receipt came decides its age only as far as others bear it out.

use super::*;
use crate::inbox::{Mark, Marked};

/// A receipt that says that it came at that second.
fn stamped(second: i64) -> NewReceipt {
    let received_at = Timestamp::from_micros(at(0).as_micros() + second * 1_000_000);
    NewReceipt {
        received_at,
        ..crawled(&Ids::fresh())
    }
}

/// The inbox's own time and the clock, at these seconds.
fn mark(time: u64, clock: u64) -> Mark {
    Mark {
        at: at(time),
        clock: at(clock),
    }
}

async fn take(inbox: &SqliteInbox, seconds: impl IntoIterator<Item = i64>) {
    let receipts = seconds.into_iter().map(stamped).collect();
    inbox.as_dyn().accept(receipts).await;
}

/// The seconds at which receipts say that they came, oldest receipt first.
async fn left(inbox: &SqliteInbox) -> Vec<i64> {
    let second = |at_micros: i64| (at_micros - at(0).as_micros()) / 1_000_000;
    let receipts = inbox.as_dyn().all().await;
    let seconds = receipts
        .iter()
        .map(|receipt| second(receipt.received_at.as_micros()));
    seconds.rev().collect()
}

const YEAR: i64 = 366 * 86_400;

#[tokio::test]
async fn one_receipt_of_the_future_keeps_nothing_behind_it() {
    let inbox = Folder::new();
    let inbox = inbox.open(settings());
    take(&inbox, [YEAR, 1, 2, 3, 4, YEAR, YEAR, 5, 6, 7, 8, 100]).await;

    inbox.as_dyn().expire_all(50).await;

    assert_eq!(left(&inbox).await, [100]);
}

#[tokio::test]
async fn one_receipt_of_1970_takes_nothing_along() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let in_1970 = -at(0).as_micros() / 1_000_000;
    take(&inbox, [1, 100, in_1970, 101, 102, in_1970, 103]).await;

    inbox.as_dyn().expire_all(50).await;

    assert_eq!(left(&inbox).await, [100, in_1970, 101, 102, in_1970, 103]);
}

#[tokio::test]
async fn receipts_between_two_marks_are_as_old_as_these_whatever_they_say() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    inbox.mark(mark(0, 0)).await.unwrap();
    take(&inbox, [-YEAR, -YEAR, 5]).await;
    inbox.mark(mark(10, 10)).await.unwrap();
    take(&inbox, [YEAR, YEAR, YEAR, YEAR, YEAR]).await;
    inbox.mark(mark(20, 20)).await.unwrap();
    take(&inbox, [-YEAR]).await;

    assert_eq!(inbox.as_dyn().expire_all(0).await, [0; 0]);
    assert_eq!(inbox.as_dyn().expire_all(10).await, [3]);
    assert_eq!(inbox.as_dyn().expire_all(20).await, [0; 0]);
    assert_eq!(inbox.as_dyn().expire_all(21).await, [6]);
}

#[tokio::test]
async fn all_marks_among_those_that_go_together_count() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    for time in [0, 10, 20] {
        inbox.mark(mark(time, time)).await.unwrap();
        take(&inbox, [YEAR, YEAR, YEAR, YEAR, YEAR]).await;
    }
    inbox.mark(mark(30, 30)).await.unwrap();

    assert_eq!(inbox.as_dyn().expire_all(31).await, [15]);
}

#[tokio::test]
async fn where_the_time_goes_back_between_two_marks_the_later_counts() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    inbox.mark(mark(10, 10)).await.unwrap();
    take(&inbox, [7]).await;
    inbox.mark(mark(5, 5)).await.unwrap();

    assert_eq!(inbox.as_dyn().expire_all(10).await, [0; 0]);
    assert_eq!(inbox.as_dyn().expire_all(11).await, [1]);
}

#[tokio::test]
async fn one_step_removes_no_more_than_a_few_long_bodies() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let long = |second| NewReceipt {
        body: vec![b' '; 3 << 20].into(),
        ..stamped(second)
    };
    inbox.as_dyn().accept((0..5).map(long).collect()).await;

    assert_eq!(inbox.as_dyn().expire_all(10).await, [2, 2, 1]);
}

#[tokio::test]
async fn what_came_before_the_first_mark_is_not_younger_than_that() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    take(&inbox, [1, 2, YEAR, YEAR, YEAR, 3]).await;
    inbox.mark(mark(10, 10)).await.unwrap();

    assert_eq!(inbox.as_dyn().expire_all(10).await, [2]);
    assert_eq!(inbox.as_dyn().expire_all(11).await, [4]);
}

#[tokio::test]
async fn only_marks_that_say_something_of_a_receipt_are_kept() {
    let folder = Folder::new();
    let mut inbox = folder.open(settings());
    assert_eq!(inbox.marked().await.unwrap(), None);
    inbox.mark(mark(0, 0)).await.unwrap();
    inbox.mark(mark(1, 1)).await.unwrap();
    take(&inbox, [2]).await;
    for time in 3..10 {
        // The clock has jumped.
        inbox.mark(mark(time, time + 1_000)).await.unwrap();
    }
    let marked = Marked {
        first: mark(1, 1),
        last: mark(9, 1_009),
    };
    assert_eq!(inbox.marked().await.unwrap(), Some(marked));
    assert_eq!(marked.held(), Duration::from_secs(1_000));

    inbox.close().await.unwrap();
    let path = folder.inbox_path();
    assert_eq!(marks::marked(&path).unwrap(), Some(marked), "closed");
    inbox = folder.open(settings());
    assert_eq!(marks::marked(&path).unwrap(), Some(marked), "open");

    // The receipt is older than the second mark after it.
    assert_eq!(inbox.as_dyn().expire_all(4).await, [1]);
    inbox.mark(mark(10, 1_010)).await.unwrap();

    let marked = inbox.marked().await.unwrap().expect("one is kept");
    assert_eq!((marked.first, marked.held()), (mark(10, 1_010), Duration::ZERO));
}

#[tokio::test]
async fn of_the_newest_receipts_no_single_one_says_when_they_came() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    assert_eq!(inbox.newest_received_at().await.unwrap(), None);
    for (second, newest) in [(YEAR, YEAR), (2, 2), (3, 3), (-YEAR, 2), (5, 3), (6, 3)] {
        take(&inbox, [second]).await;
        let micros = at(0).as_micros() + newest * 1_000_000;
        let expected = Some(Timestamp::from_micros(micros));
        assert_eq!(inbox.newest_received_at().await.unwrap(), expected, "{second}");
    }
}
