//! Promise: a store that takes several batches at once has them, and each is answered for itself.

use super::*;

/// A writer on a store that takes two batches at once, with one entry in each of the two that the store has.
async fn occupy_both(inbox: &Arc<FakeInbox>) -> (Writer, JoinHandle<()>, [Asked; 2]) {
    let (writer, task) = start(inbox, 10);
    let both = [occupy(&writer, inbox).await, occupy(&writer, inbox).await];
    (writer, task, both)
}

/// Whether an answer is the error of [`no_space`].
fn is_no_space<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::Unavailable { reason }) if reason == "no space left")
}

#[tokio::test(start_paused = true)]
async fn two_batches_are_with_the_store_at_once_and_each_is_answered_when_it_is_stored() {
    let inbox = FakeInbox::taking(2);
    let (_writer, _task, [first, second]) = occupy_both(&inbox).await;
    inbox.answer_next_with(Ok(vec![Ok(quarantined(7))]));
    inbox.answer_next_with(Err(no_space()));

    inbox.let_through(1);
    assert_eq!(soon(second).await.unwrap().unwrap(), quarantined(7));
    assert!(!first.is_finished());

    inbox.let_through(0);
    let first = soon(first).await.unwrap();
    assert!(is_no_space(&first), "{first:?}");
    assert_eq!(inbox.batches(), [[1], [1]]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_the_store_has_all_that_it_takes_is_one_batch_when_it_has_room() {
    let inbox = FakeInbox::taking(2);
    let (writer, _task, [first, second]) = occupy_both(&inbox).await;
    let mut waiting = Vec::new();
    for size in [2, 3, 4] {
        waiting.push(ask(&writer, entry(size)).await);
    }
    assert_eq!(inbox.batches(), [[1], [1]]);

    // Room is where the second was, whatever becomes of the first.
    inbox.let_through(1);
    soon(second).await.unwrap().unwrap();
    inbox.given(3).await;
    assert_eq!(inbox.batches(), [vec![1], vec![1], vec![2, 3, 4]]);
    inbox.let_through(2);
    for (asked, size) in waiting.into_iter().zip([2, 3, 4]) {
        assert_eq!(soon(asked).await.unwrap().unwrap(), quarantined(size));
    }

    assert!(!first.is_finished());
    inbox.let_through(0);
    soon(first).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_comes_at_once_and_is_too_much_for_one_batch_is_as_many_as_the_store_takes() {
    const MIB: usize = 1 << 20;
    let inbox = FakeInbox::taking(2);
    let (writer, _task) = start(&inbox, 10);
    let asking = tokio::spawn(async move {
        tokio::join!(
            writer.append(entry(9 * MIB)),
            writer.append(entry(10 * MIB)),
            writer.append(entry(11 * MIB)),
        )
    });

    inbox.given(2).await;
    assert_eq!(inbox.batches(), [[9 * MIB], [10 * MIB]]);
    inbox.gate.add_permits(3);

    let answers = soon(asking).await.unwrap();
    assert!(matches!(answers, (Ok(_), Ok(_), Ok(_))), "{answers:?}");
    assert_eq!(inbox.batches(), [[9 * MIB], [10 * MIB], [11 * MIB]]);
}

#[tokio::test(start_paused = true)]
async fn a_late_batch_refuses_who_waits_and_who_comes_while_the_other_one_gets_its_true_answer() {
    let inbox = FakeInbox::taking(2);
    let (writer, _task) = start(&inbox, 10);
    let late = occupy(&writer, &inbox).await;
    tokio::time::advance(PATIENCE / 2).await;
    let other = occupy(&writer, &inbox).await;
    let waiting = ask(&writer, entry(2)).await;
    let since = Instant::now();

    let answers = [soon(late).await.unwrap(), soon(waiting).await.unwrap()];
    assert!(answers.iter().all(is_timeout), "{answers:?}");
    assert_eq!(since.elapsed(), PATIENCE / 2);
    let newcomer = soon(writer.append(entry(3))).await;
    assert!(is_timeout(&newcomer), "{newcomer:?}");

    // The other has some of its time left.
    assert!(!other.is_finished());
    inbox.let_through(1);
    assert_eq!(soon(other).await.unwrap().unwrap(), quarantined(1));
    let newcomer = soon(writer.append(entry(4))).await;
    assert!(is_timeout(&newcomer), "{newcomer:?}");
    assert_eq!(since.elapsed(), PATIENCE / 2, "nobody who is refused waits");

    inbox.let_through(0);
    inbox.answered(2).await;
    inbox.let_through(2);
    assert_eq!(soon(writer.append(entry(5))).await.unwrap(), quarantined(5));
    assert_eq!(inbox.batches(), [[1], [1], [5]]);
}

#[tokio::test(start_paused = true)]
async fn with_two_late_batches_all_are_refused_until_both_are_answered() {
    let inbox = FakeInbox::taking(2);
    let (writer, _task, both) = occupy_both(&inbox).await;
    for late in both {
        let late = soon(late).await.unwrap();
        assert!(is_timeout(&late), "{late:?}");
    }

    inbox.let_through(1);
    inbox.answered(1).await;
    let newcomer = soon(writer.append(entry(2))).await;
    assert!(is_timeout(&newcomer), "{newcomer:?}");

    inbox.let_through(0);
    inbox.answered(2).await;
    inbox.let_through(2);
    assert_eq!(soon(writer.append(entry(3))).await.unwrap(), quarantined(3));
}

#[tokio::test(start_paused = true)]
async fn of_two_batches_the_one_that_is_answered_last_shows_whether_the_store_is_ready() {
    for (order, is_ready) in [([0, 1], true), ([1, 0], true), ([0, 1], false), ([1, 0], false)] {
        let inbox = FakeInbox::taking(2);
        let (writer, _task, both) = occupy_both(&inbox).await;
        let well = Ok(vec![Ok(quarantined(1))]);
        let [sooner, later] = if is_ready {
            [Err(no_space()), well]
        } else {
            [well, Err(no_space())]
        };
        inbox.answer_next_with(sooner);
        inbox.answer_next_with(later);

        inbox.let_through(order[0]);
        inbox.answered(1).await;
        inbox.let_through(order[1]);
        for asked in both {
            let _ = soon(asked).await.unwrap();
        }

        let ready = soon(writer.ready()).await;
        assert!(
            ready.is_ok() == is_ready && is_no_space(&ready) != is_ready,
            "{ready:?}"
        );
        assert_eq!(inbox.batches().len(), 2, "both commits are recent");
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_beside_a_late_batch_does_not_show_that_the_store_is_ready() {
    let inbox = FakeInbox::taking(2);
    let (writer, _task) = start(&inbox, 10);
    let late = occupy(&writer, &inbox).await;
    tokio::time::advance(PATIENCE / 2).await;
    let other = occupy(&writer, &inbox).await;
    assert!(is_timeout(&soon(late).await.unwrap()));

    inbox.let_through(1);
    soon(other).await.unwrap().unwrap();

    // Whoever comes is refused, so this is what a balancer must see.
    let ready = soon(writer.ready()).await;
    assert!(is_timeout(&ready), "{ready:?}");
}

#[tokio::test(start_paused = true)]
async fn when_all_writers_are_gone_the_task_waits_for_every_batch_and_stores_what_waits() {
    let inbox = FakeInbox::taking(2);
    let (writer, mut task, both) = occupy_both(&inbox).await;
    let waiting = ask(&writer, entry(2)).await;
    for gone in both.into_iter().chain([waiting]) {
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
    }
    drop(writer);

    for index in [1, 2] {
        inbox.let_through(index);
        inbox.answered(index).await;
    }
    // Half of the time that the first has.
    let ended = timeout(PATIENCE / 2, &mut task).await;
    assert!(ended.is_err(), "the store still has the first batch");
    inbox.let_through(0);

    soon(task).await.unwrap();
    assert_eq!(inbox.batches(), [[1], [1], [2]]);
}

#[tokio::test(start_paused = true)]
async fn when_all_writers_are_gone_the_task_waits_for_a_late_batch_and_for_one_that_is_not() {
    let inbox = FakeInbox::taking(2);
    let (writer, mut task) = start(&inbox, 10);
    let late = occupy(&writer, &inbox).await;
    tokio::time::advance(PATIENCE / 2).await;
    let other = occupy(&writer, &inbox).await;
    assert!(is_timeout(&soon(late).await.unwrap()));
    other.abort();
    drop(writer);

    inbox.let_through(1);
    inbox.answered(1).await;
    let ended = timeout(Duration::from_secs(3_600), &mut task).await;
    assert!(ended.is_err(), "the store may still be writing");
    inbox.let_through(0);

    soon(task).await.unwrap();
}
