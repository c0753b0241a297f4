//! Promise: what a disk, a file or an entry can do wrong leaves nothing half done, is named, and passes by itself.

use rusqlite::limits::Limit;
use uuid::Uuid;

use super::*;
use crate::inbox::{Appended, NewQuarantined, QuarantineTotals, RequestId};

impl SqliteInbox {
    /// Lets the file grow to so many pages. A real SQLITE_FULL, as from a full disk.
    pub async fn bound_pages(&self, max_page_count: u32) {
        self.on_connection(move |connection| {
            connection
                .pragma_update(None, "max_page_count", max_page_count)
                .expect("the bound is set");
        })
        .await;
    }
}

fn quarantine_entry() -> Entry {
    Entry::Quarantine(NewQuarantined {
        request_id: RequestId::new(Uuid::now_v7()),
        received_at: at(0),
        reason: "not-json".to_owned(),
        detail: "the body is not JSON".to_owned(),
        receipt_id: None,
        content_type: None,
        body: Bytes::from_static(b"{"),
        truncated: false,
    })
}

#[tokio::test]
async fn on_a_full_disk_a_batch_leaves_nothing_behind_and_is_taken_later() {
    let folder = Folder::new();
    let inbox = folder.open(Settings {
        quarantine_max_count: 2,
        ..settings()
    });
    let (before, small) = (crawled(&Ids::fresh()), crawled(&Ids::fresh()));
    let large = NewReceipt {
        body: Bytes::from(vec![b' '; 1 << 20]),
        ..crawled(&Ids::fresh())
    };
    let unknown_ids = Ids::fresh();
    let unknown = unrecognized("billing", "due", &unknown_ids);
    let first = inbox.as_dyn().accept_one(before.clone()).await;
    // The large one is the last but one: all before it is written when the room ends.
    let receipts = [&small, &unknown, &small, &large, &before].map(|receipt| Entry::Receipt(receipt.clone()));
    let batch: Vec<_> = [quarantine_entry(), quarantine_entry()]
        .into_iter()
        .chain(receipts)
        .collect();

    inbox
        .bound_pages(inbox.pragma::<u32>("page_count").await + 8)
        .await;
    let refusals = [
        unavailable(inbox.append(batch.clone()).await),
        unavailable(inbox.append(batch.clone()).await),
    ];
    let listed = inbox.as_dyn().all().await;
    let job = inbox.job(unknown_ids.event_id).await.unwrap();
    let totals = inbox.quarantine_totals().await.unwrap();
    let remembered_count = remembered_count(&inbox, &small) + remembered_count(&inbox, &large);
    // What needs no more room is still taken, and what is known is still known.
    let known = inbox.as_dyn().store_one(before.clone()).await;
    inbox.bound_pages(u32::MAX - 1).await;
    let stored = inbox.append(batch).await.expect("there is room again");

    for reason in refusals {
        assert!(
            reason.contains("no space left") && reason.contains("inbox.db"),
            "{reason}"
        );
    }
    assert_eq!(
        listed.into_iter().map(|receipt| receipt.id).collect::<Vec<_>>(),
        [first]
    );
    assert!(job.is_empty());
    assert_eq!(remembered_count, 0);
    assert_eq!(totals, QuarantineTotals::default());
    assert_eq!(known, duplicate_of(first));

    let stored: Vec<_> = stored.into_iter().skip(2).map(Result::unwrap).collect();
    let receipts = inbox.as_dyn().all().await;
    let [large_id, unknown_id, small_id] = [0, 1, 2].map(|index| receipts[index].id);
    let new = |receipt_id| Stored::Receipt(Appended::New { receipt_id });
    let known = |receipt_id| Stored::Receipt(duplicate_of(receipt_id));
    assert_eq!(
        stored,
        [
            new(small_id),
            new(unknown_id),
            known(small_id),
            new(large_id),
            known(first)
        ]
    );
    let totals = inbox.quarantine_totals().await.unwrap();
    assert_eq!(
        totals,
        QuarantineTotals {
            bytes: 2,
            quarantined_count: 2,
            evicted_count: 0
        }
    );
    // The next start finds the same.
    inbox.close().await.unwrap();
    let reopened = folder.open(settings());
    assert_eq!(reopened.as_dyn().all().await, receipts);
    let appended = reopened.as_dyn().store(vec![small, unknown, large]).await;
    assert_eq!(appended, [small_id, unknown_id, large_id].map(duplicate_of));
}

#[tokio::test]
async fn a_batch_that_fails_leaves_jobs_as_they_were() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let [begun, new] = [Ids::fresh(), Ids::fresh()];
    let initial = |ids: &Ids| sent(Event::CrawlingInitial, ids, Wire::V2024_07);
    let page = PageRequest {
        cursor: None,
        limit: 10,
    };
    let open = async || inbox.open_jobs(page).await.unwrap().items;
    inbox.as_dyn().accept_one(initial(&begun)).await;
    let before = open().await;
    let large = NewReceipt {
        body: Bytes::from(vec![b' '; 1 << 20]),
        ..crawled(&Ids::fresh())
    };
    let backfilled = NewReceipt {
        origin: Origin::Backfill,
        ..initial(&new)
    };
    let batch = [crawled(&begun), backfilled, large].map(Entry::Receipt).to_vec();

    inbox
        .bound_pages(inbox.pragma::<u32>("page_count").await + 8)
        .await;
    unavailable(inbox.append(batch.clone()).await);
    let after = open().await;
    let backfilled_count = inbox.backfilled_count().await;
    inbox.bound_pages(u32::MAX - 1).await;
    inbox.append(batch).await.expect("there is room again");

    assert_eq!(before.len(), 1);
    assert_eq!(after, before);
    assert_eq!(backfilled_count, 0);
    let [receipt] = open().await.try_into().expect("one open job");
    assert_eq!(receipt.event_id, Some(new.event_id));
    assert_eq!(receipt.origin, Origin::Backfill);
}

#[tokio::test]
async fn a_probe_notices_a_full_disk_and_that_it_is_over() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    inbox.bound_pages(inbox.pragma::<u32>("page_count").await).await;

    let reason = unavailable(inbox.append(vec![Entry::Probe]).await);
    inbox.bound_pages(u32::MAX - 1).await;
    let stored = inbox.append(vec![Entry::Probe]).await.unwrap();

    assert!(reason.contains("no space left"), "{reason}");
    assert!(matches!(stored[..], [Ok(Stored::Probed)]), "{stored:?}");
}

#[tokio::test]
async fn every_probe_is_written_and_one_is_enough_for_a_batch() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let log = schema::beside(&folder.inbox_path(), "-wal");
    let log_bytes = || std::fs::metadata(&log).expect("it is there").len();
    let mut grown = Vec::new();

    for count in [1, 1, 1, 100] {
        let before = log_bytes();
        let batch = (0..count).map(|_| Entry::Probe).collect();
        inbox.append(batch).await.unwrap();
        grown.push(log_bytes() - before);
    }

    let probe_bytes = append::PROBE_BYTES as u64;
    assert!(
        grown
            .iter()
            .all(|bytes| (probe_bytes..2 * probe_bytes).contains(bytes)),
        "{grown:?}"
    );
}

#[tokio::test]
async fn an_entry_that_is_too_big_does_not_take_its_neighbours_with_it() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    inbox
        .on_connection(|connection| connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, 10_000).unwrap())
        .await;
    let (before, after) = (crawled(&Ids::fresh()), crawled(&Ids::fresh()));
    // Too big by itself; too big only with the rest of its row; just small enough.
    let sized = |size| NewReceipt {
        body: Bytes::from(vec![b' '; size]),
        ..crawled(&Ids::fresh())
    };
    let entries = [&before, &sized(20_000), &sized(9_999), &sized(9_000), &after];

    let stored = inbox
        .append(entries.map(|receipt| Entry::Receipt(receipt.clone())).to_vec())
        .await
        .unwrap();

    let receipts = inbox.as_dyn().all().await;
    let [after_id, fits_id, before_id] = [0, 1, 2].map(|index| receipts[index].id);
    assert_eq!(receipts.len(), 3);
    for (index, expected) in [(0, before_id), (3, fits_id), (4, after_id)] {
        let new = Stored::Receipt(Appended::New { receipt_id: expected });
        assert_eq!(stored[index].as_ref().unwrap(), &new, "entry {index}");
    }
    for too_big in [&stored[1], &stored[2]] {
        let reason = unavailable(too_big.clone());
        assert!(
            reason.contains("this entry cannot be stored") && reason.contains("too big"),
            "{reason}"
        );
    }
    // The numbers in the file are those in memory, so that the neighbours are known at the next start.
    inbox.close().await.unwrap();
    let appended = folder.open(settings()).as_dyn().store(vec![before, after]).await;
    assert_eq!(appended, [before_id, after_id].map(duplicate_of));
}

#[tokio::test]
async fn after_an_error_that_leaves_doubt_the_file_is_opened_anew() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let (before, refused) = (crawled(&Ids::fresh()), crawled(&Ids::fresh()));
    let first = inbox.as_dyn().accept_one(before.clone()).await;
    inbox
        .on_connection(|connection| connection.pragma_update(None, "query_only", true).unwrap())
        .await;

    let batch = vec![Entry::Receipt(refused.clone()), Entry::Receipt(before.clone())];
    let reason = unavailable(inbox.append(batch).await);
    let appended = inbox.as_dyn().store(vec![before, refused]).await;

    assert!(reason.contains("readonly"), "{reason}");
    let second = inbox.as_dyn().all().await[0].id;
    assert_eq!(
        appended,
        [duplicate_of(first), Appended::New { receipt_id: second }]
    );
    assert_eq!(
        inbox.pragma::<i64>("synchronous").await,
        2,
        "as durable as the first time"
    );
}

#[tokio::test]
async fn a_file_that_is_moved_away_is_missed_until_it_is_back() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let (before, later) = (crawled(&Ids::fresh()), crawled(&Ids::fresh()));
    let first = inbox.as_dyn().accept_one(before.clone()).await;
    let (path, elsewhere) = (folder.inbox_path(), folder.0.path().join("elsewhere.db"));
    let append = async || inbox.append(vec![Entry::Receipt(later.clone())]).await;

    std::fs::rename(&path, &elsewhere).unwrap();
    let moved = unavailable(append().await);
    let expired = unavailable(inbox.expire(at(1)).await);
    let read = unavailable(inbox.job(Ids::fresh().event_id).await);
    // Nor is another file in its place taken for it.
    std::fs::write(&path, "").unwrap();
    let replaced = unavailable(append().await);
    std::fs::remove_file(&path).unwrap();
    std::fs::rename(&elsewhere, &path).unwrap();
    let appended = inbox.as_dyn().store(vec![before, later.clone()]).await;

    for reason in [moved, expired, replaced] {
        assert!(
            reason.contains("inbox.db was moved or deleted while in use"),
            "{reason}"
        );
    }
    assert!(read.contains("inbox.db"), "{read}");
    let receipts = inbox.as_dyn().all().await;
    assert_eq!(receipts.len(), 2);
    assert_eq!(
        appended,
        [
            duplicate_of(first),
            Appended::New {
                receipt_id: receipts[0].id
            }
        ]
    );
}

/// A start without the file makes a new one; a running inbox must not.
#[tokio::test]
async fn a_file_that_is_gone_after_an_error_is_not_replaced_by_an_empty_one() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let notification = crawled(&Ids::fresh());
    inbox
        .on_connection(|connection| connection.pragma_update(None, "query_only", true).unwrap())
        .await;
    unavailable(inbox.append(vec![Entry::Probe]).await);
    let elsewhere = folder.0.path().join("elsewhere.db");
    std::fs::rename(folder.inbox_path(), &elsewhere).unwrap();

    let reason = unavailable(inbox.append(vec![Entry::Receipt(notification.clone())]).await);

    assert!(reason.contains("was moved or deleted while in use"), "{reason}");
    assert!(!folder.inbox_path().exists());
    std::fs::rename(&elsewhere, folder.inbox_path()).unwrap();
    inbox.as_dyn().accept_one(notification).await;
}

/// As of a program that writes past this one's memory. No entry is to blame, so none is refused for ever.
#[tokio::test]
async fn a_number_that_is_taken_fails_the_batch_and_has_the_file_read_anew() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let notification = crawled(&Ids::fresh());
    inbox.as_dyn().accept_one(crawled(&Ids::fresh())).await;
    // On the connection that writes, so that nothing else tells that the file has changed.
    inbox
        .on_connection(|connection| {
            let taken = "INSERT INTO receipt SELECT seq + 1, randomblob(16), received_at, wire, event, status, NULL, NULL,
                         chatbot_id, body FROM receipt";
            connection.execute(taken, []).expect("it is written");
        })
        .await;

    let reason = unavailable(inbox.append(vec![Entry::Receipt(notification.clone())]).await);
    let receipt_id = inbox.as_dyn().accept_one(notification).await;

    assert!(
        reason.contains("UNIQUE constraint failed: receipt.seq"),
        "{reason}"
    );
    let receipts = inbox.as_dyn().all().await;
    assert_eq!((receipts.len(), receipts[0].id), (3, receipt_id));
    assert_eq!(receipts[0].sequence, 3);
}

/// Unlike a full disk, which SQLite undoes by itself, this error leaves the transaction open.
#[tokio::test]
async fn a_statement_that_fails_takes_back_what_the_batch_wrote_before_it() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    // The keys of a batch are written last.
    inbox
        .on_connection(|connection| {
            connection
                .execute_batch("DROP TABLE receipt_key")
                .expect("it is dropped")
        })
        .await;

    let refusal = inbox.append(vec![Entry::Receipt(crawled(&Ids::fresh()))]).await;

    assert!(
        unavailable(refusal).contains("receipt_key"),
        "it says what is wrong"
    );
    drop(inbox);
    let file = Connection::open(folder.inbox_path()).expect("the file opens");
    let count: u64 = file
        .query_row("SELECT count(*) FROM receipt", [], |row| row.get(0))
        .expect("the receipts are counted");
    assert_eq!(count, 0);
}

#[test]
fn a_file_that_cannot_have_a_log_is_refused_in_words() {
    let folder = Folder::new();
    // As on a file system where processes share no memory.
    let uri = format!("file:{}?vfs=unix-none", folder.inbox_path().display());
    let connection = Connection::open(uri).unwrap();

    let configured = schema::configure_writer(&connection, &folder.inbox_path()).unwrap();

    let reason = unavailable(configured);
    assert!(
        reason.contains(r#"stays with the journal mode "delete""#),
        "{reason}"
    );
    assert!(
        reason.contains("put the inbox on a local file system"),
        "{reason}"
    );
}
