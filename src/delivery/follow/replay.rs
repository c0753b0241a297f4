//! Replays: page by page, the place recorded after each.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::{Follower, INTERVAL, MAX_RATE_WAIT, PAGE_COUNT, Served, Stop, progress_text};
use crate::delivery::instruction::Progress;
use crate::delivery::worker::What;
use crate::event::EventId;
use crate::inbox::instruction::Replay;
use crate::inbox::outbox::{self, Delivery, InstructionId, MAX_DISORDER, Matched, Matching, State};
use crate::inbox::{self, PageRequest, Receipt, ReceiptFilter};

/// The most notifications of a job that are replayed by it: some 3 MB of memory.
const MAX_OF_JOB: usize = 10_000;

/// How a replay goes on.
enum Step {
    /// There may be more.
    More,
    /// The destination takes no more now.
    NotNow,
    /// That was all.
    Last,
}

impl Follower {
    /// Goes through a replay, to its end or until a destination takes no more now; says whether that was its end.
    pub(super) async fn replay(
        &self,
        kept: outbox::Instruction,
        replay: &Replay,
    ) -> Result<bool, inbox::Error> {
        if self.waits.is_early(kept.id) {
            return Ok(false);
        }
        // It may have been ended while it waited for its turn.
        if self.is_done(kept.id).await? {
            return Ok(true);
        }
        let mut progress: Progress = serde_json::from_str(&kept.progress).unwrap_or_default();
        let step = self.replay_from(&kept, replay, &mut progress).await;
        match step {
            Ok(Step::NotNow) | Err(Stop::NotYet) => self.waits.wait(kept.id, progress.position),
            _ => self.waits.end(kept.id),
        }
        match step {
            Ok(Step::More) => Ok(true),
            Ok(Step::NotNow) | Err(Stop::NotYet) => Ok(false),
            Ok(Step::Last) => self.close(kept, progress, None).await.map(|()| true),
            Err(Stop::Failed(reason)) => self.close(kept, progress, Some(reason)).await.map(|()| true),
            Err(Stop::Store(error)) => Err(error),
        }
    }

    /// Goes on from where it is. There is more if an operator has ended it, or another one has waited for long enough: an
    /// older one would else wait for the end of this.
    async fn replay_from(
        &self,
        kept: &outbox::Instruction,
        replay: &Replay,
        progress: &mut Progress,
    ) -> Result<Step, Stop> {
        let chosen = match &replay.destination {
            None => self.served.iter().collect(),
            Some(name) => vec![self.served(name)?],
        };
        if progress.last == 0 {
            self.bound(replay, progress).await?;
        }
        let named = self.named(kept, replay, progress).await?;
        let mut written = kept.progress.clone();
        loop {
            let begun_at = Instant::now();
            let replayed_before = progress.replayed_count;
            let step = self
                .replay_page(replay, named.as_deref(), &chosen, progress)
                .await?;
            let so_far = progress_text(progress);
            if written != so_far {
                written.clone_from(&so_far);
                let so_far = outbox::Instruction {
                    progress: so_far,
                    ..kept.clone()
                };
                self.inbox.outbox().follow_up(&self.leader, so_far).await?;
            }
            // An operator may have ended it meanwhile.
            if self.has_ended(kept, progress).await? {
                return Ok(Step::More);
            }
            if !matches!(step, Step::More) {
                return Ok(step);
            }
            let count = progress.replayed_count - replayed_before;
            if self.keep_rate(replay, kept.id, begun_at, count).await? || self.waits.has_others_due(kept.id) {
                return Ok(Step::More);
            }
        }
    }

    /// Whether an operator has ended it. If that was amid a page, what came of the page is written down with the end.
    async fn has_ended(&self, kept: &outbox::Instruction, progress: &Progress) -> Result<bool, inbox::Error> {
        let Some(known) = self.inbox.outbox().instruction(kept.id).await? else {
            return Ok(true);
        };
        let said: Progress = serde_json::from_str(&known.progress).unwrap_or_default();
        let in_the_end = Progress {
            ended: true,
            ..progress.clone()
        };
        let counts = |progress: &Progress| (progress.matched_count, progress.replayed_count);
        if known.done_at.is_some() && said.ended && counts(&said) != counts(&in_the_end) {
            let counted = outbox::Instruction {
                progress: progress_text(&in_the_end),
                ..known.clone()
            };
            // That it ended was said when it was ended.
            self.inbox.outbox().follow_up(&self.leader, counted).await?;
        }
        Ok(known.done_at.is_some())
    }

    /// Whether it is done, or was ended.
    async fn is_done(&self, id: InstructionId) -> Result<bool, inbox::Error> {
        let known = self.inbox.outbox().instruction(id).await?;
        Ok(known.is_none_or(|known| known.done_at.is_some()))
    }

    /// Finds where it begins and ends, by the times that it names.
    async fn bound(&self, replay: &Replay, progress: &mut Progress) -> Result<(), inbox::Error> {
        let outbox = self.inbox.outbox();
        progress.last = outbox.last_sequence().await?;
        let oldest = outbox.receipts_after(0, 1).await?;
        progress.first = oldest.first().map_or(progress.last, |oldest| oldest.sequence - 1);
        if let Some(since) = replay.since {
            progress.first = progress.first.max(outbox.last_before(since).await?);
        }
        if let Some(until) = replay.until {
            // Above that number all were received then or later.
            let end = outbox.last_before(until.plus(2 * MAX_DISORDER)).await?;
            progress.last = progress.last.min(end.max(progress.first));
        }
        progress.position = progress.first;
        Ok(())
    }

    /// Waits as long as the rate of a replay wants after so many, or until it is ended; says whether it is.
    async fn keep_rate(
        &self,
        replay: &Replay,
        id: InstructionId,
        begun_at: Instant,
        count: u64,
    ) -> Result<bool, inbox::Error> {
        let Some(per_second) = replay.max_per_second else {
            // So that what is asked for meanwhile gets its turn at the store.
            sleep(Duration::ZERO).await;
            return Ok(false);
        };
        let wait = Duration::try_from_secs_f64(count as f64 / per_second).unwrap_or(MAX_RATE_WAIT);
        let until = begun_at + wait.min(MAX_RATE_WAIT);
        while Instant::now() < until {
            sleep_until(until.min(Instant::now() + INTERVAL)).await;
            if self.is_done(id).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Goes on by a page.
    async fn replay_page(
        &self,
        replay: &Replay,
        named: Option<&[Receipt]>,
        chosen: &[&Served],
        progress: &mut Progress,
    ) -> Result<Step, Stop> {
        let limit = replay.max_per_second.map_or(PAGE_COUNT, |per_second| {
            (per_second.ceil() as usize).clamp(1, PAGE_COUNT)
        });
        if replay.dead {
            return self.replay_dead(replay, chosen, limit, progress).await;
        }
        let outbox = self.inbox.outbox();
        let Matched { receipts, read_to } = match named {
            _ if progress.position >= progress.last => return Ok(Step::Last),
            Some(named) => next_of(named, progress, limit),
            None => {
                let what = Matching {
                    filter: replay.filter(),
                    span: replay.span(),
                    after: progress.position,
                    until: progress.last,
                };
                // No more at once than the rate allows; what does not match costs nothing.
                outbox.matching(what, limit).await?
            }
        };
        if let Some(first) = receipts.first() {
            // Before the rows: whoever is behind this cursor and has no row has not begun.
            let destinations = outbox.destinations().await?;
            for served in chosen {
                // What one has got of this page it gets once, also if another takes no more now.
                let from = progress
                    .ahead
                    .get(&served.name)
                    .map_or(first.sequence, |last| last + 1);
                let known = destinations.iter().find(|known| known.id == served.id);
                let cursor = known.map_or(0, |known| known.cursor);
                let of_page: Vec<_> = receipts
                    .iter()
                    .filter(|receipt| receipt.sequence >= from && served.filter.matches(receipt))
                    .collect();
                let sequences = of_page.iter().map(|receipt| receipt.sequence).collect();
                let rows = outbox.rows_of(Some(served.id), sequences).await?;
                let wanted = of_page
                    .into_iter()
                    .map(|receipt| {
                        let row = rows.iter().find(|row| row.sequence == receipt.sequence);
                        (receipt.clone(), row.copied())
                    })
                    // What is pending will come anyway.
                    .filter(|(receipt, row)| match row {
                        Some(row) => row.state != State::Pending,
                        None => receipt.sequence <= cursor,
                    });
                if !self
                    .reopen(served, wanted.collect(), replay.dry_run, progress)
                    .await?
                {
                    return Ok(Step::NotNow);
                }
                progress.ahead.insert(served.name.clone(), read_to);
            }
            progress.ahead.clear();
        }
        progress.examined_count += match named {
            Some(_) => receipts.len() as u64,
            None => read_to - progress.position,
        };
        progress.position = read_to;
        Ok(Step::More)
    }

    /// As [`Follower::replay_page`], of dead letters, one destination after the other.
    async fn replay_dead(
        &self,
        replay: &Replay,
        chosen: &[&Served],
        limit: usize,
        progress: &mut Progress,
    ) -> Result<Step, Stop> {
        let is_left = |served: &&&Served| !progress.destinations_done.contains(&served.name);
        let Some(served) = chosen.iter().find(is_left) else {
            return Ok(Step::Last);
        };
        // By its name, since whoever goes on with this may have other destinations, or in another order.
        let after = progress
            .ahead
            .get(&served.name)
            .copied()
            .unwrap_or(progress.first);
        let outbox = self.inbox.outbox();
        let dead = outbox
            .deliveries_after(served.id, State::Dead, after, limit)
            .await?;
        let dead: Vec<_> = dead
            .into_iter()
            .take_while(|(delivery, _)| delivery.sequence <= progress.last)
            .collect();
        let Some((last, _)) = dead.last() else {
            progress.ahead.remove(&served.name);
            progress.destinations_done.push(served.name.clone());
            progress.position = progress.first;
            return Ok(Step::More);
        };
        let (last, count) = (last.sequence, dead.len() as u64);
        let wanted = dead
            .into_iter()
            .filter(|(_, receipt)| replay.matches(receipt) && served.filter.matches(receipt))
            .map(|(delivery, receipt)| (receipt, Some(delivery)))
            .collect();
        if !self.reopen(served, wanted, replay.dry_run, progress).await? {
            return Ok(Step::NotNow);
        }
        progress.ahead.insert(served.name.clone(), last);
        progress.position = last;
        progress.examined_count += count;
        Ok(Step::More)
    }

    /// Makes deliveries pending, or only counts them; says whether that could be done now.
    async fn reopen(
        &self,
        served: &Served,
        wanted: Vec<(Receipt, Option<Delivery>)>,
        dry_run: bool,
        progress: &mut Progress,
    ) -> Result<bool, Stop> {
        let matched_count = wanted.len() as u64;
        if !dry_run && !wanted.is_empty() {
            let reopened = match self.order(served, What::Reopen(wanted)).await {
                Err(Stop::NotYet) => None,
                told => told?,
            };
            let Some(count) = reopened else {
                progress.waits_for = Some(served.name.clone());
                return Ok(false);
            };
            progress.replayed_count += count as u64;
        }
        progress.waits_for = None;
        progress.matched_count += matched_count;
        Ok(true)
    }

    /// The receipts that a replay names by their ids or their job, oldest first; `None` if it names none. Once it is begun with,
    /// some may have expired, which keeps none of the others.
    async fn named(
        &self,
        kept: &outbox::Instruction,
        replay: &Replay,
        progress: &Progress,
    ) -> Result<Option<Vec<Receipt>>, Stop> {
        let mut receipts = match replay.event_id {
            Some(event_id) if replay.receipt_ids.is_empty() => self.of_job(event_id).await?,
            None if replay.receipt_ids.is_empty() => return Ok(None),
            _ => Vec::new(),
        };
        let is_begun = !kept.progress.is_empty();
        let mut gone = Vec::new();
        for id in &replay.receipt_ids {
            match self.inbox.receipt(*id).await? {
                Some((receipt, _)) => receipts.push(receipt),
                None if is_begun => gone.push(id),
                None => return Err(Stop::Failed(format!("there is no receipt {id}"))),
            }
        }
        match &gone[..] {
            [id, ..] if receipts.is_empty() && progress.examined_count == 0 => {
                return Err(Stop::Failed(format!("there is no receipt {id}")));
            }
            // Of one that goes on after a page they are those that it has been through.
            [id, ..] if progress.examined_count == 0 && !self.waits.knows(kept.id) => tracing::info!(
                instruction_id = %kept.id,
                "{} of the receipts that a replay names have expired before it came to them, as {id}; it goes on with the others",
                gone.len()
            ),
            _ => {}
        }
        receipts.retain(|receipt| replay.matches(receipt));
        receipts.sort_by_key(|receipt| receipt.sequence);
        Ok(Some(receipts))
    }

    /// All receipts of a job.
    async fn of_job(&self, event_id: EventId) -> Result<Vec<Receipt>, Stop> {
        let filter = ReceiptFilter {
            event_id: Some(event_id),
            ..ReceiptFilter::default()
        };
        let (mut receipts, mut cursor) = (Vec::new(), None);
        loop {
            let limit = PAGE_COUNT;
            let page = self
                .inbox
                .receipts(filter.clone(), PageRequest { cursor, limit })
                .await?;
            receipts.extend(page.items);
            if receipts.len() > MAX_OF_JOB {
                let reason = format!(
                    "job {event_id} has more than {MAX_OF_JOB} notifications: give a time or a chatbot in its place"
                );
                return Err(Stop::Failed(reason));
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(receipts);
            }
        }
    }
}

/// The next of these behind where a replay is, at most `limit`.
fn next_of(named: &[Receipt], progress: &Progress, limit: usize) -> Matched {
    let is_left = |receipt: &&Receipt| (progress.position + 1..=progress.last).contains(&receipt.sequence);
    let receipts: Vec<_> = named.iter().filter(is_left).take(limit).cloned().collect();
    let last = receipts.last().filter(|_| receipts.len() >= limit);
    Matched {
        read_to: last.map_or(progress.last, |last| last.sequence),
        receipts,
    }
}
