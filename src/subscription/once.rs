//! One pass over all chatbots, for people who ask for it: what the keeper does in its first round, in the open.

use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};

use super::plan::Memory;
use super::visit::{Mode, Removal, Target, Visit, remove as remove_one, visit};
use super::{MAX_CALLS, Selection, Webhook};
use crate::caigunn::{Client, Error, Unreadable};
use crate::event::ChatbotId;

/// What of an account's chatbots is chosen.
pub struct Chosen {
    /// The chatbots to look after, in CaiGunn's order; keys that no listed chatbot has come last.
    pub targets: Vec<Target>,
    /// What of the list could not be read.
    pub unreadable: Unreadable,
    /// Names of the choice that no listed chatbot has.
    pub unmatched: Vec<String>,
}

/// Lists the chatbots and chooses.
///
/// # Errors
/// The account's chatbots cannot be listed.
pub async fn targets(client: &Client, selection: &Selection) -> Result<Chosen, Error> {
    let listing = client.chatbots().await?;
    let listed = listing.chatbots.iter().filter(|chatbot| selection.takes(chatbot));
    let mut targets: Vec<_> = listed.map(Target::of).collect();
    let placed = targets.len();
    for target in selection.keys().map(Target::of_key) {
        if !targets[..placed]
            .iter()
            .any(|other| other.has_key(&target.api_key))
        {
            targets.push(target);
        }
    }
    Ok(Chosen {
        targets,
        unreadable: listing.unreadable,
        unmatched: selection.unmatched(&listing.chatbots),
    })
}

/// Visits each, as a receiver that has just started does; what was found and done, in the order of `targets`.
pub async fn ensure(
    client: &Client,
    webhook: &Webhook,
    targets: Vec<Target>,
    mode: Mode,
) -> Vec<(Target, Visit)> {
    let visiting = |target: Target| async move {
        let visit = visit(client, webhook, &target, &Memory::default(), mode).await;
        (target, visit)
    };
    in_order(targets.into_iter().map(visiting), MAX_CALLS).await
}

/// Takes our URL away from each, or from the one of that id.
pub async fn remove(
    client: &Client,
    webhook: &Webhook,
    mut targets: Vec<Target>,
    only: Option<ChatbotId>,
    mode: Mode,
) -> Vec<(Target, Removal)> {
    targets.retain(|target| only.is_none_or(|only| target.id == Some(only)));
    let removing = |target: Target| async move {
        let removal = remove_one(client, webhook, &target, &Memory::default(), mode).await;
        (target, removal)
    };
    in_order(targets.into_iter().map(removing), MAX_CALLS).await
}

/// What comes of each piece of work, in their order; so many are done at once, and none waits for one before it.
pub async fn in_order<R>(work: impl Iterator<Item = impl Future<Output = R>>, at_once: usize) -> Vec<R> {
    let numbered = work
        .enumerate()
        .map(|(index, work)| work.map(move |result| (index, result)));
    let mut results: Vec<_> = stream::iter(numbered).buffer_unordered(at_once).collect().await;
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::*;

    /// With the clock paused, the hour is over as soon as everybody waits.
    #[tokio::test(start_paused = true)]
    async fn what_is_done_at_once_keeps_its_order_and_waits_for_nothing_before_it() {
        let is_last_done = &Notify::new();
        let work = (0..10).map(|number| async move {
            match number {
                0 => is_last_done.notified().await,
                9 => is_last_done.notify_one(),
                _ => {}
            }
            number
        });

        let results = timeout(Duration::from_secs(3600), in_order(work, 2)).await;

        assert_eq!(results, Ok((0..10).collect()));
    }
}
