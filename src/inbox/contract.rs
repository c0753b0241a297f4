//! The inbox's contract as tests, for every store to run: `contract_tests!(place)` makes a test of each promise.
//!
//! A promise is an async function over a [`Place`], in the file of its topic. One that the macro does not name
//! is dead code, which the build reports.

pub mod acceptance;
pub mod duplicates;
pub mod jobs;
pub mod listing;
pub mod order;
pub mod outbox;
pub mod reading;
pub mod traces;
pub mod upkeep;
pub mod walking;
pub mod window;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

use super::writer::comparing::Comparer;
use super::{
    Appended, Entry, Inbox, NewQuarantined, NewReceipt, Origin, PageRequest, QuarantineId, Quarantined,
    Receipt, ReceiptFilter, ReceiptId, RequestId, Settings, Stored, Uncompared,
};
use crate::clock::Timestamp;
use crate::event::sample::{self, Ids};
use crate::event::{Event, Wire, parse};

pub use outbox::{deliveries, destinations, instructions, log, notices, progress};

/// Makes a test of each promise. `$place` gives a new, empty [`Place`].
macro_rules! contract_tests {
    ($place:expr) => {
        $crate::inbox::contract::contract_tests! { $place;
            duplicates: [
                a_repeat_gets_the_first_receipts_id,
                repeats_within_one_batch_get_the_first_receipts_id,
                repeats_in_a_later_batch_get_their_own_first_receipts_id,
                a_repeat_is_recognized_after_reopening,
                one_notification_appended_by_many_at_once_is_one_receipt,
                initial_never_hides_completed,
                the_same_step_of_different_jobs_is_kept_twice,
                both_wire_generations_of_one_notification_are_the_same,
                event_names_that_read_alike_are_kept_apart,
                an_older_completed_training_is_recognized_by_its_model,
                a_repeat_in_other_words_leaves_nothing_behind,
                a_repeat_with_other_content_goes_to_quarantine,
                a_repeat_with_other_content_within_one_batch_goes_to_quarantine,
                what_takes_long_to_compare_is_handed_back,
                a_large_repeat_in_other_words_leaves_nothing_behind,
                a_large_repeat_with_other_content_goes_to_quarantine,
                many_repeats_in_other_words_are_all_recognized,
            ]
            window: [
                the_same_message_within_the_window_is_a_duplicate,
                the_same_message_after_the_window_is_new,
                the_window_begins_with_the_accepted_message_not_with_its_last_repeat,
                of_two_same_messages_either_may_have_arrived_first,
                the_same_message_twice_in_one_batch_is_a_duplicate,
                the_same_message_of_another_chatbot_is_new,
                another_message_is_new_and_not_in_quarantine,
                after_another_training_event_the_same_message_is_new,
                after_a_repeat_of_another_training_event_it_is_still_a_duplicate,
                another_chatbots_training_does_not_count_as_in_between,
                of_undocumented_messages_whose_ids_are_none_no_two_that_differ_are_one,
                the_window_holds_across_reopening,
                what_came_in_between_counts_across_reopening,
                after_expiry_the_same_message_is_new,
                a_large_message_is_told_from_the_last_one,
                a_large_message_is_new_only_if_it_was_compared_with_the_last_one,
            ]
            order: [
                sequences_and_ids_grow_strictly_across_batches_and_reopening,
                numbers_are_never_used_again_even_when_all_receipts_expired,
                ids_grow_strictly_within_a_large_batch,
                receipts_are_listed_newest_first,
                pages_together_show_each_receipt_once,
                a_page_is_not_disturbed_by_what_arrives_meanwhile,
                each_filter_lists_what_matches_it,
                filters_combine,
                a_filter_by_event_finds_names_that_contain_dots,
                a_filtered_list_pages_to_its_end,
                a_job_is_listed_oldest_first_with_its_undocumented_events,
                a_job_is_listed_the_same_after_reopening,
                a_job_lists_a_bounded_number_of_receipts,
                a_job_is_listed_page_by_page_to_its_end,
            ]
            reading: [
                bodies_are_kept_to_the_byte,
                a_receipt_reads_back_as_it_was_stored,
                every_receipt_is_found_by_its_id,
                an_id_that_was_never_given_is_not_found,
                receipts_are_found_by_id_beside_the_gap_that_expiry_left,
                a_quarantined_request_reads_back_as_it_was_stored,
                the_quarantine_is_listed_newest_first_in_pages,
                of_long_texts_beside_a_body_in_quarantine_the_start_is_kept,
                an_id_that_is_not_in_quarantine_is_not_found,
                an_export_shows_every_receipt_once_oldest_first,
                an_export_of_large_bodies_is_cut_but_never_empty,
                an_export_shows_nothing_that_has_expired,
            ]
            traces: [
                a_trace_comes_with_its_receipt_wherever_that_is_read,
                a_receipt_has_the_trace_of_the_first_and_not_of_a_repeat,
            ]
            jobs: [
                a_job_is_open_while_only_its_initial_is_known,
                either_end_closes_a_job_in_either_order_of_arrival,
                ends_close_jobs_within_one_batch,
                ends_and_beginnings_find_one_another_across_reopening,
                another_event_or_job_closes_nothing,
                jobs_of_undocumented_events_open_and_close,
                without_an_event_id_there_is_no_job_to_open,
                a_repeated_initial_neither_opens_twice_nor_reopens,
                an_expired_initial_is_no_longer_open,
                an_expired_initial_that_comes_again_is_open_if_no_end_is_held,
                open_jobs_are_listed_oldest_first_to_the_end,
                jobs_that_close_between_pages_disturb_no_other,
                the_origin_is_kept,
                a_receipt_is_found_by_its_identity,
                the_last_receipt_of_each_chatbot_is_known_by_its_time,
            ]
            listing: [
                jobs_are_listed_newest_word_first_each_once,
                each_state_lists_its_jobs,
                jobs_are_listed_by_event_chatbot_and_time,
                pages_of_jobs_together_show_each_once,
                a_job_that_ended_before_it_began_is_listed_at_its_end,
                a_page_ends_where_enough_was_gone_through_and_says_how_far_that_was,
                what_has_expired_is_no_job,
                a_failed_job_says_why,
                failed_files_are_told_with_their_reasons,
                of_large_notifications_the_reason_is_told_or_that_it_was_not_read,
                jobs_that_need_a_look_are_counted,
                jobs_are_read_many_at_once_as_one_by_one,
            ]
            walking: [
                a_job_of_which_something_newer_came_than_its_word_is_listed,
                a_job_of_many_steps_is_listed,
                a_stretch_of_a_wrong_clock_hides_no_open_job_and_makes_none_stalled,
                a_job_that_neither_began_nor_ended_is_found_as_unknown_alone,
            ]
            acceptance: [
                what_can_be_read_now_is_accepted_after_all_once,
                without_any_id_it_is_accepted_once_too,
                what_is_cut_or_still_no_notification_is_not_accepted,
                a_duplicate_that_differs_is_not_accepted,
                a_duplicate_that_differs_is_accepted_once_its_original_has_expired,
                what_came_again_meanwhile_is_that_receipt,
                without_any_id_what_came_hours_apart_is_two_though_it_is_accepted_at_once,
                without_any_id_what_came_beside_its_repeat_is_that_receipt,
            ]
            upkeep: [
                the_quarantine_is_bounded_by_count_the_oldest_going_first,
                the_quarantine_is_bounded_by_bytes_the_oldest_going_first,
                a_body_larger_than_the_quarantine_is_cut_and_marked,
                the_quarantine_and_its_totals_survive_reopening,
                a_quarantine_of_size_zero_counts_and_keeps_nothing,
                a_probe_leaves_nothing_behind,
                a_mixed_batch_is_answered_in_order,
                an_empty_batch_is_answered_with_nothing,
                expiry_removes_only_what_is_older,
                expiry_goes_in_bounded_steps,
                an_expired_identity_is_accepted_anew,
                expiry_forgets_no_identity_that_stays,
                whoever_asks_alone_leads,
                a_closed_inbox_refuses_every_call,
            ]
            log: [
                the_last_sequence_is_that_of_the_newest_receipt_there_ever_was,
                receipts_after_a_number_page_oldest_first_to_the_end,
                what_is_asked_for_is_loaded_with_its_body_oldest_first,
                what_matches_is_found_a_part_at_a_time,
                the_last_receipt_before_a_time_is_found_as_clocks_may_have_it,
                undelivered_leaves_out_what_has_a_delivery_to_that_destination,
                undelivered_says_from_where_on_receipts_are_held,
                undelivered_looks_at_a_bounded_part_and_says_how_far_it_came,
                whoever_does_not_lead_writes_nothing,
                a_closed_inbox_refuses_every_call_of_the_way_out,
            ]
            destinations: [
                a_destination_added_now_gets_what_is_accepted_from_then_on,
                a_destination_added_since_a_time_gets_what_was_received_from_then_on,
                a_destination_added_again_is_the_same,
                names_of_destinations_are_kept_apart,
                what_is_pending_and_dead_is_counted,
                a_removed_destination_takes_its_pending_deliveries_with_it,
                what_was_closed_with_a_destination_is_sent_if_it_begins_before_that_again,
                a_destination_that_comes_back_begins_anew,
                a_pause_is_kept_until_it_is_over,
                a_destination_that_is_configured_no_more_keeps_its_place_until_it_is_again,
                what_a_removal_that_was_cut_off_has_closed_pends_once_the_destination_is_configured_again,
            ]
            progress: [
                a_cursor_only_rises,
                a_delivery_is_kept_as_it_was_said_last,
                attempts_are_kept_as_they_were,
                what_is_said_twice_is_kept_once,
                only_the_latest_attempts_are_kept,
                expiry_takes_the_deliveries_along,
                a_delivery_whose_receipt_has_expired_is_left_out,
            ]
            deliveries: [
                deliveries_are_listed_newest_receipt_first,
                each_filter_lists_the_deliveries_that_match_it,
                pages_of_deliveries_show_each_once_and_part_no_receipts,
                deliveries_of_a_state_page_oldest_first_to_the_end,
                where_nothing_was_said_there_are_no_deliveries,
                a_receipt_without_a_row_has_no_delivery,
                the_rows_of_receipts_are_found_by_their_numbers,
            ]
            instructions: [
                an_instruction_is_kept_until_it_is_done,
                open_instructions_are_listed_oldest_first,
                instructions_are_listed_newest_first,
                an_instruction_given_twice_is_kept_once,
                what_is_done_goes_when_there_is_too_much_of_it,
                what_has_nothing_left_to_say_goes_with_the_next_that_is_done,
            ]
            notices: [
                what_is_kept_of_notices_is_what_was_kept_last,
            ]
        }
    };
    ($place:expr; $($topic:ident: [$($promise:ident),* $(,)?])*) => {$(
        mod $topic {
            #[allow(unused_imports, reason = "a place may be made by a macro")]
            use super::*;

            $(
                #[tokio::test]
                async fn $promise() {
                    $crate::inbox::contract::$topic::$promise(&$place).await;
                }
            )*
        }
    )*};
}
pub(super) use contract_tests;

/// Where a test keeps its store.
pub trait Place {
    /// Opens the store, which is new the first time and holds what it held before each other time.
    async fn open(&self, settings: Settings) -> Arc<dyn Inbox>;
}

/// What the promises open a store with, where nothing else matters: a window of 60 s, and room in quarantine.
pub fn settings() -> Settings {
    Settings {
        duplicate_window: Duration::from_secs(60),
        quarantine_max_count: 1_000,
        quarantine_max_bytes: 1 << 20,
        max_connections: 8,
        // A slow machine is no failure.
        timeout: Duration::from_secs(60),
    }
}

/// Closes the store and opens it again with the same settings.
async fn reopen(place: &impl Place, inbox: Arc<dyn Inbox>) -> Arc<dyn Inbox> {
    inbox.close().await.expect("an open inbox closes");
    drop(inbox);
    place.open(settings()).await
}

/// `seconds` after the moment at which all notifications of these tests arrive unless they say otherwise.
pub fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_722_330_900_000_000).plus(Duration::from_secs(seconds))
}

/// A notification with this body.
pub fn posted(body: &str) -> NewReceipt {
    let notification = parse(body.as_bytes()).expect("the body is a notification");
    let body = Bytes::copy_from_slice(body.as_bytes());
    let request_id = RequestId::new(Uuid::now_v7());
    NewReceipt::new(&notification, body, at(0), request_id, Origin::Webhook)
}

/// The sample of `event` in that wire generation.
pub fn sent(event: Event, ids: &Ids, wire: Wire) -> NewReceipt {
    posted(&sample::to_json(&sample::notification(event, ids, wire)).to_string())
}

/// The sample of `crawling.completed`.
pub fn crawled(ids: &Ids) -> NewReceipt {
    sent(
        Event::CrawlingCompleted {
            training_data_ids: vec![ids.training_data_id],
        },
        ids,
        Wire::V2024_07,
    )
}

/// A notification nobody has documented.
pub fn unrecognized(event: &str, status: &str, ids: &Ids) -> NewReceipt {
    let data = json!({"chatbot_id": ids.chatbot_id});
    let body = json!({"event": event, "status": status, "event_id": ids.event_id, "data": data});
    posted(&body.to_string())
}

impl NewReceipt {
    /// The same, arrived at [`at`] that second.
    pub fn at(self, seconds: u64) -> Self {
        Self {
            received_at: at(seconds),
            ..self
        }
    }
}

/// A refused request with this body.
pub fn refused(body: &[u8]) -> NewQuarantined {
    NewQuarantined {
        request_id: RequestId::new(Uuid::now_v7()),
        received_at: at(0),
        reason: "not-json".to_owned(),
        detail: "the body is not JSON".to_owned(),
        receipt_id: None,
        content_type: Some("application/json".to_owned()),
        body: Bytes::copy_from_slice(body),
        truncated: false,
    }
}

/// What a repeat of that receipt is answered with, if it says the same.
pub fn duplicate_of(receipt_id: ReceiptId) -> Appended {
    Appended::Duplicate {
        receipt_id,
        differs: None,
    }
}

/// Short words for what the promises do over and over.
impl dyn Inbox {
    /// Appends one batch of notifications, each of which must be stored or known. What the store leaves uncompared is
    /// compared as the writer does it.
    pub async fn store(&self, batch: Vec<NewReceipt>) -> Vec<Appended> {
        let stored = self.append(batch.into_iter().map(Entry::Receipt).collect()).await;
        let mut appended = Vec::new();
        for stored in stored.expect("the store takes the batch") {
            match self.decided(stored.expect("the store takes the entry")).await {
                Stored::Receipt(one) => appended.push(one),
                other => panic!("a notification was stored as {other:?}"),
            }
        }
        appended
    }

    /// What is stored of an entry in the end.
    async fn decided(&self, stored: Stored) -> Stored {
        let Stored::Uncompared(uncompared) = stored else {
            return stored;
        };
        let append = |entry| async {
            let mut stored = self.append(vec![entry]).await?;
            stored.pop().expect("an answer for the entry")
        };
        let comparer = Comparer::new(Duration::from_secs(60));
        let decided = comparer.decide(self, *uncompared, append, |_, _| {}).await;
        decided.expect("the store takes what was compared")
    }

    /// Appends one notification in a batch of its own.
    pub async fn store_one(&self, receipt: NewReceipt) -> Appended {
        self.store(vec![receipt]).await[0]
    }

    /// Appends one batch of notifications, each of which must be new.
    pub async fn accept(&self, batch: Vec<NewReceipt>) -> Vec<ReceiptId> {
        let appended = self.store(batch).await.into_iter();
        appended
            .map(|appended| match appended {
                Appended::New { receipt_id } => receipt_id,
                Appended::Duplicate { .. } => panic!("a new notification was answered as {appended:?}"),
            })
            .collect()
    }

    /// Appends one notification, which must be new, in a batch of its own.
    pub async fn accept_one(&self, receipt: NewReceipt) -> ReceiptId {
        self.accept(vec![receipt]).await[0]
    }

    /// All pages of a list of receipts, put together.
    async fn list(&self, filter: ReceiptFilter, limit: usize) -> Vec<Receipt> {
        let (mut receipts, mut cursor) = (Vec::new(), None);
        loop {
            let page = self
                .receipts(filter.clone(), PageRequest { cursor, limit })
                .await
                .expect("a page");
            assert!(
                page.items.len() <= limit,
                "{} receipts on a page of {limit}",
                page.items.len()
            );
            receipts.extend(page.items);
            cursor = match page.next {
                None => return receipts,
                // A cursor that does not move would go on for ever.
                next => Some(
                    next.filter(|next| Some(*next) != cursor)
                        .expect("the next page is another one"),
                ),
            };
        }
    }

    /// All receipts, newest first.
    pub async fn all(&self) -> Vec<Receipt> {
        self.list(ReceiptFilter::default(), 1_000).await
    }

    /// All open jobs, in pages put together.
    async fn open(&self, limit: usize) -> Vec<Receipt> {
        let (mut receipts, mut cursor) = (Vec::new(), None);
        loop {
            let page = self
                .open_jobs(PageRequest { cursor, limit })
                .await
                .expect("a page");
            assert!(page.items.len() <= limit);
            receipts.extend(page.items);
            cursor = match page.next {
                None => return receipts,
                next => Some(
                    next.filter(|next| Some(*next) != cursor)
                        .expect("the next page is another one"),
                ),
            };
        }
    }

    /// Puts one request into quarantine.
    pub async fn refuse(&self, request: NewQuarantined) -> QuarantineId {
        let stored = self
            .append(vec![Entry::Quarantine(request)])
            .await
            .expect("the store takes the batch");
        match stored.as_slice() {
            [Ok(Stored::Quarantined(id))] => *id,
            other => panic!("a refused request was stored as {other:?}"),
        }
    }

    /// The quarantine, newest first, with the bodies.
    pub async fn whole_quarantine(&self) -> Vec<(Quarantined, Bytes)> {
        let page = PageRequest {
            cursor: None,
            limit: 1_000,
        };
        let mut whole = Vec::new();
        for listed in self.quarantine(page).await.expect("a page").items {
            let (quarantined, body) = self
                .quarantined(listed.id)
                .await
                .expect("the store reads it")
                .expect("what is listed is there");
            assert_eq!(quarantined, listed);
            assert_eq!(quarantined.body_bytes, body.len());
            whole.push((quarantined, body));
        }
        whole
    }

    /// Removes all receipts older than [`at`] that second, step by step; returns how many each step removed.
    pub async fn expire_all(&self, seconds: u64) -> Vec<usize> {
        let mut steps = Vec::new();
        loop {
            match self
                .expire(at(seconds))
                .await
                .expect("the store removes receipts")
            {
                0 => return steps,
                count => steps.push(count),
            }
        }
    }
}

/// The ids of receipts, in their order.
fn ids_of(receipts: &[Receipt]) -> Vec<ReceiptId> {
    receipts.iter().map(|receipt| receipt.id).collect()
}
