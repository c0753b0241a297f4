//! What is to be done about one chatbot: a pure decision from what should be, what is, and what was.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use url::Url;

/// The time over which reclaims are counted.
pub const RECLAIM_WINDOW: Duration = Duration::from_secs(3600);

/// How long a process yields to a successor. One that still runs then is not being replaced, and would leave the
/// chatbot for ever to a token that nobody may accept any more. Deployments that roll take minutes.
pub const SUCCESSION_TIME: Duration = Duration::from_secs(3600);

/// What stands at CaiGunn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actual<'a> {
    /// This URL.
    Url(&'a str),
    /// None.
    Nothing,
    /// It cannot be read.
    Unknown,
}

/// What to do when another URL stands where ours did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTakeover {
    /// Put ours back.
    Reclaim,
    /// Say so.
    Warn,
}

impl std::str::FromStr for OnTakeover {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "reclaim" => Ok(Self::Reclaim),
            "warn" => Ok(Self::Warn),
            _ => Err(()),
        }
    }
}

/// What should be, and how far to go for it.
#[derive(Clone, Copy)]
pub struct Desired<'a> {
    /// The URL to register.
    pub url: &'a str,
    /// What all URLs of this deployment begin with, whatever their token.
    pub base: &'a str,
    /// URLs of this deployment with another token that it accepts too.
    pub older: &'a [SecretString],
    /// What to do when another URL stands where ours did.
    pub on_takeover: OnTakeover,
    /// How often in [`RECLAIM_WINDOW`] a chatbot may be taken back.
    pub max_reclaims: usize,
}

/// What this process has done about the chatbot so far.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Whether our URL was seen there, or put.
    pub is_confirmed: bool,
    /// When it was taken back, or an older token's URL replaced, the oldest first.
    pub reclaims: Vec<Instant>,
    /// Since when a successor's URL stands there.
    pub superseded_since: Option<Instant>,
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

/// Decides. Without a confirmed registration the URL is put over any other: whoever starts means to have it.
pub fn decide(desired: Desired<'_>, actual: Actual<'_>, memory: &Memory, now: Instant) -> Action {
    let url = match actual {
        Actual::Unknown if memory.is_confirmed => return Action::Nothing,
        Actual::Unknown => return Action::Put(Reason::New),
        Actual::Nothing if memory.is_confirmed => return Action::Put(Reason::Forgotten),
        Actual::Nothing => return Action::Put(Reason::New),
        Actual::Url(url) => url,
    };
    if is_same(url, desired.url) {
        return Action::Nothing;
    }
    if !memory.is_confirmed {
        return Action::Put(Reason::New);
    }
    let is_older = desired
        .older
        .iter()
        .any(|older| is_same(url, older.expose_secret()));
    let recent_count = memory
        .reclaims
        .iter()
        .filter(|at| now.saturating_duration_since(**at) < RECLAIM_WINDOW)
        .count();
    if is_older {
        // A deployment with the same tokens in another order would do the same.
        return if recent_count < desired.max_reclaims.max(1) {
            Action::Put(Reason::Outdated)
        } else {
            Action::Leave(Holder::Rival)
        };
    }
    // An older process of this deployment must not undo what a newer one has registered.
    let is_recent = |since| now.saturating_duration_since(since) < SUCCESSION_TIME;
    if is_below(url, desired.base) && memory.superseded_since.is_none_or(is_recent) {
        return Action::Leave(Holder::Successor);
    }
    match desired.on_takeover {
        OnTakeover::Warn => Action::Leave(Holder::Other),
        OnTakeover::Reclaim if recent_count >= desired.max_reclaims => Action::Leave(Holder::Rival),
        OnTakeover::Reclaim => Action::Put(Reason::Reclaim),
    }
}

/// A URL of somebody else's as it may be shown: where it points to, and nothing that could be a secret.
pub fn shown(url: &str) -> String {
    match url.parse::<Url>() {
        Ok(url) if url.has_host() => {
            let origin = url.origin().ascii_serialization();
            match (url.path(), url.query()) {
                ("/" | "", None) => origin,
                _ => format!("{origin}/[hidden]"),
            }
        }
        Ok(_) | Err(_) => "something that is no URL".to_owned(),
    }
}

/// Whether two texts are one URL, however they are written.
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || matches!((one.parse::<Url>(), other.parse::<Url>()), (Ok(one), Ok(other)) if one == other)
}

/// Whether `url` is `base` or has a token behind it.
fn is_below(url: &str, base: &str) -> bool {
    let (Ok(url), Ok(base)) = (url.parse::<Url>(), base.parse::<Url>()) else {
        return false;
    };
    let rest = url.as_str().strip_prefix(base.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "https://hooks.example.com/webhook/new";
    const THEIRS: &str = "https://elsewhere.example/hook?key=hunter2";

    fn desired<'a>(older: &'a [SecretString], on_takeover: OnTakeover) -> Desired<'a> {
        Desired {
            url: OURS,
            base: "https://hooks.example.com/webhook",
            older,
            on_takeover,
            max_reclaims: 2,
        }
    }

    fn confirmed(reclaims: Vec<Instant>) -> Memory {
        Memory {
            is_confirmed: true,
            reclaims,
            superseded_since: None,
        }
    }

    /// What is decided when `actual` is found after a confirmed registration.
    fn later(actual: Actual<'_>) -> Action {
        let desired = desired(&[], OnTakeover::Reclaim);
        decide(desired, actual, &confirmed(Vec::new()), Instant::now())
    }

    #[test]
    fn what_is_as_it_should_be_is_left_alone() {
        assert_eq!(later(Actual::Url(OURS)), Action::Nothing);
        assert_eq!(
            later(Actual::Url("HTTPS://HOOKS.example.com:443/webhook/new")),
            Action::Nothing
        );
    }

    #[test]
    fn whoever_starts_means_to_have_the_chatbot() {
        let desired = desired(&[], OnTakeover::Warn);
        for actual in [
            Actual::Nothing,
            Actual::Unknown,
            Actual::Url(THEIRS),
            Actual::Url("https://hooks.example.com/webhook/older"),
        ] {
            let action = decide(desired, actual, &Memory::default(), Instant::now());

            assert_eq!(action, Action::Put(Reason::New), "{actual:?}");
        }
        let action = decide(desired, Actual::Url(OURS), &Memory::default(), Instant::now());
        assert_eq!(action, Action::Nothing);
    }

    #[test]
    fn what_is_gone_is_put_again_and_what_cannot_be_read_is_believed() {
        assert_eq!(later(Actual::Nothing), Action::Put(Reason::Forgotten));
        assert_eq!(later(Actual::Unknown), Action::Nothing);
    }

    #[test]
    fn another_url_is_reclaimed_so_many_times_an_hour() {
        let desired = desired(&[], OnTakeover::Reclaim);
        let now = Instant::now() + RECLAIM_WINDOW * 2;
        let decide = |reclaims| decide(desired, Actual::Url(THEIRS), &confirmed(reclaims), now);
        let minutes_ago = |minutes: u64| now - Duration::from_secs(60 * minutes);

        assert_eq!(decide(vec![]), Action::Put(Reason::Reclaim));
        assert_eq!(decide(vec![minutes_ago(59)]), Action::Put(Reason::Reclaim));
        assert_eq!(
            decide(vec![minutes_ago(59), minutes_ago(1)]),
            Action::Leave(Holder::Rival)
        );
        assert_eq!(
            decide(vec![minutes_ago(60), minutes_ago(1)]),
            Action::Put(Reason::Reclaim)
        );
    }

    #[test]
    fn whoever_is_told_to_warn_only_warns() {
        let desired = desired(&[], OnTakeover::Warn);

        let action = decide(
            desired,
            Actual::Url(THEIRS),
            &confirmed(Vec::new()),
            Instant::now(),
        );

        assert_eq!(action, Action::Leave(Holder::Other));
    }

    #[test]
    fn a_newer_deployment_of_the_same_public_url_is_not_undone() {
        for url in [
            "https://hooks.example.com/webhook/newer",
            "https://hooks.example.com/webhook",
        ] {
            assert_eq!(later(Actual::Url(url)), Action::Leave(Holder::Successor), "{url}");
        }
        for url in [
            "https://hooks.example.com/webhooks",
            "https://hooks.example.com/other",
            "https://hooks.example.com:8443/webhook/x",
            "not a URL",
            "",
        ] {
            assert_eq!(later(Actual::Url(url)), Action::Put(Reason::Reclaim), "{url}");
        }
    }

    #[test]
    fn a_process_that_still_runs_after_an_hour_is_not_being_replaced() {
        let url = Actual::Url("https://hooks.example.com/webhook/newer");
        let since = Instant::now();
        let superseded = Memory {
            superseded_since: Some(since),
            ..confirmed(Vec::new())
        };
        let decide = |on_takeover, seconds| {
            let now = since + Duration::from_secs(seconds);
            decide(desired(&[], on_takeover), url, &superseded, now)
        };

        assert_eq!(
            decide(OnTakeover::Reclaim, 3599),
            Action::Leave(Holder::Successor)
        );
        assert_eq!(decide(OnTakeover::Reclaim, 3600), Action::Put(Reason::Reclaim));
        assert_eq!(decide(OnTakeover::Warn, 3600), Action::Leave(Holder::Other));
    }

    #[test]
    fn a_token_that_we_know_is_an_older_one() {
        const OLDER: &str = "https://hooks.example.com/webhook/old";
        let older = [OLDER.into()];
        let desired = desired(&older, OnTakeover::Reclaim);

        let action = decide(
            desired,
            Actual::Url(OLDER),
            &confirmed(Vec::new()),
            Instant::now(),
        );

        assert_eq!(action, Action::Put(Reason::Outdated));
    }

    #[test]
    fn tokens_in_another_order_elsewhere_are_no_loop() {
        const OTHER: &str = "https://hooks.example.com/webhook/other";
        let older = [OTHER.into()];
        let now = Instant::now() + RECLAIM_WINDOW;
        let decide = |max_reclaims, reclaims| {
            let desired = Desired {
                max_reclaims,
                ..desired(&older, OnTakeover::Reclaim)
            };
            decide(desired, Actual::Url(OTHER), &confirmed(reclaims), now)
        };

        assert_eq!(decide(2, vec![now]), Action::Put(Reason::Outdated));
        assert_eq!(decide(2, vec![now, now]), Action::Leave(Holder::Rival));
        // Once is a rotation, also where nothing is to be reclaimed.
        assert_eq!(decide(0, vec![]), Action::Put(Reason::Outdated));
        assert_eq!(decide(0, vec![now]), Action::Leave(Holder::Rival));
    }

    #[test]
    fn of_a_url_of_somebody_elses_only_the_place_is_shown() {
        for (url, expected) in [
            (THEIRS, "https://elsewhere.example/[hidden]"),
            ("https://elsewhere.example:8443", "https://elsewhere.example:8443"),
            (
                "https://user:hunter2@elsewhere.example/",
                "https://elsewhere.example",
            ),
            (
                "https://elsewhere.example?hunter2",
                "https://elsewhere.example/[hidden]",
            ),
            ("mailto:hunter2", "something that is no URL"),
            ("hunter2", "something that is no URL"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
