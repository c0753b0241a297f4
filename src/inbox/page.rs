//! Parts of lists: which one is asked for, and where the next begins.

use std::cmp::Reverse;

use super::{Receipt, ReceiptFilter};

/// Which part of a list to return.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// Only what is older than this, from the newest on if `None`; of [`super::Inbox::open_jobs`] what is newer.
    pub cursor: Option<Cursor>,
    /// How many at most.
    pub limit: usize,
}

impl PageRequest {
    /// So many from where the list begins.
    pub const fn first(limit: usize) -> Self {
        Self { cursor: None, limit }
    }

    /// So many from a place on, or from where the list begins.
    pub fn behind(cursor: impl Into<Option<Cursor>>, limit: usize) -> Self {
        let cursor = cursor.into();
        Self { cursor, limit }
    }
}

/// A place in a list. Its form is the store's own affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub(crate) u64);

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where the next page starts; `None` at the end of the list.
    pub next: Option<Cursor>,
}

/// A page of a job's receipts, which are found by its identities, in any order. What else a filter asks for is applied to what
/// the page has of them.
pub(super) fn page_of_job(mut items: Vec<Receipt>, filter: &ReceiptFilter, limit: usize) -> Page<Receipt> {
    items.sort_unstable_by_key(|receipt| Reverse(receipt.sequence));
    items.truncate(limit);
    let next = next_cursor(&items, limit, |receipt| receipt.sequence);
    items.retain(|receipt| filter.matches(receipt));
    Page { items, next }
}

/// Where the next page starts if this one is full.
pub(super) fn next_cursor<T>(items: &[T], limit: usize, sequence: impl Fn(&T) -> u64) -> Option<Cursor> {
    let last = items.last().filter(|_| items.len() == limit);
    last.map(|last| Cursor(sequence(last)))
}
