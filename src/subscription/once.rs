//! One pass over all chatbots, for people who ask for it: what the keeper does in its first round, in the open.

use std::ops::ControlFlow;

use tokio::time::Instant;

use super::plan::Memory;
use super::visit::{Mode, Removal, Target, Visit, remove as remove_one, visit};
use super::{Selection, Settings, each};
use crate::caigunn::{Client, Error};
use crate::event::ChatbotId;

/// The chatbots to look after, in CaiGunn's order; keys that no listed chatbot has come last.
///
/// # Errors
/// The account's chatbots cannot be listed.
pub async fn targets(client: &Client, selection: &Selection) -> Result<Vec<Target>, Error> {
    let listed = client.chatbots().await?;
    let mut targets: Vec<_> = listed
        .iter()
        .filter(|chatbot| selection.takes(chatbot))
        .map(Target::of)
        .collect();
    if let Selection::Keys(keys) = selection {
        let given = keys.iter().cloned().map(Target::of_key);
        let unplaced: Vec<_> = given
            .filter(|target| targets.iter().all(|other| !other.has_key(&target.api_key)))
            .collect();
        targets.extend(unplaced);
    }
    Ok(targets)
}

/// Visits each, as a receiver that has just started does; what was found and done, in the order of `targets`.
pub async fn ensure(
    client: &Client,
    settings: &Settings,
    targets: Vec<Target>,
    mode: Mode,
) -> Vec<(Target, Visit)> {
    let now = Instant::now();
    in_order(targets, |target| {
        let (client, settings) = (client.clone(), settings.clone());
        async move { visit(&client, &settings, &target, &Memory::default(), now, mode).await }
    })
    .await
}

/// Takes our URL away from each, or from the one of that id.
pub async fn remove(
    client: &Client,
    settings: &Settings,
    mut targets: Vec<Target>,
    only: Option<ChatbotId>,
    mode: Mode,
) -> Vec<(Target, Removal)> {
    targets.retain(|target| only.is_none_or(|only| target.id == Some(only)));
    in_order(targets, |target| {
        let (client, settings) = (client.clone(), settings.clone());
        async move { remove_one(&client, &settings, &target, mode).await }
    })
    .await
}

async fn in_order<W, R>(targets: Vec<Target>, work: impl Fn(Target) -> W) -> Vec<(Target, R)>
where
    W: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    let mut results: Vec<_> = targets.iter().map(|_| None).collect();
    let numbered = targets.clone().into_iter().enumerate();
    let working = |(index, target)| {
        let work = work(target);
        async move { (index, work.await) }
    };
    each(numbered, working, |(index, result)| {
        results[index] = Some(result);
        ControlFlow::Continue(())
    })
    .await;
    let pairs = targets.into_iter().zip(results);
    pairs
        .map(|(target, result)| (target, result.expect("each item is worked on")))
        .collect()
}
