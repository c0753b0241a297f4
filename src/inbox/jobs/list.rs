//! Goes through the words of jobs.

use std::collections::{HashMap, HashSet};

use super::super::outbox::MAX_DISORDER;
use super::super::{Cursor, Error, Inbox, Page, PageRequest, Receipt, ReceiptFilter, Span};
use super::reasons::{self, Found, WholeJob};
use super::{
    Job, JobCounts, JobFilter, JobPage, JobState, MAX_EXAMINED, MAX_LISTED, MAX_RECENT, Sought, Word,
};
use crate::clock::Timestamp;
use crate::event::{EventId, Name};

/// How many words, and how many jobs, one page may look at.
const MAX_WORDS: usize = 10_000;
const MAX_LOOKED_AT: usize = 1_000;

/// Jobs that match, newest word first. A page may hold fewer than asked for, even none, and still have a next.
pub async fn list(
    inbox: &dyn Inbox,
    filter: &JobFilter,
    stalled_before: Timestamp,
    page: PageRequest,
) -> Result<JobPage, Error> {
    list_within(inbox, filter, stalled_before, page, MAX_EXAMINED).await
}

/// The same, gone through no more than so many receipts.
pub(in crate::inbox) async fn list_within(
    inbox: &dyn Inbox,
    filter: &JobFilter,
    stalled_before: Timestamp,
    page: PageRequest,
    max_examined: u64,
) -> Result<JobPage, Error> {
    let (jobs, looked_back_to) = walk(inbox, filter, stalled_before, page, max_examined).await?;
    let page = Page {
        items: reasons::with_reasons(inbox, jobs.items).await?,
        next: jobs.next,
    };
    Ok(JobPage { page, looked_back_to })
}

/// A job with all that is known of its notifications; `None` if there are none.
pub async fn whole(
    inbox: &dyn Inbox,
    event_id: EventId,
    stalled_before: Timestamp,
) -> Result<Option<WholeJob>, Error> {
    let receipts = inbox.job(event_id).await?;
    if receipts.is_empty() {
        return Ok(None);
    }
    let state = JobState::of(&receipts, stalled_before);
    let notifications = reasons::steps(inbox, receipts).await?;
    Ok(Some(WholeJob {
        event_id,
        state,
        reason: reasons::reason(&notifications),
        notifications,
    }))
}

/// How many jobs are open, stalled, and failed since that time or as far back as is looked.
pub async fn counts(
    inbox: &dyn Inbox,
    stalled_before: Timestamp,
    failed_since: Timestamp,
) -> Result<JobCounts, Error> {
    let filter = JobFilter {
        state: Some(JobState::Failed),
        span: Span {
            since: Some(failed_since),
            until: None,
        },
        ..JobFilter::default()
    };
    let page = PageRequest::first(MAX_LISTED);
    let (failed, looked_back_to) = walk(inbox, &filter, stalled_before, page, MAX_RECENT).await?;
    Ok(JobCounts {
        open: inbox.jobs().open_count(None).await?,
        stalled: inbox.jobs().open_count(Some(stalled_before)).await?,
        failed: failed.items.len() as u64,
        failed_since: looked_back_to.unwrap_or(failed_since),
    })
}

/// Goes through the words of jobs, through so many receipts at most.
async fn walk(
    inbox: &dyn Inbox,
    filter: &JobFilter,
    stalled_before: Timestamp,
    page: PageRequest,
    max_examined: u64,
) -> Result<(Page<Found>, Option<Timestamp>), Error> {
    let word = filter.state.map_or(Word::Any, JobState::word);
    let span = asked_span(filter, stalled_before);
    // Open jobs are few, and so looked at one by one: where a clock was wrong for a while, halving would miss some.
    let halved = match word {
        Word::Open => Span::default(),
        Word::Any | Word::Status(_) => span,
    };
    let (first, last) = bounds(inbox, halved).await?;
    let mut until = page
        .cursor
        .map_or(last, |cursor| last.min(cursor.0.saturating_sub(1)));
    let from = match word {
        Word::Open => first,
        Word::Any | Word::Status(_) => first.max((until + 1).saturating_sub(max_examined)),
    };
    let (mut items, mut seen) = (Vec::new(), HashSet::new());
    let (mut word_count, mut look_count) = (0, 0);
    while until >= from {
        let is_sifted_here = word == Word::Open
            && (filter.event.is_some() || filter.chatbot_id.is_some() || span.until.is_some());
        let limit = match is_sifted_here {
            true => MAX_LOOKED_AT,
            // A job that has ended has two, of which one is its word.
            false => (2 * page.limit).clamp(50, MAX_LOOKED_AT),
        };
        let sought = Sought {
            word,
            event: filter.event.clone(),
            chatbot_id: filter.chatbot_id,
            from,
            until,
            limit,
        };
        let words = inbox.jobs().words(sought).await?;
        let is_end = words.len() < limit;
        word_count += words.len();
        until = words.last().map_or(from, |last| last.sequence) - 1;
        let wanted = |word: &Receipt| filter.is_about(word) && span.contains(word.received_at);
        let words: Vec<_> = words.into_iter().filter(wanted).collect();
        let jobs = look_at(inbox, &words, &seen).await?;
        look_count += jobs.len();
        seen.extend(told(&jobs, until));
        for found in found(words, &jobs, stalled_before) {
            if filter.state.is_some_and(|state| state != found.job.state) {
                continue;
            }
            items.push(found);
            if items.len() == page.limit {
                let next = items.last().map(|last| Cursor(last.word.sequence));
                return Ok((Page { items, next }, None));
            }
        }
        if is_end {
            until = from - 1;
        } else if look_count >= MAX_LOOKED_AT || word_count >= MAX_WORDS {
            break;
        }
    }
    if until < first {
        return Ok((Page { items, next: None }, None));
    }
    // The next one tells how far this page came.
    let next = Cursor(until + 1);
    let older = PageRequest::behind(next, 1);
    let older = inbox.receipts(ReceiptFilter::default(), older).await?.items.pop();
    let looked_back_to = older.map(|older| older.received_at);
    let next = looked_back_to.map(|_| next);
    Ok((Page { items, next }, looked_back_to))
}

/// When the words came that may match: an open job is running or stalled by when it began.
fn asked_span(filter: &JobFilter, stalled_before: Timestamp) -> Span {
    let Span { since, until } = filter.span;
    match filter.state {
        Some(JobState::Running) => Span {
            since: Some(since.map_or(stalled_before, |since| since.max(stalled_before))),
            until,
        },
        Some(JobState::Stalled) => Span {
            since,
            until: Some(until.map_or(stalled_before, |until| until.min(stalled_before))),
        },
        Some(JobState::Completed | JobState::Failed | JobState::Unknown) | None => filter.span,
    }
}

/// The numbers between which receipts of that time are, found by halving.
async fn bounds(inbox: &dyn Inbox, span: Span) -> Result<(u64, u64), Error> {
    let outbox = inbox.outbox();
    let mut last = outbox.last_sequence().await?;
    let oldest = outbox.receipts_after(0, 1).await?;
    let mut first = oldest.first().map_or(last + 1, |oldest| oldest.sequence);
    if let Some(since) = span.since {
        first = first.max(outbox.last_before(since).await? + 1);
    }
    if let Some(until) = span.until {
        // Above that number all were received then or later.
        last = last.min(outbox.last_before(until.plus(2 * MAX_DISORDER)).await?);
    }
    Ok((first, last))
}

impl JobFilter {
    /// Whether a word is of the event and the chatbot that are asked for.
    fn is_about(&self, word: &Receipt) -> bool {
        let filter = ReceiptFilter {
            event: self.event.clone(),
            event_id: None,
            chatbot_id: self.chatbot_id,
        };
        filter.matches(word)
    }
}

/// A job's notifications, oldest first, by its id.
type Whole = HashMap<EventId, Vec<Receipt>>;

/// The jobs of which these may be the words, but for those that were seen.
async fn look_at(inbox: &dyn Inbox, words: &[Receipt], seen: &HashSet<EventId>) -> Result<Whole, Error> {
    let event_ids = words.iter().filter_map(|word| word.event_id);
    let event_ids: HashSet<_> = event_ids.filter(|event_id| !seen.contains(event_id)).collect();
    let event_ids: Vec<_> = event_ids.into_iter().collect();
    if event_ids.is_empty() {
        return Ok(Whole::new());
    }
    let jobs = inbox.jobs().each(event_ids.clone()).await?;
    Ok(event_ids.into_iter().zip(jobs).collect())
}

/// Those of the jobs whose word is not among what is still to be gone through, which are the numbers up to `until`.
fn told(jobs: &Whole, until: u64) -> impl Iterator<Item = EventId> {
    let is_told =
        move |notifications: &[Receipt]| word_of(notifications).is_none_or(|word| word.sequence > until);
    let told = jobs
        .iter()
        .filter(move |(_, notifications)| is_told(notifications));
    told.map(|(event_id, _)| *event_id)
}

/// The jobs whose word is one of these, in their order.
fn found(words: Vec<Receipt>, jobs: &Whole, stalled_before: Timestamp) -> Vec<Found> {
    let found = words.into_iter().filter_map(|word| {
        let event_id = word.event_id?;
        let notifications = jobs.get(&event_id)?;
        let is_its_own = word_of(notifications)?.sequence == word.sequence;
        let first = notifications.first()?;
        is_its_own.then(|| Found {
            job: Job {
                event_id,
                state: JobState::of(notifications, stalled_before),
                event: word.event.event.clone().into_owned(),
                chatbot_id: notifications.iter().find_map(|receipt| receipt.chatbot_id),
                began_at: first.received_at,
                changed_at: word.received_at,
                notification_count: notifications.len(),
                reason: None,
            },
            word,
        })
    });
    found.collect()
}

/// The notification by which a job stands as it does.
pub(super) fn word_of(notifications: &[Receipt]) -> Option<&Receipt> {
    let end = notifications.iter().rfind(|receipt| receipt.event.ends_job());
    let begins = |receipt: &&Receipt| receipt.event.status == Name::INITIAL;
    let begin = || notifications.iter().find(begins);
    end.or_else(begin).or(notifications.first())
}
