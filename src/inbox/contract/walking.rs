//! Promise: a list of jobs leaves none out, whatever lies between the notifications of a job, and whatever the clock said
//! meanwhile; and each is where its state is asked for.

use super::super::jobs::{self, JobFilter, JobState};
use super::jobs::{initial, step};
use super::listing::{by_state, ids_of, listed};
use super::*;

pub async fn a_job_of_which_something_newer_came_than_its_word_is_listed(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let [running, failed] = [(); 2].map(|()| Ids::fresh());
    let others: Vec<_> = (0..30).map(|_| Ids::fresh()).collect();
    let mut batch = vec![initial(&running), step("crawling", "failed", &failed)];
    for ids in &others {
        let steps = ["initial", "reading", "indexing", "completed"];
        batch.extend(steps.map(|status| step("crawling", status, ids)));
    }
    batch.push(step("crawling", "progressing", &running));
    batch.push(initial(&failed));
    inbox.accept(batch).await;
    let newest_first = others.iter().rev().chain([&failed, &running]);
    let expected: Vec<_> = newest_first.map(|ids| ids.event_id).collect();

    for limit in [1, 10, 50] {
        let all = listed(&*inbox, &JobFilter::default(), limit).await;

        assert_eq!(ids_of(&all), expected, "in pages of {limit}");
    }
}

pub async fn a_job_of_many_steps_is_listed(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let steps = (0..98).map(|number| step("crawling", &format!("page-{number}"), &ids));
    inbox
        .accept(std::iter::once(initial(&ids)).chain(steps).collect())
        .await;

    for limit in [1, 10, 50] {
        let all = listed(&*inbox, &JobFilter::default(), limit).await;

        assert_eq!(ids_of(&all), [ids.event_id], "in pages of {limit}");
    }
}

pub async fn a_stretch_of_a_wrong_clock_hides_no_open_job_and_makes_none_stalled(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let jobs: Vec<_> = (0..6).map(|_| Ids::fresh()).collect();
    let old = NewReceipt {
        received_at: Timestamp::from_micros(0),
        ..initial(&Ids::fresh())
    };
    let of_1970 = || NewReceipt {
        received_at: Timestamp::from_micros(0),
        ..crawled(&Ids::fresh())
    };
    let mut batch = vec![old.clone()];
    batch.extend(jobs.iter().map(|ids| initial(ids).at(20)));
    batch.extend((0..20).map(|_| of_1970()));
    batch.extend((0..3).map(|_| crawled(&Ids::fresh()).at(30)));
    inbox.accept(batch).await;

    let running = listed(&*inbox, &by_state(JobState::Running), 10).await;
    let stalled = listed(&*inbox, &by_state(JobState::Stalled), 10).await;
    let counts = jobs::counts(&*inbox, at(10), at(0)).await.expect("counts");

    let expected: Vec<_> = jobs.iter().rev().map(|ids| ids.event_id).collect();
    assert_eq!(ids_of(&running), expected);
    assert_eq!(ids_of(&stalled), [old.event_id().expect("it is of a job")]);
    assert_eq!((counts.open, counts.stalled), (7, 1));
}

pub async fn a_job_that_neither_began_nor_ended_is_found_as_unknown_alone(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let [unknown, begun] = [(); 2].map(|()| Ids::fresh());
    inbox
        .accept(vec![
            step("crawling", "queued", &unknown).at(20),
            step("indexing", "initial", &begun).at(20),
        ])
        .await;

    let of = async |state| ids_of(&listed(&*inbox, &by_state(state), 10).await);

    assert_eq!(of(JobState::Unknown).await, [unknown.event_id]);
    assert_eq!(of(JobState::Running).await, [begun.event_id]);
    assert_eq!(of(JobState::Stalled).await, []);
    let counts = jobs::counts(&*inbox, at(10), at(0)).await.expect("counts");
    assert_eq!((counts.open, counts.stalled), (1, 0));
    let all = listed(&*inbox, &JobFilter::default(), 10).await;
    let states: Vec<_> = all.iter().map(|job| job.state).collect();
    assert_eq!(states, [JobState::Running, JobState::Unknown]);
}
