//! Promise: jobs are found by how they stand, by whom they are of and by when that was, newest first, and a failed one
//! says why.

use super::super::jobs::{self, Job, JobCounts, JobFilter, JobPage, JobState, MAX_EXAMINED, Sought, Word};
use super::super::{Cursor, Span};
use super::jobs::{initial, step};
use super::*;
use crate::event::{EventId, UploadedFile};

/// The first `limit` jobs that match where a job is stalled that began before [`at`] 10.
async fn page_of(inbox: &dyn Inbox, filter: &JobFilter, cursor: Option<Cursor>, limit: usize) -> JobPage {
    let page = PageRequest { cursor, limit };
    jobs::list(inbox, filter, at(10), page).await.expect("a page")
}

/// All jobs that match, in pages of `limit` put together.
pub(super) async fn listed(inbox: &dyn Inbox, filter: &JobFilter, limit: usize) -> Vec<Job> {
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let JobPage { page, looked_back_to } = page_of(inbox, filter, cursor, limit).await;
        assert_eq!(looked_back_to, None);
        assert!(page.items.len() <= limit);
        listed.extend(page.items);
        cursor = match page.next {
            None => return listed,
            next => Some(next.filter(|next| Some(*next) != cursor).expect("another page")),
        };
    }
}

pub(super) fn ids_of(jobs: &[Job]) -> Vec<EventId> {
    jobs.iter().map(|job| job.event_id).collect()
}

pub(super) fn by_state(state: JobState) -> JobFilter {
    JobFilter {
        state: Some(state),
        ..JobFilter::default()
    }
}

pub async fn jobs_are_listed_newest_word_first_each_once(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let [ended, open, undocumented, late] = [Ids::fresh(), Ids::fresh(), Ids::fresh(), Ids::fresh()];
    let batch = vec![
        initial(&ended).at(1),
        initial(&open).at(20),
        step("indexing", "paused", &undocumented).at(21),
        initial(&late).at(22),
        crawled(&ended).at(23),
        step("crawling", "progressing", &open).at(24),
        sent(Event::TrainingInitial, &Ids::fresh(), Wire::V2024_01).at(25),
        step("crawling", "failed", &late).at(26),
        step("crawling", "archived", &late).at(27),
    ];
    for notification in batch {
        inbox.accept_one(notification).await;
    }

    let listed = listed(&*inbox, &JobFilter::default(), 10).await;

    assert_eq!(
        ids_of(&listed),
        [late, ended, undocumented, open].map(|ids| ids.event_id)
    );
    let [late, ended, undocumented, open] = &listed[..] else {
        unreachable!()
    };
    assert_eq!((late.state, late.notification_count), (JobState::Failed, 3));
    assert_eq!((late.began_at, late.changed_at), (at(22), at(26)));
    assert_eq!((ended.state, ended.notification_count), (JobState::Completed, 2));
    assert_eq!((ended.began_at, ended.changed_at), (at(1), at(23)));
    assert_eq!(
        (undocumented.state, &*undocumented.event),
        (JobState::Unknown, "indexing")
    );
    assert_eq!((open.state, open.notification_count), (JobState::Running, 2));
    assert!(open.chatbot_id.is_some());
}

pub async fn each_state_lists_its_jobs(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let [running, stalled, completed, failed] = [(); 4].map(|()| Ids::fresh());
    let [failed_last, completed_last] = [(); 2].map(|()| Ids::fresh());
    let batch = vec![
        initial(&stalled).at(9),
        initial(&completed).at(9),
        initial(&running).at(10),
        initial(&failed).at(11),
        crawled(&completed).at(12),
        step("crawling", "failed", &failed).at(13),
        crawled(&failed_last).at(14),
        step("crawling", "failed", &completed_last).at(15),
        step("crawling", "failed", &failed_last).at(16),
        crawled(&completed_last).at(17),
    ];
    inbox.accept(batch).await;

    let of = async |state| ids_of(&listed(&*inbox, &by_state(state), 10).await);

    assert_eq!(of(JobState::Running).await, [running.event_id]);
    assert_eq!(of(JobState::Stalled).await, [stalled.event_id]);
    assert_eq!(
        of(JobState::Completed).await,
        [completed_last.event_id, completed.event_id]
    );
    assert_eq!(
        of(JobState::Failed).await,
        [failed_last.event_id, failed.event_id]
    );
    assert_eq!(listed(&*inbox, &JobFilter::default(), 10).await.len(), 6);
}

pub async fn jobs_are_listed_by_event_chatbot_and_time(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let [crawl, upload, begun] = [(); 3].map(|()| Ids::fresh());
    let batch = vec![
        initial(&crawl).at(1),
        step("crawling", "failed", &crawl).at(100),
        step("uploading", "failed", &upload).at(200),
        initial(&begun).at(300),
    ];
    inbox.accept(batch).await;
    let found = async |filter: JobFilter| ids_of(&listed(&*inbox, &filter, 10).await);
    let event = |event: &str| JobFilter {
        event: Some(event.to_owned()),
        ..JobFilter::default()
    };
    let span = |since: Option<u64>, until: Option<u64>| JobFilter {
        span: Span {
            since: since.map(at),
            until: until.map(at),
        },
        ..JobFilter::default()
    };

    assert_eq!(found(event("uploading")).await, [upload.event_id]);
    assert_eq!(found(event("crawling")).await, [begun.event_id, crawl.event_id]);
    assert_eq!(found(event("crawling.failed")).await, [crawl.event_id]);
    let of_chatbot = JobFilter {
        chatbot_id: Some(begun.chatbot_id),
        ..by_state(JobState::Running)
    };
    assert_eq!(found(of_chatbot).await, [begun.event_id]);
    let of_another = JobFilter {
        chatbot_id: Some(crawl.chatbot_id),
        ..by_state(JobState::Running)
    };
    assert_eq!(found(of_another).await, []);
    assert_eq!(
        found(span(Some(200), None)).await,
        [begun.event_id, upload.event_id]
    );
    assert_eq!(found(span(None, Some(200))).await, [crawl.event_id]);
    assert_eq!(
        found(span(Some(100), Some(300))).await,
        [upload.event_id, crawl.event_id]
    );
}

pub async fn pages_of_jobs_together_show_each_once(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let jobs: Vec<_> = (0..9).map(|_| Ids::fresh()).collect();
    inbox
        .accept(jobs.iter().map(|ids| initial(ids).at(20)).collect())
        .await;
    let ended = jobs.iter().step_by(2);
    inbox.accept(ended.map(|ids| crawled(ids).at(21)).collect()).await;
    let expected = [8, 6, 4, 2, 0, 7, 5, 3, 1].map(|index: usize| jobs[index].event_id);

    for limit in 1..=10 {
        let all = listed(&*inbox, &JobFilter::default(), limit).await;
        assert_eq!(ids_of(&all), expected, "in pages of {limit}");
        let running = listed(&*inbox, &by_state(JobState::Running), limit).await;
        assert_eq!(ids_of(&running), expected[5..], "in pages of {limit}");
        let completed = listed(&*inbox, &by_state(JobState::Completed), limit).await;
        assert_eq!(ids_of(&completed), expected[..5], "in pages of {limit}");
    }
}

pub async fn a_job_that_ended_before_it_began_is_listed_at_its_end(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let [late, other] = [Ids::fresh(), Ids::fresh()];
    inbox
        .accept(vec![crawled(&late), initial(&other), initial(&late)])
        .await;

    let listed = listed(&*inbox, &JobFilter::default(), 1).await;

    assert_eq!(ids_of(&listed), [other.event_id, late.event_id]);
}

pub async fn a_page_ends_where_enough_was_gone_through_and_says_how_far_that_was(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let jobs: Vec<_> = (0..10).map(|_| Ids::fresh()).collect();
    inbox.accept_one(step("crawling", "failed", &jobs[0])).await;
    for (second, ids) in (1..).zip(&jobs[1..]) {
        inbox.accept_one(crawled(ids).at(second)).await;
    }
    let within = async |cursor, max_examined| {
        let page = PageRequest { cursor, limit: 5 };
        let filter = by_state(JobState::Failed);
        let listed = jobs::list_within(&*inbox, &filter, at(10), page, max_examined).await;
        let JobPage { page, looked_back_to } = listed.expect("a page");
        (ids_of(&page.items), page.next, looked_back_to)
    };

    let (found, next, looked_back_to) = within(None, 4).await;
    assert_eq!((found, looked_back_to), (vec![], Some(at(5))));
    let (found, next, looked_back_to) = within(next, 5).await;
    assert_eq!((found, looked_back_to), (vec![], Some(at(0))));
    let (found, next, looked_back_to) = within(next, 5).await;
    assert_eq!(
        (found, next, looked_back_to),
        (vec![jobs[0].event_id], None, None)
    );
    let (found, next, looked_back_to) = within(None, MAX_EXAMINED).await;
    assert_eq!(
        (found, next, looked_back_to),
        (vec![jobs[0].event_id], None, None)
    );
}

pub async fn what_has_expired_is_no_job(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let [gone, kept] = [Ids::fresh(), Ids::fresh()];
    inbox
        .accept(vec![initial(&gone), crawled(&gone).at(1), initial(&kept).at(20)])
        .await;

    inbox.expire_all(2).await;

    let listed = listed(&*inbox, &JobFilter::default(), 10).await;
    assert_eq!(ids_of(&listed), [kept.event_id]);
    let counts = jobs::counts(&*inbox, at(10), at(0)).await.expect("counts");
    assert_eq!((counts.open, counts.stalled, counts.failed), (1, 0, 0));
}

pub async fn a_failed_job_says_why(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let [why, silent, done] = [(); 3].map(|()| Ids::fresh());
    let failed = |detail| Event::CrawlingFailed { detail };
    let limit = Some("Character limit exceeded".to_owned());
    inbox
        .accept(vec![
            sent(failed(limit), &why, Wire::V2024_07),
            sent(failed(None), &silent, Wire::V2024_07),
            crawled(&done),
        ])
        .await;

    let listed = listed(&*inbox, &JobFilter::default(), 10).await;

    let reasons: Vec<_> = listed.iter().map(|job| job.reason.as_deref()).collect();
    assert_eq!(reasons, [None, None, Some("Character limit exceeded")]);
    let whole = jobs::whole(&*inbox, why.event_id, at(10))
        .await
        .expect("it is read");
    let whole = whole.expect("it is there");
    assert_eq!(whole.state, JobState::Failed);
    assert_eq!(
        whole.notifications[0].detail.as_deref(),
        Some("Character limit exceeded")
    );
    let nobody = jobs::whole(&*inbox, Ids::fresh().event_id, at(10))
        .await
        .expect("it is read");
    assert_eq!(nobody, None);
}

pub async fn of_large_notifications_the_reason_is_told_or_that_it_was_not_read(place: &impl Place) {
    const BODY_BYTES: usize = 2 << 20;
    let inbox = place.open(settings()).await;
    let failed = |_| {
        let detail = Some("Character limit exceeded".to_owned());
        let sent = sent(Event::CrawlingFailed { detail }, &Ids::fresh(), Wire::V2024_07);
        let mut body = sent.body.to_vec();
        body.resize(BODY_BYTES, b' ');
        NewReceipt {
            body: body.into(),
            ..sent
        }
    };
    // Each alone: a server gives a batch of so much the time of a small one.
    for count in 0..9 {
        inbox.accept(vec![failed(count)]).await;
    }

    let listed = listed(&*inbox, &JobFilter::default(), 10).await;

    let mut reasons: Vec<_> = listed
        .into_iter()
        .map(|job| job.reason.expect("one each"))
        .collect();
    let unread = reasons.pop().expect("nine of them");
    assert!(
        reasons.iter().all(|reason| reason == "Character limit exceeded"),
        "{reasons:?}"
    );
    assert!(unread.starts_with("(not read here"), "{unread}");
}

pub async fn failed_files_are_told_with_their_reasons(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let ids = Ids::fresh();
    let file = |filename: &str, status: Option<&str>, detail: Option<&str>| UploadedFile {
        id: ids.training_data_id,
        filename: filename.to_owned(),
        status: status.map(ToOwned::to_owned),
        detail: detail.map(ToOwned::to_owned),
    };
    let files = vec![
        file("a.pdf", None, None),
        file("<b>.pdf", Some("failed"), Some("Unsupport file format")),
        file(&"x".repeat(1_000), Some("failed"), None),
    ];
    inbox
        .accept_one(sent(Event::UploadingCompleted { files }, &ids, Wire::V2024_07))
        .await;

    let whole = jobs::whole(&*inbox, ids.event_id, at(10))
        .await
        .expect("it is read");

    let step = &whole.expect("it is there").notifications[0];
    assert_eq!(step.failed_file_count, 2);
    let [one, other] = &step.failed_files[..] else {
        panic!("{step:?}")
    };
    assert_eq!(one.filename, "<b>.pdf");
    assert_eq!(one.detail.as_deref(), Some("Unsupport file format"));
    assert_eq!((other.filename.chars().count(), &other.detail), (501, &None));
}

pub async fn jobs_that_need_a_look_are_counted(place: &impl Place) {
    let inbox = place.open(settings()).await;
    // Far enough apart for what clocks may differ by.
    let day = 86_400;
    let [stalled, running, failed, failed_long_ago] = [(); 4].map(|()| Ids::fresh());
    let batch = [
        initial(&stalled),
        step("crawling", "failed", &failed_long_ago),
        initial(&running).at(2 * day),
        step("crawling", "failed", &failed).at(2 * day),
        crawled(&Ids::fresh()).at(2 * day),
    ];
    for notification in batch {
        inbox.accept_one(notification).await;
    }

    let counts = jobs::counts(&*inbox, at(day), at(day)).await.expect("counts");

    let expected = JobCounts {
        open: 2,
        stalled: 1,
        failed: 1,
        failed_since: at(day),
    };
    assert_eq!(counts, expected);
}

pub async fn jobs_are_read_many_at_once_as_one_by_one(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let [one, other, nobody] = [(); 3].map(|()| Ids::fresh());
    for ids in [&one, &other] {
        inbox.accept_one(step("indexing", "paused", ids)).await;
        inbox.accept_one(initial(ids)).await;
        inbox.accept_one(step("indexing", "resumed", ids)).await;
    }
    inbox.accept_one(crawled(&other)).await;
    let event_ids = [&one, &nobody, &other].map(|ids| ids.event_id);

    let each = inbox
        .jobs()
        .each(event_ids.to_vec())
        .await
        .expect("they are read");

    assert_eq!(each.iter().map(Vec::len).collect::<Vec<_>>(), [3, 0, 4]);
    for (event_id, job) in event_ids.into_iter().zip(each) {
        assert_eq!(inbox.job(event_id).await.expect("it is read"), job);
    }
    let sought = Sought {
        word: Word::Open,
        event: None,
        chatbot_id: None,
        from: 1,
        until: i64::MAX as u64,
        limit: 10,
    };
    let open = inbox.jobs().words(sought).await.expect("they are read");
    assert_eq!(open, inbox.open(10).await);
}
