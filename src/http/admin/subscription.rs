//! `/api/v1/subscription`

use std::collections::HashMap;

use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::super::Leader;
use super::super::problem::Problem;
use super::super::tokens::TokenUse;
use super::{Answer, Api, Asked, asked};
use crate::backfill;
use crate::clock::Timestamp;
use crate::subscription::{Probe, Registration};

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionQuery {
    /// Whether to ask the receiver that leads.
    #[param(value_type = Option<bool>)]
    of_leader: Option<String>,
}

/// How the registration of each chatbot stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Subscription {
    /// The URL that is kept registered, without its token; null if nothing is.
    pub webhook_url: Option<String>,
    /// Why the account's chatbots cannot be looked after now, if that is so: the access token is refused, they could
    /// not be listed, twice in a row, or CaiGunn asks to be left alone.
    pub problem: Option<String>,
    /// What the last probe of the public URL has found; null before the first.
    pub probe: Option<Probe>,
    /// The chatbots; none while another receiver looks after them.
    pub chatbots: Vec<Chatbot>,
    /// The open jobs, as of the last look at them.
    pub backfill: backfill::Seen,
    /// Which receiver looks after all this.
    pub leader: Leader,
    /// The tokens that a notification may come with, first the one that is registered or is to be.
    pub tokens: Vec<TokenUse>,
}

/// A chatbot and its registration.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Chatbot {
    #[serde(flatten)]
    pub registration: Registration,
    /// When something last came from it, among the newest 100,000 receipts.
    pub last_received_at: Option<Timestamp>,
}

pub async fn subscription(
    State(api): State<Api>,
    Asked(query): Asked<SubscriptionQuery>,
) -> Result<Answer<Subscription>, Problem> {
    let of_leader = asked("of_leader", "true or false", query.of_leader, |_| true)?;
    seen(&api, of_leader.unwrap_or(false)).await.map(Answer)
}

/// How the chatbots stand, as it is known here or as the leader knows it.
pub async fn seen(api: &Api, of_leader: bool) -> Result<Subscription, Problem> {
    let standing = (api.subscription)(of_leader).await;
    let last_received: HashMap<_, _> = api.inbox.last_received().await?.into_iter().collect();
    let problem = standing.seen.trouble().map(str::to_owned);
    // The leader may have other tokens than this receiver, as where they are changed one by one.
    let tokens = api.tokens.uses(standing.seen.registered_token());
    let chatbots = standing.seen.chatbots.into_iter().map(|registration| Chatbot {
        last_received_at: registration
            .chatbot_id
            .and_then(|id| last_received.get(&id).copied()),
        registration,
    });
    Ok(Subscription {
        tokens,
        webhook_url: standing.seen.webhook_url,
        problem,
        probe: standing.seen.probe,
        chatbots: chatbots.collect(),
        backfill: standing.backfill,
        leader: standing.leader,
    })
}
