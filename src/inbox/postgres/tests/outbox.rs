//! Promise: only the leader writes what is of deliveries, it waits for no notification, and what is expired is gone.

use futures_util::future::join_all;
use uuid::Uuid;

use super::super::super::contract::{at, crawled, settings};
use super::super::super::outbox::{
    Attempt, Delivery, DeliveryFilter, Destination, DestinationId, Instruction, InstructionId, Outcome,
    Pause, PauseChange, Progress, Start, State,
};
use super::super::super::{Candidate, LEASE, Leadership};
use super::*;
use crate::event::sample::Ids;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

fn candidate(name: &str) -> Candidate {
    Candidate {
        id: Uuid::new_v4(),
        name: name.to_owned(),
    }
}

/// An inbox with three receipts and one destination, and a leader.
struct Site {
    database: Database,
    inbox: Arc<dyn Inbox>,
    leader: Candidate,
    destination: DestinationId,
}

impl Site {
    async fn new(database: Database) -> Self {
        let inbox = Place::open(&database, settings()).await;
        inbox
            .accept((0..3).map(|_| crawled(&Ids::fresh())).collect())
            .await;
        let destination = inbox
            .outbox()
            .add_destination("shop".to_owned(), Start::Since(at(0)))
            .await
            .unwrap();
        let leader = candidate("leader");
        assert_eq!(inbox.lead(&leader).await.unwrap(), Leadership::Leader);
        Self {
            database,
            inbox,
            leader,
            destination: destination.id,
        }
    }

    /// Receipt `sequence` was tried twice and waits, and the cursor is there.
    fn tried(&self, sequence: u64) -> Progress {
        let delivery = Delivery {
            destination: self.destination,
            sequence,
            state: State::Pending,
            step: 2,
            attempt_count: 2,
            replay_count: 0,
            outcome: Some(Outcome::Failed),
            due_at: at(60),
            changed_at: at(1),
        };
        let attempt = |number| Attempt {
            number,
            started_at: at(0),
            duration: Duration::from_micros(1_234),
            outcome: Outcome::Failed,
            status: Some(500),
            detail: "it broke".to_owned(),
            answer: Bytes::from_static(b"no"),
        };
        Progress {
            destination: self.destination,
            cursor: sequence,
            deliveries: vec![delivery],
            attempts: vec![(sequence, attempt(1)), (sequence, attempt(2))],
            pause: PauseChange::Keep,
        }
    }

    async fn record(&self, candidate: &Candidate, progress: Progress) -> Result<(), Error> {
        self.inbox.outbox().record(candidate, progress).await
    }

    async fn shop(&self) -> Destination {
        self.inbox.outbox().destinations().await.unwrap().remove(0)
    }

    /// All that the tables of the way out hold.
    async fn written(&self) -> String {
        self.database
            .value(
                "SELECT concat_ws('; ', (SELECT jsonb_agg(destination) FROM caigunn_webhook.destination),
                                        (SELECT jsonb_agg(delivery) FROM caigunn_webhook.delivery),
                                        (SELECT jsonb_agg(attempt) FROM caigunn_webhook.attempt),
                                        (SELECT jsonb_agg(instruction) FROM caigunn_webhook.instruction))",
            )
            .await
    }

    async fn end_lease(&self) {
        self.database
            .execute("UPDATE caigunn_webhook.lease SET until = now() - interval '1 second'")
            .await;
    }

    /// Waits until so many statements of this database wait for a lock.
    async fn until_waiting(&self, count: i64) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while self.database.value::<i64>(waiting).await != count {
            assert!(tokio::time::Instant::now() < deadline, "nothing waits");
        }
    }
}

#[tokio::test]
async fn a_candidate_that_does_not_lead_writes_nothing() {
    let site = Site::new(database!()).await;
    let outbox = site.inbox.outbox();
    let mut instruction = Instruction::new("{}".to_owned());
    outbox.instruct(instruction.clone()).await.unwrap();
    site.record(&site.leader, site.tried(1)).await.unwrap();
    instruction.done_at = Some(at(9));
    let written = site.written().await;
    let follower = candidate("follower");
    let mut paused = site.tried(2);
    paused.pause = PauseChange::Pause(Pause {
        at: at(2),
        reason: "it is down".to_owned(),
    });

    for nobody_leads in [false, true] {
        if nobody_leads {
            site.inbox.resign(&site.leader).await.unwrap();
        }
        // More often than there are connections.
        for _ in 0..9 {
            let refusals = [
                site.record(&follower, paused.clone()).await.err(),
                outbox.remove_destination(&follower, site.destination).await.err(),
                outbox.follow_up(&follower, instruction.clone()).await.err(),
            ];
            for refusal in refusals {
                assert!(matches!(refusal, Some(Error::NotLeader)), "{refusal:?}");
            }
        }
        assert_eq!(site.written().await, written);
    }

    // Nor is a transaction left open.
    let open: i64 = site
        .database
        .value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'")
        .await;
    assert_eq!(open, 0);
}

#[tokio::test]
async fn a_lease_that_has_ended_is_good_until_another_takes_it() {
    let site = Site::new(database!()).await;
    let other = candidate("other");

    site.end_lease().await;
    site.record(&site.leader, site.tried(1)).await.unwrap();
    assert_eq!(site.inbox.lead(&other).await.unwrap(), Leadership::Leader);
    let refusal = site.record(&site.leader, site.tried(2)).await.unwrap_err();

    assert!(matches!(refusal, Error::NotLeader), "{refusal:?}");
    assert_eq!(site.shop().await.cursor, 1);
    site.record(&other, site.tried(2)).await.unwrap();
    assert_eq!(site.shop().await.cursor, 2);
}

#[tokio::test]
async fn what_was_seen_and_is_gone_ends_the_term_and_lets_nothing_be_written_or_read() {
    let site = Site::new(database!()).await;
    let (inbox, outbox) = (&site.inbox, site.inbox.outbox());
    let fresh = |count| (0..count).map(|_| crawled(&Ids::fresh())).collect();
    inbox.accept(fresh(2)).await;
    let read = outbox.undelivered(site.destination, 0, 10).await.unwrap();
    assert_eq!(read.newest, 5);
    site.record(&site.leader, site.tried(1)).await.unwrap();
    // What expires is no sign of anything.
    site.database
        .execute("UPDATE caigunn_webhook.state SET first_seq = 6; DELETE FROM caigunn_webhook.receipt WHERE seq < 5")
        .await;
    assert_eq!(inbox.lead(&site.leader).await.unwrap(), Leadership::Leader);
    site.database
        .execute("UPDATE caigunn_webhook.state SET first_seq = 1")
        .await;

    // As a copy of before would have it, with others under the same numbers.
    site.database
        .execute("DELETE FROM caigunn_webhook.receipt WHERE seq = 5; TRUNCATE caigunn_webhook.latest, caigunn_webhook.open_job")
        .await;
    inbox.accept(fresh(6)).await;
    let written = site.written().await;

    let recorded = site.record(&site.leader, site.tried(5)).await;
    assert!(matches!(recorded, Err(Error::NotLeader)), "{recorded:?}");
    let read = outbox.undelivered(site.destination, 5, 10).await;
    assert!(matches!(read, Err(Error::NotLeader)), "{read:?}");
    assert_eq!(site.written().await, written);
    assert_eq!(inbox.lead(&site.leader).await.unwrap(), Leadership::Interrupted);
    assert_eq!(inbox.lead(&site.leader).await.unwrap(), Leadership::Leader);
    site.record(&site.leader, site.tried(5)).await.unwrap();
    outbox.undelivered(site.destination, 5, 10).await.unwrap();
}

#[tokio::test]
async fn who_leads_no_more_reads_on_whatever_became_of_what_it_had_seen() {
    let site = Site::new(database!()).await;
    let other = Place::open(&site.database, settings()).await;
    let (outbox, next) = (site.inbox.outbox(), candidate("next"));
    outbox.undelivered(site.destination, 0, 10).await.unwrap();
    // As a standby would have it that lacks what came last, and on which another one is the first to ask.
    site.database
        .execute("DELETE FROM caigunn_webhook.receipt WHERE seq = 3; TRUNCATE caigunn_webhook.lease")
        .await;
    assert_eq!(other.lead(&next).await.unwrap(), Leadership::Leader);

    let standing = site.inbox.lead(&site.leader).await.unwrap();

    assert!(matches!(standing, Leadership::Follower { .. }), "{standing:?}");
    let read = outbox.undelivered(site.destination, 0, 10).await.unwrap();
    assert_eq!(read.receipts.len(), 2);
    other.resign(&next).await.unwrap();
    assert_eq!(site.inbox.lead(&site.leader).await.unwrap(), Leadership::Leader);
}

#[tokio::test]
async fn a_lease_that_nobody_renews_ends_though_the_servers_clock_was_set_back() {
    let site = Site::new(database!()).await;
    let other = Place::open(&site.database, settings()).await;
    let candidate = candidate("other");
    // What a leader left that is gone, by a clock that was an hour ahead.
    let left = "UPDATE caigunn_webhook.lease SET until = now() + interval '1 hour'";
    site.database.execute(left).await;
    let begun = tokio::time::Instant::now();

    while other.lead(&candidate).await.unwrap() != Leadership::Leader {
        assert!(begun.elapsed() < PATIENCE, "nobody ever leads");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    assert!(
        begun.elapsed() >= LEASE,
        "the leader was believed to be gone too soon"
    );
    // One that is renewed lasts.
    let leader = Leadership::Follower {
        id: candidate.id,
        leader: "other".to_owned(),
    };
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < LEASE + Duration::from_secs(1) {
        assert_eq!(other.lead(&candidate).await.unwrap(), Leadership::Leader);
        let end = "UPDATE caigunn_webhook.lease SET until = until + interval '1 hour'";
        site.database.execute(end).await;
        assert_eq!(site.inbox.lead(&site.leader).await.unwrap(), leader);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test]
async fn while_a_leader_writes_it_renews_its_lease_and_nobody_takes_it_over() {
    let site = Site::new(database!()).await;
    let other = candidate("other");
    // What it would write is being written by somebody else, who does not end.
    let mut client = site.database.connect().await;
    let in_the_way = client.transaction().await.unwrap();
    let insert = format!(
        "INSERT INTO caigunn_webhook.delivery VALUES (1, {}, 'pending', 0, 0, NULL, now(), now())",
        site.destination.0
    );
    in_the_way.batch_execute(&insert).await.unwrap();

    let recording = site.record(&site.leader, site.tried(1));
    let meanwhile = async {
        site.until_waiting(1).await;
        assert_eq!(site.inbox.lead(&site.leader).await.unwrap(), Leadership::Leader);
        site.end_lease().await;
        // A follower that finds that it may lead has to wait.
        let taking_over = site.inbox.lead(&other);
        let end = async {
            site.until_waiting(2).await;
            in_the_way.rollback().await.unwrap();
        };
        let (taken_over, ()) = tokio::join!(taking_over, end);
        assert_eq!(taken_over.unwrap(), Leadership::Leader);
    };
    let (recorded, ()) = tokio::join!(recording, meanwhile);

    recorded.unwrap();
    assert_eq!(site.shop().await.cursor, 1);
    let refusal = site.record(&site.leader, site.tried(2)).await.unwrap_err();
    assert!(matches!(refusal, Error::NotLeader), "{refusal:?}");
}

#[tokio::test]
async fn what_fails_in_the_middle_leaves_nothing_behind() {
    let site = Site::new(database!()).await;
    site.database
        .execute("ALTER TABLE caigunn_webhook.attempt ADD CONSTRAINT poison CHECK (detail <> 'poison')")
        .await;
    let written = site.written().await;
    let mut poisoned = site.tried(1);
    poisoned.attempts[1].1.detail = "poison".to_owned();

    let refusal = site.record(&site.leader, poisoned).await.unwrap_err();

    assert!(refusal.to_string().contains("poison"), "{refusal}");
    assert_eq!(site.written().await, written);
    site.record(&site.leader, site.tried(1)).await.unwrap();
}

#[tokio::test]
async fn texts_with_a_nul_are_kept_without_it() {
    let site = Site::new(database!()).await;
    let mut progress = site.tried(1);
    progress.attempts[0].1.detail = "found \0 here".to_owned();
    progress.pause = PauseChange::Pause(Pause {
        at: at(2),
        reason: "said \0 often".to_owned(),
    });

    site.record(&site.leader, progress).await.unwrap();

    let (_, attempts) = site
        .inbox
        .outbox()
        .delivery(site.destination, 1)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(attempts[0].detail, "found \u{fffd} here");
    assert_eq!(site.shop().await.pause.unwrap().reason, "said \u{fffd} often");
}

#[tokio::test]
async fn a_first_attempt_is_read_from_where_the_version_before_put_it_too() {
    let site = Site::new(database!()).await;
    site.record(&site.leader, site.tried(1)).await.unwrap();
    let outbox = site.inbox.outbox();
    let recorded = outbox.delivery(site.destination, 1).await.unwrap();
    for change in [
        // In both places, as after a copy that went on beside a receiver; then as it was before.
        "INSERT INTO caigunn_webhook.attempt
         SELECT seq, destination, 1, first_started_at, first_duration_us, first_outcome, first_status, first_detail,
                first_answer
         FROM caigunn_webhook.delivery",
        "UPDATE caigunn_webhook.delivery SET first_started_at = NULL",
    ] {
        site.database.execute(change).await;

        assert_eq!(outbox.delivery(site.destination, 1).await.unwrap(), recorded);
    }
}

#[tokio::test]
async fn a_destination_added_by_many_receivers_at_once_is_one() {
    let database = database!();
    let receivers = join_all((0..6).map(|_| Place::open(&database, settings()))).await;
    receivers[0].accept_one(crawled(&Ids::fresh())).await;
    for name in ["one", "two", "three"] {
        let adding = receivers
            .iter()
            .map(|inbox| inbox.outbox().add_destination(name.to_owned(), Start::Now));
        let added = join_all(adding).await;

        let first = added[0].as_ref().unwrap();
        for one in &added {
            assert_eq!(one.as_ref().unwrap(), first);
        }
        assert_eq!((&*first.name, first.cursor), (name, 1));
    }
    let destinations = receivers[0].outbox().destinations().await.unwrap();
    assert_eq!(destinations.len(), 3);
}

#[tokio::test]
async fn nothing_waits_for_notifications_that_are_being_stored() {
    let site = Site::new(database!()).await;
    let outbox = site.inbox.outbox();
    let mut client = site.database.connect().await;
    let storing = client.transaction().await.unwrap();
    storing
        .batch_execute(&super::super::schema::lock_append())
        .await
        .unwrap();

    let calls = async {
        // This one does wait, so that is the right lock.
        site.until_waiting(1).await;
        site.record(&site.leader, site.tried(1)).await.unwrap();
        for start in [Start::Now, Start::Since(at(0))] {
            outbox.add_destination(format!("{start:?}"), start).await.unwrap();
        }
        outbox
            .remove_destination(&site.leader, site.destination)
            .await
            .unwrap();
        let instruction = Instruction::new("{}".to_owned());
        outbox.instruct(instruction.clone()).await.unwrap();
        outbox.follow_up(&site.leader, instruction).await.unwrap();
        storing.rollback().await.unwrap();
    };
    let appending = site.inbox.accept_one(crawled(&Ids::fresh()));
    let done = async { tokio::join!(appending, calls) };

    tokio::time::timeout(PATIENCE, done).await.expect("nothing waits");
    assert_eq!(outbox.last_sequence().await.unwrap(), 4);
}

#[tokio::test]
async fn what_is_said_of_expired_receipts_is_there_for_nobody_and_goes() {
    let site = Site::new(database!()).await;
    let outbox = site.inbox.outbox();
    for sequence in 1..=3 {
        site.record(&site.leader, site.tried(sequence)).await.unwrap();
    }
    site.database
        .execute("UPDATE caigunn_webhook.state SET first_seq = 3")
        .await;

    // The rows are still there, and somebody would write one of them again.
    let written = site.written().await;
    let mut again = site.tried(2);
    again.deliveries[0].step = 7;
    site.record(&site.leader, again).await.unwrap();
    assert_eq!(site.written().await, written);
    assert!(outbox.delivery(site.destination, 2).await.unwrap().is_none());
    let page = PageRequest {
        cursor: None,
        limit: 10,
    };
    for state in [None, Some(State::Pending)] {
        let filter = DeliveryFilter {
            state,
            ..DeliveryFilter::default()
        };
        let listed = outbox.deliveries(filter, page).await.unwrap();
        let sequences: Vec<_> = listed.items.iter().map(|(one, _)| one.sequence).collect();
        assert_eq!(sequences, [3], "{state:?}");
        assert_eq!(listed.next, None, "{state:?}");
    }
    let pending = outbox.deliveries_after(site.destination, State::Pending, 0, 10);
    assert_eq!(pending.await.unwrap().len(), 1);
    assert_eq!(outbox.receipts_after(0, 10).await.unwrap().len(), 1);
    assert_eq!(outbox.load(vec![1, 2, 3]).await.unwrap().len(), 1);
    assert_eq!(site.shop().await.pending_count, 1);
    assert_eq!(outbox.last_sequence().await.unwrap(), 3);

    site.inbox.expire(at(0)).await.unwrap();

    for table in ["delivery", "attempt"] {
        let sql = format!("SELECT array_agg(seq) FROM caigunn_webhook.{table}");
        assert_eq!(site.database.value::<Vec<i64>>(&sql).await, [3], "{table}");
    }
}

#[tokio::test]
async fn more_than_one_lot_of_expired_rows_goes_at_once_and_what_is_being_written_is_left() {
    let site = Site::new(database!()).await;
    site.database
        .execute(
            "SET search_path = caigunn_webhook;
             INSERT INTO delivery SELECT seq, 1, 'delivered', 0, 1, 'delivered', now(), now()
                 FROM generate_series(-12000, 0) AS seq;
             INSERT INTO attempt SELECT seq, 1, 1, now(), 7, 'delivered', 200, '', '' FROM delivery",
        )
        .await;
    let mut client = site.database.connect().await;
    let writing = client.transaction().await.unwrap();
    let write = "UPDATE caigunn_webhook.delivery SET step = 1 WHERE seq = -77";
    writing.batch_execute(write).await.unwrap();

    site.inbox.expire(at(0)).await.unwrap();

    let left = "SELECT (SELECT count(*) FROM caigunn_webhook.delivery)
                       + (SELECT count(*) FROM caigunn_webhook.attempt)";
    assert_eq!(site.database.value::<i64>(left).await, 1);
}

#[tokio::test]
async fn a_destination_goes_with_more_deliveries_than_one_statement_takes() {
    let site = Site::new(database!()).await;
    site.database
        .execute(
            "INSERT INTO caigunn_webhook.delivery SELECT seq, 1, 'pending', 0, 1, 'failed', now(), now()
             FROM generate_series(-5, 12000) AS seq",
        )
        .await;
    let outbox = site.inbox.outbox();

    let removing = outbox.remove_destination(&site.leader, site.destination);

    assert_eq!(removing.await.unwrap(), 12_000);
    let shop = site.shop().await;
    assert!(shop.removed_at.is_some());
    assert_eq!(shop.pending_count, 0);
}

#[tokio::test]
async fn a_destination_whose_removal_was_cut_off_between_two_statements_comes_back_with_all_that_waited() {
    let site = Site::new(database!()).await;
    site.database
        .execute(
            "INSERT INTO caigunn_webhook.delivery SELECT seq, 1, 'pending', 0, 1, 'failed', now(), now()
             FROM generate_series(1, 12000) AS seq;
             CREATE FUNCTION cut_off() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'cut off'; END $$;
             CREATE TRIGGER cut_off BEFORE UPDATE ON caigunn_webhook.delivery
             FOR EACH ROW WHEN (new.seq = 6000 AND new.state = 'removed') EXECUTE FUNCTION cut_off()",
        )
        .await;
    let outbox = site.inbox.outbox();
    let removing = outbox.remove_destination(&site.leader, site.destination);
    removing.await.unwrap_err();
    let shop = site.shop().await;
    assert_eq!((shop.removed_at, shop.pending_count), (None, 7_000));

    let back = outbox
        .add_destination("shop".to_owned(), Start::Now)
        .await
        .unwrap();

    assert_eq!(back.unconfigured_at, None);
    assert_eq!(site.shop().await.pending_count, 12_000);
}

#[tokio::test]
async fn what_was_asked_for_is_in_the_order_of_the_servers_times_whatever_the_receivers_clocks_say() {
    let site = Site::new(database!()).await;
    let outbox = site.inbox.outbox();
    let asked_at = Timestamp::now();
    // Of two receivers, the first of which has a clock that is ahead.
    let mut given = [2, 1].map(|id| Instruction {
        id: InstructionId::new(Uuid::from_u128(id)),
        ..Instruction::new("{}".to_owned())
    });
    for (index, instruction) in (0..).zip(&mut given) {
        instruction.created_at = asked_at.plus(Duration::from_millis(index));
        outbox.instruct(instruction.clone()).await.unwrap();
    }

    assert_eq!(outbox.open_instructions(10).await.unwrap(), given);
    assert_eq!(outbox.open_instructions(1).await.unwrap(), given[..1]);
}

#[tokio::test]
async fn a_term_begins_when_what_the_same_candidate_wrote_in_an_earlier_one_is_there() {
    let site = Site::new(database!()).await;
    let mut client = site.database.connect().await;
    let writing = client.transaction().await.unwrap();
    let lock = "SELECT FROM caigunn_webhook.lease FOR KEY SHARE";
    writing.batch_execute(lock).await.unwrap();
    // In the term in which it writes, it goes on.
    assert_eq!(site.inbox.lead(&site.leader).await.unwrap(), Leadership::Leader);
    let anew = Place::open(&site.database, settings()).await;

    let leading = anew.lead(&site.leader);
    let ending = async {
        site.until_waiting(1).await;
        writing.commit().await.unwrap();
    };
    let (led, ()) = tokio::join!(leading, ending);

    assert_eq!(led.unwrap(), Leadership::Leader);
}
