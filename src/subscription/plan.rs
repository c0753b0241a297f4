//! What is to be done about one chatbot: a pure decision from what should be, what is, and what was.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::time::Instant;

use super::Webhook;

use crate::caigunn::Standing;
use crate::caigunn::spelling::{Likeness, is_below, likeness, remains};

/// The time over which reclaims are counted.
pub const RECLAIM_WINDOW: Duration = Duration::from_secs(3600);

/// How long a process yields to a successor. One that still runs then is not being replaced, and would leave the
/// chatbot for ever to a token that nobody may accept any more. Deployments that roll take minutes.
pub const SUCCESSION_TIME: Duration = Duration::from_secs(3600);

/// What to do when another URL stands where ours did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTakeover {
    /// Put ours back.
    Reclaim,
    /// Say so.
    Warn,
}

/// What this process has done about the chatbot so far.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Whether our URL was seen there, or put.
    pub is_confirmed: bool,
    /// Whether that was another URL than the one that is ours now.
    pub is_outdated: bool,
    /// Whether no start of this process means to have the chatbot: another one with the same public URL looked after it before, or
    /// it was found while this one ran, and whoever has it had it before.
    pub goes_on: bool,
    /// When our URL was put although it, or another, had been there; the oldest first.
    pub reclaims: Vec<Instant>,
    /// Since when a successor's URL stands there.
    pub superseded_since: Option<Instant>,
}

impl Memory {
    /// How many of the times count, at `now`, towards the most that there may be.
    fn reclaim_count(&self, now: Instant) -> usize {
        let is_recent = |at: &&Instant| now.saturating_duration_since(**at) < RECLAIM_WINDOW;
        self.reclaims.iter().filter(is_recent).count()
    }

    /// Takes down that our URL was put again.
    pub fn note_reclaim(&mut self, now: Instant) {
        self.reclaims
            .retain(|at| now.saturating_duration_since(*at) < RECLAIM_WINDOW);
        self.reclaims.push(now);
    }
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: it is as it should be.
    Nothing,
    /// Put our URL.
    Put(Reason),
    /// Leave it to whoever has it.
    Leave(Holder),
}

/// Why our URL is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// This process has not seen it there yet.
    New,
    /// It was there and is gone.
    Forgotten,
    /// An older process of this deployment has put an older token's.
    Outdated,
    /// Somebody else has put another in its place.
    Reclaim,
}

/// Who has the chatbot, if not we.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A receiver with our public URL and a token that we do not know: a newer deployment of this one.
    Successor,
    /// Somebody else, and we were told to leave it at that.
    Other,
    /// Somebody else, who takes it back each time we do.
    Rival,
}

/// How a URL that stands at CaiGunn is like ours.
pub fn likeness_to_ours(webhook: &Webhook, url: &str) -> Likeness {
    likeness(url, webhook.webhook_url.expose_secret())
}

/// Whether a URL is one of ours with another token that this receiver accepts.
pub fn is_older(webhook: &Webhook, url: &str) -> bool {
    let mut older = webhook.older_urls.iter().chain(&webhook.retired_urls);
    older.any(|older| likeness(url, older.expose_secret()) == Likeness::Same)
}

/// What CaiGunn has left of our URL, where a part of the token shows that it is no other's.
pub fn remains_of_ours(webhook: &Webhook, url: &str) -> Option<String> {
    let ours = webhook.webhook_url.expose_secret();
    let is_no_others = url.len() > webhook.base_url.len() + 1 || url.len() == ours.len();
    remains(url, ours).filter(|_| is_no_others)
}

/// Decides. Without a confirmed registration the URL is put over any other: whoever starts means to have it. Who only goes on puts
/// it so over none but this deployment's, which may be that of a token which is gone.
pub fn decide(webhook: &Webhook, standing: &Standing, memory: &Memory, now: Instant) -> Action {
    let recent_count = memory.reclaim_count(now);
    // At least once, also where nothing is to be reclaimed: that it happens once is no fight.
    let again = |reason| match reason {
        _ if recent_count < webhook.max_reclaims_per_hour.max(1) => Action::Put(reason),
        _ => Action::Leave(Holder::Rival),
    };
    let url = match standing {
        // What cannot be seen is believed to be as it was.
        Standing::Unknown if memory.is_outdated => return Action::Put(Reason::Outdated),
        Standing::Unknown if memory.is_confirmed => return Action::Nothing,
        Standing::Nothing if memory.is_confirmed => return again(Reason::Forgotten),
        Standing::Unknown | Standing::Nothing => return Action::Put(Reason::New),
        Standing::Deleted => return Action::Nothing,
        Standing::Url(url) => url.expose_secret(),
    };
    match likeness_to_ours(webhook, url) {
        Likeness::Same => return Action::Nothing,
        Likeness::Masked if memory.is_outdated => return Action::Put(Reason::Outdated),
        Likeness::Masked if memory.is_confirmed => return Action::Nothing,
        _ if !memory.is_confirmed && (!memory.goes_on || is_below(url, &webhook.base_url)) => {
            return Action::Put(Reason::New);
        }
        Likeness::Masked | Likeness::Other => {}
    }
    if is_older(webhook, url) || remains_of_ours(webhook, url).is_some() {
        // A deployment with the same tokens in another order would do the same.
        return again(Reason::Outdated);
    }
    // An older process of this deployment must not undo what a newer one has registered.
    let is_recent = |since| now.saturating_duration_since(since) < SUCCESSION_TIME;
    if is_below(url, &webhook.base_url) && memory.superseded_since.is_none_or(is_recent) {
        return Action::Leave(Holder::Successor);
    }
    match webhook.on_takeover {
        OnTakeover::Warn => Action::Leave(Holder::Other),
        OnTakeover::Reclaim if recent_count >= webhook.max_reclaims_per_hour => Action::Leave(Holder::Rival),
        OnTakeover::Reclaim => Action::Put(Reason::Reclaim),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "https://hooks.example.com/webhook/new";
    const OLDER: &str = "https://hooks.example.com/webhook/old";
    const NEWER: &str = "https://hooks.example.com/webhook/newer";
    const THEIRS: &str = "https://elsewhere.example/hook?key=hunter2";

    fn webhook(on_takeover: OnTakeover, max_reclaims_per_hour: usize) -> Webhook {
        Webhook {
            webhook_url: OURS.into(),
            older_urls: vec![OLDER.into()],
            on_takeover,
            max_reclaims_per_hour,
            ..Webhook::sample()
        }
    }

    fn url(url: &str) -> Standing {
        Standing::Url(url.into())
    }

    fn confirmed(reclaims: Vec<Instant>) -> Memory {
        Memory {
            is_confirmed: true,
            reclaims,
            ..Memory::default()
        }
    }

    /// What is decided when that is found after a confirmed registration.
    fn later(standing: &Standing) -> Action {
        let webhook = webhook(OnTakeover::Reclaim, 2);
        decide(&webhook, standing, &confirmed(Vec::new()), Instant::now())
    }

    #[test]
    fn what_is_as_it_should_be_is_left_alone_and_what_cannot_be_seen_is_believed() {
        for ours in [
            OURS,
            "http://HOOKS.example.com/webhook/%6Eew/",
            "https://hooks.example.com/webhook/***",
        ] {
            assert_eq!(later(&url(ours)), Action::Nothing, "{ours}");
        }
        assert_eq!(later(&Standing::Unknown), Action::Nothing);
        assert_eq!(later(&Standing::Deleted), Action::Nothing);
    }

    #[test]
    fn ours_cut_short_or_in_other_letters_is_put_again_and_no_newer_deployments() {
        for remains in [
            "https://hooks.example.com/webhook/ne",
            "https://hooks.example.com/WEBHOOK/NEW",
        ] {
            assert_eq!(later(&url(remains)), Action::Put(Reason::Outdated), "{remains}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_put_again_when_our_url_is_another() {
        let memory = Memory {
            is_outdated: true,
            ..confirmed(Vec::new())
        };
        let webhook = webhook(OnTakeover::Warn, 2);
        let decide = |found| decide(&webhook, &found, &memory, Instant::now());

        for found in [
            Standing::Unknown,
            url("https://hooks.example.com/webhook/***"),
            url(OLDER),
        ] {
            assert_eq!(decide(found.clone()), Action::Put(Reason::Outdated), "{found:?}");
        }
        assert_eq!(decide(url(OURS)), Action::Nothing);
        assert_eq!(decide(url(THEIRS)), Action::Leave(Holder::Other));
    }

    #[test]
    fn whoever_starts_means_to_have_the_chatbot() {
        let webhook = webhook(OnTakeover::Warn, 2);
        let masked = "https://hooks.example.com/webhook/***";
        for found in [
            Standing::Nothing,
            Standing::Unknown,
            url(THEIRS),
            url(OLDER),
            url(masked),
        ] {
            let action = decide(&webhook, &found, &Memory::default(), Instant::now());

            assert_eq!(action, Action::Put(Reason::New), "{found:?}");
        }
        let action = decide(&webhook, &url(OURS), &Memory::default(), Instant::now());
        assert_eq!(action, Action::Nothing);
    }

    #[test]
    fn whoever_goes_on_leaves_what_another_process_left_and_has_what_is_this_deployments() {
        let memory = Memory {
            goes_on: true,
            ..Memory::default()
        };
        let decide =
            |on_takeover, max, found| decide(&webhook(on_takeover, max), &found, &memory, Instant::now());

        for found in [Standing::Nothing, Standing::Unknown, url(OLDER), url(NEWER)] {
            let action = decide(OnTakeover::Warn, 2, found.clone());
            assert_eq!(action, Action::Put(Reason::New), "{found:?}");
        }
        assert_eq!(decide(OnTakeover::Warn, 2, url(OURS)), Action::Nothing);
        assert_eq!(
            decide(OnTakeover::Warn, 2, url(THEIRS)),
            Action::Leave(Holder::Other)
        );
        let rivals = decide(OnTakeover::Reclaim, 0, url(THEIRS));
        assert_eq!(rivals, Action::Leave(Holder::Rival));
        let reclaimed = decide(OnTakeover::Reclaim, 1, url(THEIRS));
        assert_eq!(reclaimed, Action::Put(Reason::Reclaim));
    }

    #[test]
    fn what_is_gone_or_replaced_is_put_again_so_many_times_an_hour() {
        let now = Instant::now() + RECLAIM_WINDOW * 2;
        let minutes_ago = |minutes: u64| now - Duration::from_secs(60 * minutes);
        let cases = [
            (Standing::Nothing, Reason::Forgotten),
            (url(OLDER), Reason::Outdated),
            (url(THEIRS), Reason::Reclaim),
        ];
        for (found, reason) in cases {
            let decide = |reclaims: &[u64], max| {
                let reclaims = reclaims.iter().map(|minutes| minutes_ago(*minutes)).collect();
                decide(
                    &webhook(OnTakeover::Reclaim, max),
                    &found,
                    &confirmed(reclaims),
                    now,
                )
            };
            assert_eq!(decide(&[], 2), Action::Put(reason));
            assert_eq!(decide(&[59], 2), Action::Put(reason));
            assert_eq!(decide(&[59, 1], 2), Action::Leave(Holder::Rival));
            assert_eq!(decide(&[60, 1], 2), Action::Put(reason));
            // Once is no fight, also where nothing is to be reclaimed from somebody else.
            let once = match reason {
                Reason::Reclaim => Action::Leave(Holder::Rival),
                _ => Action::Put(reason),
            };
            assert_eq!(decide(&[], 0), once);
            assert_eq!(decide(&[1], 0), Action::Leave(Holder::Rival));
        }
    }

    #[test]
    fn whoever_is_told_to_warn_only_warns() {
        let webhook = webhook(OnTakeover::Warn, 2);

        let action = decide(&webhook, &url(THEIRS), &confirmed(Vec::new()), Instant::now());

        assert_eq!(action, Action::Leave(Holder::Other));
    }

    #[test]
    fn a_newer_deployment_of_the_same_public_url_is_not_undone() {
        for newer in [NEWER, "https://hooks.example.com/webhook"] {
            assert_eq!(later(&url(newer)), Action::Leave(Holder::Successor), "{newer}");
        }
        for other in [
            "https://hooks.example.com/webhooks",
            "https://hooks.example.com/other",
            "https://hooks.example.com:8443/webhook/x",
            "not a URL",
            "",
        ] {
            assert_eq!(later(&url(other)), Action::Put(Reason::Reclaim), "{other}");
        }
    }

    #[test]
    fn a_process_that_still_runs_after_an_hour_is_not_being_replaced() {
        let since = Instant::now();
        let superseded = Memory {
            superseded_since: Some(since),
            ..confirmed(Vec::new())
        };
        let decide = |on_takeover, seconds| {
            let now = since + Duration::from_secs(seconds);
            decide(&webhook(on_takeover, 2), &url(NEWER), &superseded, now)
        };

        assert_eq!(
            decide(OnTakeover::Reclaim, 3599),
            Action::Leave(Holder::Successor)
        );
        assert_eq!(decide(OnTakeover::Reclaim, 3600), Action::Put(Reason::Reclaim));
        assert_eq!(decide(OnTakeover::Warn, 3600), Action::Leave(Holder::Other));
    }
}
