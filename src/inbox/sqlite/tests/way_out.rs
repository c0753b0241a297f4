//! Promise: the way out is found by its keys, is written all or not at all, and goes with the receipts.

use super::super::super::contract::outbox::{Led, attempt, candidate, delivery, nothing_new};
use super::super::super::outbox::{
    Attempt, DeliveryFilter, Destination, DestinationId, Instruction, MAX_ANSWER_BYTES, Outbox, Progress,
    Start, State,
};
use super::super::outbox::{all, read, write};
use super::*;

impl SqliteInbox {
    /// How many rows there are of deliveries, which have the first attempts, and of further attempts.
    async fn outbox_rows(&self) -> (u64, u64) {
        let counts = "SELECT (SELECT count(*) FROM delivery), (SELECT count(*) FROM attempt)";
        self.on_connection(|connection| {
            let row = connection.query_row(counts, [], |row| Ok((row.get(0)?, row.get(1)?)));
            row.unwrap()
        })
        .await
    }

    /// How SQLite goes about a query.
    pub(super) async fn plan(&self, sql: String) -> Vec<String> {
        self.on_connection(move |connection| {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            // The parameters have no part in it.
            let rows = statement.raw_query().mapped(|row| row.get(3));
            rows.map(Result::unwrap).collect()
        })
        .await
    }
}

fn led(inbox: &Arc<SqliteInbox>) -> Led {
    Led {
        inbox: Arc::clone(inbox) as Arc<dyn Inbox>,
        leader: candidate("leader"),
    }
}

/// A destination for which one delivery more is pending than two lots hold.
async fn pending_in_three_lots(led: &Led) -> (Destination, Vec<u64>) {
    let crm = led.add("crm").await;
    let sequences = led.accept(0..2 * write::LOT as u64 + 1).await;
    let pending = sequences
        .iter()
        .map(|sequence| delivery(&crm, *sequence, State::Pending));
    led.deliver(&crm, pending).await;
    (crm, sequences)
}

/// A delivery with two attempts, and the cursor at its receipt.
fn tried(destination: &Destination, sequence: u64, state: State) -> Progress {
    Progress {
        cursor: sequence,
        deliveries: vec![delivery(destination, sequence, state)],
        attempts: vec![(sequence, attempt(1)), (sequence, attempt(2))],
        ..nothing_new(destination)
    }
}

fn attempt_of_4_kib(number: u32) -> Attempt {
    Attempt {
        answer: Bytes::from(vec![b'x'; MAX_ANSWER_BYTES]),
        ..attempt(number)
    }
}

#[tokio::test]
async fn a_file_of_version_2_is_brought_up_to_date_with_a_way_out() {
    let folder = Folder::new();
    folder.write_version_1(&[crawled(&Ids::fresh()), crawled(&Ids::fresh())]);
    let file = Connection::open(folder.inbox_path()).unwrap();
    file.execute_batch(schema::MIGRATIONS[1]).unwrap();
    file.pragma_update(None, "user_version", 2).unwrap();
    file.close().unwrap();

    let inbox = Arc::new(folder.open(settings()));

    assert_eq!(
        inbox.pragma::<i64>("user_version").await & 0xff,
        MIGRATIONS.len() as i64
    );
    let led = led(&inbox);
    assert!(led.outbox().destinations().await.unwrap().is_empty());
    assert_eq!(led.outbox().last_sequence().await.unwrap(), 2);
    let start = Start::Since(at(0));
    let added = led
        .outbox()
        .add_destination("crm".to_owned(), start)
        .await
        .unwrap();
    assert_eq!((added.id, added.cursor), (DestinationId(1), 0));
    led.record(tried(&added, 1, State::Delivered)).await;
    let receipts = inbox.undelivered(added.id, 0, 10).await.unwrap().receipts;
    assert_eq!(receipts, inbox.as_dyn().all().await[..1]);
}

#[tokio::test]
async fn a_destination_with_much_that_waits_is_removed_and_put_in_again_in_lots() {
    let folder = Folder::new();
    let inbox = Arc::new(folder.open(settings()));
    let led = led(&inbox);
    let (crm, sequences) = pending_in_three_lots(&led).await;
    let commit_count = async || inbox.pragma::<i64>("user_version").await >> 8;

    let before = commit_count().await;
    let removing = led.outbox().remove_destination(&led.leader, crm.id).await;
    assert_eq!(removing.unwrap(), sequences.len() as u64);
    assert_eq!(commit_count().await - before, 3);
    assert!(led.destination(crm.id).await.removed_at.is_some());

    let before = commit_count().await;
    let start = Start::Since(at(0));
    let back = led
        .outbox()
        .add_destination("crm".to_owned(), start)
        .await
        .unwrap();
    assert_eq!(commit_count().await - before, 3 + 1);
    assert_eq!(inbox.outbox_rows().await, (0, 0));
    let undelivered = inbox.undelivered(back.id, 0, 3 * write::LOT).await.unwrap();
    assert_eq!(undelivered.receipts.len(), sequences.len());
}

#[tokio::test]
async fn a_destination_whose_removal_was_cut_off_between_two_lots_comes_back_with_all_that_waited() {
    let folder = Folder::new();
    let inbox = Arc::new(folder.open(settings()));
    let led = led(&inbox);
    let (crm, sequences) = pending_in_three_lots(&led).await;
    let (id, now) = (crm.id, Timestamp::now());
    // The clock is set back between them.
    for at in [now, now.minus(Duration::from_secs(3_600))] {
        let lot = inbox.write(move |connection| write::remove_lot(connection, id, at));
        assert_eq!(lot.await.unwrap(), write::LOT);
    }
    assert_eq!(led.destination(crm.id).await.pending_count, 1);

    let back = led.add("crm").await;

    assert_eq!(led.destination(crm.id).await, back);
    assert_eq!(back.pending_count, sequences.len() as u64);
    assert_eq!((back.unconfigured_at, back.removed_at), (None, None));
}

#[tokio::test]
async fn the_way_out_is_found_by_keys_and_in_their_order() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let by_index = |name: &str| format!("SEARCH delivery USING INDEX {name} (destination=? AND seq>?");

    for (state, index) in [
        (State::Pending, "delivery_pending"),
        (State::Dead, "delivery_dead"),
    ] {
        let receipt = "SEARCH receipt EXISTS USING INTEGER PRIMARY KEY (rowid=?)";
        let plan = inbox.plan(read::deliveries_after_sql(state)).await;
        assert_eq!(plan, [&*(by_index(index) + ")"), receipt]);
        let plan = inbox.plan(read::in_state_sql(state)).await;
        assert_eq!(plan, [&*(by_index(index) + " AND seq<?)"), receipt]);
    }
    let plan = inbox.plan(read::rows_of_sql()).await;
    assert_eq!(plan, ["SEARCH delivery USING PRIMARY KEY (seq=?)"]);
    let plan = inbox.plan(read::undelivered_sql()).await;
    let expected = [
        "SEARCH receipt USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
        "CORRELATED SCALAR SUBQUERY 2",
        "SEARCH delivery USING PRIMARY KEY (seq=? AND destination=?)",
    ];
    assert!(
        expected.iter().all(|step| plan.iter().any(|line| line == step)),
        "{plan:?}"
    );
    assert!(plan.iter().all(|line| !line.starts_with("SCAN")), "{plan:?}");
    let plan = inbox.plan(read::matching_sql()).await;
    assert_eq!(plan, ["SEARCH delivery USING PRIMARY KEY (seq>? AND seq<?)"]);
    let plan = inbox.plan(all::deliveries_after_key_sql()).await;
    assert_eq!(
        plan,
        ["SEARCH delivery USING PRIMARY KEY ((seq,destination)>(?,?))"]
    );
    let plan = inbox.plan(all::attempts_after_key_sql()).await;
    assert_eq!(
        plan,
        [
            "MERGE (UNION ALL)",
            "LEFT",
            "SEARCH attempt USING PRIMARY KEY ((seq,destination,number)>(?,?,?))",
            "RIGHT",
            "SEARCH delivery USING PRIMARY KEY ((seq,destination)>(?,?))",
        ]
    );
    for table in ["delivery", "attempt"] {
        let plan = inbox.plan(format!("DELETE FROM {table} WHERE seq <= ?1")).await;
        assert_eq!(plan, [format!("SEARCH {table} USING PRIMARY KEY (seq<?)")]);
    }
}

#[tokio::test]
async fn what_is_left_of_receipts_that_are_gone_keeps_nothing_else_from_being_read() {
    let folder = Folder::new();
    let inbox = Arc::new(folder.open(settings()));
    let led = led(&inbox);
    let shop = led.add("shop").await;
    let sequences = led.accept(0..6).await;
    for (state, sequences) in [(State::Dead, &sequences[..3]), (State::Pending, &sequences[3..])] {
        led.deliver(
            &shop,
            sequences.iter().map(|sequence| delivery(&shop, *sequence, state)),
        )
        .await;
    }
    let jobs = (0..2).map(|_| sent(Event::CrawlingInitial, &Ids::fresh(), Wire::V2024_07));
    inbox.as_dyn().accept(jobs.collect()).await;
    let gone = [0, 2, 3, 5]
        .map(|index: usize| sequences[index].to_string())
        .join(", ");
    inbox
        .on_connection(move |connection| {
            let remove = format!(
                "DELETE FROM receipt WHERE seq IN ({gone});
                 INSERT INTO open_job SELECT seq, x'00' FROM delivery WHERE seq IN ({gone})"
            );
            connection.execute_batch(&remove).unwrap();
        })
        .await;

    let page = PageRequest {
        cursor: None,
        limit: 1,
    };
    for (state, left) in [(State::Dead, sequences[1]), (State::Pending, sequences[4])] {
        let filter = DeliveryFilter {
            destination: Some(shop.id),
            state: Some(state),
            from_sequence: 0,
        };
        let listed = led.outbox().deliveries(filter, page).await.unwrap().items;
        assert_eq!(
            listed.iter().map(|(row, _)| row.sequence).collect::<Vec<_>>(),
            [left]
        );
        let after = led.outbox().deliveries_after(shop.id, state, 0, 1).await.unwrap();
        assert_eq!(
            after.iter().map(|(row, _)| row.sequence).collect::<Vec<_>>(),
            [left]
        );
    }
    let all = PageRequest { limit: 100, ..page };
    let listed = led
        .outbox()
        .deliveries(DeliveryFilter::default(), all)
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 2);
    let open = inbox.as_dyn().open_jobs(page).await.unwrap();
    assert_eq!(open.items.len(), 1);
}

#[tokio::test]
async fn on_a_full_disk_what_a_leader_says_leaves_nothing_behind_and_is_taken_later() {
    let folder = Folder::new();
    let inbox = Arc::new(folder.open(settings()));
    let led = led(&inbox);
    let destination = led.add("crm").await;
    let sequences = led.accept(0..2).await;
    led.record(tried(&destination, sequences[0], State::Pending))
        .await;
    let before = led.destination(destination.id).await;
    // The attempts come last: the rest is written when the room ends.
    let large = Progress {
        deliveries: vec![
            delivery(&destination, sequences[0], State::Delivered),
            delivery(&destination, sequences[1], State::Dead),
        ],
        attempts: (3..60)
            .map(|number| (sequences[0], attempt_of_4_kib(number)))
            .collect(),
        cursor: sequences[1],
        ..nothing_new(&destination)
    };

    inbox
        .bound_pages(inbox.pragma::<u32>("page_count").await + 8)
        .await;
    let refusals = [
        unavailable(inbox.record(&led.leader, large.clone()).await),
        unavailable(inbox.record(&led.leader, large.clone()).await),
    ];
    let after = led.destination(destination.id).await;
    let rows = inbox.outbox_rows().await;
    let kept = inbox.delivery(destination.id, sequences[0]).await.unwrap();
    inbox.bound_pages(u32::MAX - 1).await;
    led.record(large).await;

    for reason in refusals {
        assert!(
            reason.contains("no space left") && reason.contains("inbox.db"),
            "{reason}"
        );
    }
    assert_eq!(after, before);
    assert_eq!(rows, (1, 1));
    let expected = delivery(&destination, sequences[0], State::Pending);
    assert_eq!(kept, Some((expected, vec![attempt(1), attempt(2)])));
    let now = led.destination(destination.id).await;
    assert_eq!(
        (now.cursor, now.pending_count, now.dead_count),
        (sequences[1], 0, 1)
    );
    assert_eq!(inbox.outbox_rows().await, (2, 58));
}

/// Unlike a full disk, this error leaves the transaction open, and the connection in doubt.
#[tokio::test]
async fn a_statement_that_fails_takes_back_what_the_leader_said_before_it() {
    let folder = Folder::new();
    let inbox = Arc::new(folder.open(settings()));
    let led = led(&inbox);
    let destination = led.add("crm").await;
    let sequences = led.accept(0..1).await;
    inbox
        .on_connection(|connection| {
            let refuse =
                "CREATE TEMP TRIGGER refuse BEFORE INSERT ON attempt BEGIN SELECT raise(FAIL, 'no'); END";
            connection.execute_batch(refuse).unwrap();
        })
        .await;

    let said = tried(&destination, sequences[0], State::Dead);
    unavailable(inbox.record(&led.leader, said.clone()).await);
    let after = led.destination(destination.id).await;
    let kept = inbox.delivery(destination.id, sequences[0]).await.unwrap();
    // The trigger went with the connection.
    led.record(said).await;

    assert_eq!(after, destination);
    assert_eq!(kept, None);
    assert_eq!(inbox.outbox_rows().await, (1, 1));
}

#[tokio::test]
async fn what_expired_leaves_no_rows_of_the_way_out() {
    let folder = Folder::new();
    let inbox = Arc::new(folder.open(settings()));
    let led = led(&inbox);
    let (one, other) = (led.add("one").await, led.add("other").await);
    let sequences = led.accept(0..4).await;
    for sequence in &sequences {
        led.record(tried(&one, *sequence, State::Delivered)).await;
        led.record(tried(&other, *sequence, State::Dead)).await;
    }
    assert_eq!(inbox.outbox_rows().await, (8, 8));

    inbox.as_dyn().expire_all(3).await;
    assert_eq!(inbox.outbox_rows().await, (2, 2));
    inbox.as_dyn().expire_all(4).await;
    assert_eq!(inbox.outbox_rows().await, (0, 0));
    led.record(tried(&one, sequences[3], State::Delivered)).await;
    assert_eq!(inbox.outbox_rows().await, (0, 0), "nor does it come back");
}

#[tokio::test]
async fn a_first_attempt_is_read_from_where_the_version_before_put_it_too() {
    let folder = Folder::new();
    let inbox = Arc::new(folder.open(settings()));
    let led = led(&inbox);
    let destination = led.add("crm").await;
    let sequence = led.accept(0..1).await[0];
    led.record(tried(&destination, sequence, State::Pending)).await;
    let recorded = inbox.delivery(destination.id, sequence).await.unwrap();

    inbox
        .on_connection(|connection| {
            let put_back = "INSERT INTO attempt
                 SELECT seq, destination, 1, first_started_at, first_duration_us, first_outcome, first_status,
                        first_detail, first_answer
                 FROM delivery;
                 UPDATE delivery SET first_started_at = NULL;";
            connection.execute_batch(put_back).unwrap();
        })
        .await;

    assert_eq!(inbox.outbox_rows().await, (1, 2));
    assert_eq!(inbox.delivery(destination.id, sequence).await.unwrap(), recorded);
}

#[tokio::test]
async fn attempts_that_are_too_many_leave_the_file() {
    let folder = Folder::new();
    let inbox = Arc::new(folder.open(settings()));
    let led = led(&inbox);
    let destination = led.add("crm").await;
    let sequences = led.accept(0..2).await;
    for sequence in sequences {
        let progress = Progress {
            deliveries: vec![delivery(&destination, sequence, State::Pending)],
            attempts: (1..=250).map(|number| (sequence, attempt(number))).collect(),
            ..nothing_new(&destination)
        };
        led.record(progress).await;
    }

    assert_eq!(inbox.outbox_rows().await, (2, 200));
}

/// The inbox thread takes up the search for the first receipt where a reader has ended it.
#[tokio::test]
async fn a_destination_misses_nothing_that_arrives_while_it_is_added() {
    let folder = Folder::new();
    let inbox = Arc::new(folder.open(settings()));
    let led = led(&inbox);
    let before = led.accept([0, 1]).await;
    let looked_at = before[1];
    let meanwhile = led.accept([2, 9, 3]).await;

    let added = inbox
        .on_connection(move |connection| {
            [
                ("since", Start::Since(at(8)), looked_at),
                ("later", Start::Since(at(10)), looked_at),
                ("now", Start::Now, looked_at),
            ]
            .map(|(name, start, seq)| write::add_destination(connection, name, start, seq).unwrap())
        })
        .await;

    let cursors = added.map(|destination| destination.cursor);
    assert_eq!(cursors, [meanwhile[0], meanwhile[2], meanwhile[2]]);
}

#[tokio::test]
async fn a_page_of_deliveries_looks_at_a_bounded_number_of_rows() {
    let folder = Folder::new();
    let inbox = Arc::new(folder.open(settings()));
    let led = led(&inbox);
    let destination = led.add("crm").await;
    let rows = "INSERT INTO delivery (seq, destination, state, step, attempt_count, outcome, due_at, changed_at, replay_count)
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100002)
        SELECT n, 1, 'delivered', 1, 1, 'delivered', 0, 0, 0 FROM n WHERE n > 1";
    let oldest = led.accept(0..1).await;
    led.record(tried(&destination, oldest[0], State::Cancelled)).await;
    inbox
        .on_connection(|connection| connection.execute(rows, []).unwrap())
        .await;
    let filter = DeliveryFilter {
        state: Some(State::Cancelled),
        ..DeliveryFilter::default()
    };
    let page = async |cursor| {
        let page = inbox
            .deliveries(filter, PageRequest { cursor, limit: 10 })
            .await
            .unwrap();
        (page.items.len(), page.next)
    };

    let (count, next) = page(None).await;
    assert_eq!(count, 0);
    assert!(next.is_some());
    assert_eq!(page(next).await, (1, None));
}

#[tokio::test]
async fn a_reader_exports_the_way_out_of_a_receiver_that_runs() {
    let folder = Folder::new();
    let inbox = Arc::new(folder.open(settings()));
    let led = led(&inbox);
    let reader = SqliteReader::open(&folder.inbox_path()).unwrap();
    assert!(reader.deliveries_after_key(None, 10).await.unwrap().is_empty());
    assert!(reader.attempts_after_key(None, 10).await.unwrap().is_empty());
    let (one, other) = (led.add("one").await, led.add("other").await);
    let sequences = led.accept(0..3).await;
    let (mut deliveries, mut attempts) = (Vec::new(), Vec::new());
    for sequence in sequences {
        for (destination, state) in [(&one, State::Delivered), (&other, State::Dead)] {
            led.record(tried(destination, sequence, state)).await;
            deliveries.push(delivery(destination, sequence, state));
            attempts.extend([1, 2].map(|number| (sequence, destination.id, attempt(number))));
        }
    }
    let instructions = ["{}", "[]"].map(|body| Instruction::new(body.to_owned()));
    for instruction in &instructions {
        inbox.instruct(instruction.clone()).await.unwrap();
    }
    let done = Instruction {
        done_at: Some(at(1)),
        ..instructions[0].clone()
    };
    inbox.follow_up(&led.leader, done.clone()).await.unwrap();

    for limit in [1, 4, 100] {
        let (mut read, mut after) = (Vec::new(), None);
        while let page = reader.deliveries_after_key(after, limit).await.unwrap()
            && let Some(last) = page.last()
        {
            assert!(page.len() <= limit);
            after = Some((last.sequence, last.destination));
            read.extend(page);
        }
        assert_eq!(read, deliveries);
        let (mut read, mut after) = (Vec::new(), None);
        while let page = reader.attempts_after_key(after, limit).await.unwrap()
            && let Some((sequence, destination, last)) = page.last()
        {
            assert!(page.len() <= limit);
            after = Some((*sequence, *destination, last.number));
            read.extend(page);
        }
        assert_eq!(read, attempts);
    }
    assert_eq!(
        reader.destinations().await.unwrap(),
        inbox.destinations().await.unwrap()
    );
    assert_eq!(
        reader.instructions().await.unwrap(),
        [done, instructions[1].clone()]
    );
}
