//! Which jobs are asked about when.

use super::*;

#[tokio::test]
async fn the_first_round_asks_about_all_open_jobs_however_young_or_old() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let mut jobs = Vec::new();
    for age in [8 * DAY, DAY, 119 * SECOND, SECOND, Duration::ZERO] {
        let job = stage.begin(now, age).await;
        stage.complete(&job);
        jobs.push(job);
    }

    let wait = stage.rounds().round(&stage.keyring, now).await;

    assert_eq!(wait, SETTINGS.interval);
    for job in &jobs {
        let expected = [
            ("crawling.initial".to_owned(), Origin::Webhook),
            ("crawling.completed".to_owned(), Origin::Backfill),
        ];
        assert_eq!(stage.held(job).await, expected);
    }
    assert_eq!(stage.asked().len(), jobs.len());
    assert_eq!(stage.seen(), [0, 0]);
}

#[tokio::test]
async fn later_rounds_ask_about_those_that_are_neither_young_nor_given_up() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let mut rounds = stage.rounds();
    rounds.round(&stage.keyring, now).await;
    let second = now.plus(MINUTE);
    let mut jobs = Vec::new();
    for age in [
        8 * DAY,
        7 * DAY - SECOND,
        121 * SECOND,
        119 * SECOND,
        Duration::ZERO,
    ] {
        jobs.push(stage.begin(second, age).await.event_id);
    }

    rounds.round(&stage.keyring, second).await;

    assert_eq!(sorted(stage.asked()), sorted(vec![jobs[1], jobs[2]]));
    assert_eq!(stage.seen(), [5, 1]);
}

#[tokio::test]
async fn a_clock_that_is_set_back_puts_no_job_off() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let mut rounds = stage.rounds();
    let asked = stage.begin(now, HOUR).await;
    rounds.round(&stage.keyring, now).await;
    // The clock is a year ahead of what it is set to then.
    let unasked = stage.begin(now, Duration::ZERO).await;
    let right = now.minus(365 * DAY);

    rounds.round(&stage.keyring, right).await;

    let ids = [asked, asked, unasked].map(|job| job.event_id);
    assert_eq!(sorted(stage.asked()), sorted(ids.to_vec()));
}

#[tokio::test]
async fn samples_are_not_asked_about() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let sample = Ids {
        chatbot_id: stage.chatbot_id,
        ..Ids::marked()
    };
    stage.receive("crawling.initial", &sample, now.minus(DAY)).await;
    let job = stage.begin(now, DAY).await;

    stage.rounds().round(&stage.keyring, now).await;

    assert_eq!(stage.asked(), [job.event_id]);
    assert_eq!(stage.seen(), [1, 0]);
}

#[tokio::test]
async fn a_job_that_goes_on_is_asked_about_ever_more_rarely() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let job = stage.begin(now, Duration::ZERO).await;
    let settings = Settings {
        interval: 10 * MINUTE,
        ..SETTINGS
    };
    let mut rounds = stage.rounds_with(settings);
    let mut asked_at = Vec::new();

    // A week, less the last round, in which it is given up.
    for number in 0..7 * 24 * 6 {
        let before = stage.asked().len();
        rounds.round(&stage.keyring, now.plus(10 * MINUTE * number)).await;
        if stage.asked().len() > before {
            asked_at.push(number);
        }
    }

    assert_eq!(asked_at[0], 0);
    // After waits of half an hour to an hour, seen every ten minutes.
    let gaps: Vec<_> = asked_at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[0] == 1 && gaps[1] <= 2 && gaps[2] <= 4, "{gaps:?}");
    assert!(gaps[4..].iter().all(|gap| (3..=6).contains(gap)), "{gaps:?}");
    assert!((168..=340).contains(&asked_at.len()), "{}", asked_at.len());
    assert!(stage.asked().iter().all(|asked| *asked == job.event_id));
}

#[tokio::test]
async fn a_job_that_has_ended_is_never_asked_about_again() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let job = stage.begin(now, HOUR).await;
    stage.complete(&job);
    let mut rounds = stage.rounds();

    for number in 0..24 {
        rounds.round(&stage.keyring, now.plus(HOUR * number)).await;
    }

    assert_eq!(stage.asked(), [job.event_id]);
}

/// Its end came without an `event_id`, so the inbox cannot tell that it is this job's.
#[tokio::test]
async fn a_training_whose_end_came_in_the_older_generation_is_not_asked_about_in_every_round() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let job = Ids {
        chatbot_id: stage.chatbot_id,
        ..Ids::fresh()
    };
    stage.receive("training.initial", &job, now.minus(HOUR)).await;
    stage
        .receive_as("training.completed", &job, Wire::V2024_01, now)
        .await;
    for name in ["training.initial", "training.completed"] {
        let notification = json(&sample_with(name, &job, Wire::V2024_07));
        stage.provider.log_event(job.chatbot_id, &notification);
    }
    let mut rounds = stage.rounds();

    for number in 0..60 {
        rounds.round(&stage.keyring, now.plus(MINUTE * number)).await;
    }

    // Waits of 1, 2, 4, 8, 16 and 32 minutes, or half of each.
    assert!((5..=9).contains(&stage.asked().len()), "{}", stage.asked().len());
    assert_eq!(stage.held(&job).await.len(), 1, "its end is not doubled");
}

#[tokio::test]
async fn no_more_than_so_many_calls_run_at_once() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let jobs: [Ids; 10] = stage.begin_many(now, HOUR).await;
    stage.provider.reply_always(Route::EventLog, Some(Reply::Held));
    let settings = Settings {
        concurrency: 3,
        ..SETTINGS
    };
    let mut rounds = stage.rounds_with(settings);
    let client = client(&stage.provider);

    let (_, held) = tokio::join!(rounds.round(&stage.keyring, now), async {
        stage.provider.wait_for_calls_of(Route::EventLog, 3).await;
        // Whatever was begun before these calls has come before they are answered.
        for _ in 0..5 {
            client.chatbots().await.expect("the fake lists them");
        }
        let held = stage.asked().len();
        stage.provider.release();
        held
    });

    assert_eq!(held, 3);
    assert_eq!(stage.asked().len(), jobs.len());
}

#[tokio::test]
async fn a_job_that_gets_too_old_is_warned_of_once_and_left_alone() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let job = stage.begin(now, 7 * DAY - HOUR).await;
    let mut rounds = stage.rounds();
    rounds.round(&stage.keyring, now).await;
    assert_eq!((stage.seen(), stage.log.messages("WARN")), ([1, 0], vec![]));

    for hours in [2, 3, 26] {
        rounds.round(&stage.keyring, now.plus(HOUR * hours)).await;

        assert_eq!(stage.seen(), [1, 1]);
        let expected = format!(
            "job {} (crawling) has begun more than 7 days ago and no end of it is known; CaiGunn is asked about it no \
             more, except at start",
            job.event_id
        );
        assert_eq!(stage.log.messages("WARN"), [expected]);
    }
    assert_eq!(stage.asked(), [job.event_id]);
}

#[tokio::test]
async fn what_is_stalled_at_start_is_warned_of_once_and_asked_about_once() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    stage.begin_many::<25>(now, 8 * DAY).await;
    let mut rounds = stage.rounds();

    for hours in 0..3 {
        rounds.round(&stage.keyring, now.plus(HOUR * hours)).await;
    }

    assert_eq!(stage.asked().len(), 25);
    assert_eq!(stage.seen(), [25, 25]);
    let warnings = stage.log.messages("WARN");
    assert_eq!(warnings.len(), 21, "{warnings:?}");
    assert_eq!(
        warnings[20],
        "5 more jobs like these: begun long ago, and no end of them is known"
    );
}

#[tokio::test]
async fn what_is_stalled_at_start_and_could_not_be_asked_about_then_is_asked_about_later() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let job = stage.begin(now, 8 * DAY).await;
    stage.complete(&job);
    let mut rounds = stage.rounds();
    stage
        .provider
        .reply(Route::EventLog, vec![Reply::Status(500, None, Value::Null); 2]);

    // In the third it is not due, and nothing else is.
    for seconds in [0, 70, 80, 3600] {
        rounds.round(&stage.keyring, now.plus(SECOND * seconds)).await;
    }

    assert_eq!(stage.asked(), [job.event_id; 3]);
    assert!(stage.is_completed(&job).await);
}

#[tokio::test]
async fn jobs_that_are_given_up_leave_their_places_in_the_memory_to_younger_ones() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let [of_start, other] = stage.begin_many(now, 8 * DAY).await;
    let mut rounds = stage.rounds().remembering(2);
    // The first asks about both, and the second finds them given up.
    for minutes in [0, 1] {
        rounds.round(&stage.keyring, now.plus(MINUTE * minutes)).await;
    }
    let later = now.plus(MINUTE * 2);
    let young = stage.begin(later, HOUR).await;

    rounds.round(&stage.keyring, later).await;

    let expected = [of_start, other, young].map(|job| job.event_id);
    assert_eq!(sorted(stage.asked()), sorted(expected.to_vec()));
}

#[tokio::test]
async fn an_end_that_arrives_after_all_closes_a_stalled_job() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let job = stage.begin(now, 8 * DAY).await;
    let mut rounds = stage.rounds();
    rounds.round(&stage.keyring, now).await;
    assert_eq!(stage.seen(), [1, 1]);

    stage.receive("crawling.completed", &job, now).await;
    rounds.round(&stage.keyring, now.plus(MINUTE)).await;

    assert_eq!(stage.seen(), [0, 0]);
}

#[tokio::test]
async fn open_jobs_beyond_a_page_are_asked_about_too() {
    let (stage, now) = (Stage::new().await, Timestamp::now());
    let jobs: Vec<_> = (0..1_001)
        .map(|_| Ids {
            chatbot_id: stage.chatbot_id,
            ..Ids::fresh()
        })
        .collect();
    let received = |ids| {
        entry(
            &sample_with("crawling.initial", ids, Wire::V2024_07),
            now.minus(HOUR),
        )
    };
    stage
        .inbox
        .append(jobs.iter().map(received).collect())
        .await
        .unwrap();
    let missed = [&jobs[0], &jobs[499], &jobs[500], &jobs[1_000]];
    for job in missed {
        stage.complete(job);
    }

    stage.rounds().round(&stage.keyring, now).await;

    let expected = jobs.iter().map(|job| job.event_id).collect();
    assert_eq!(sorted(stage.asked()), sorted(expected));
    for job in missed {
        assert!(stage.is_completed(job).await);
    }
    assert_eq!(stage.seen(), [997, 0]);
}

fn sorted(mut event_ids: Vec<EventId>) -> Vec<EventId> {
    event_ids.sort_unstable();
    event_ids
}
