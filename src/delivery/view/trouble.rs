//! What keeps a destination from taking what is for it: worked out once, for all who show it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ShownDestination, ShownState};
use crate::clock::Timestamp;
use crate::delivery::PAUSED_ITSELF;
use crate::delivery::status::Failure;

/// How long something may wait for a destination that is well, which takes it within seconds.
const WAITS_LONG: Duration = Duration::from_secs(600);

/// What to do about one that fails throughout.
pub const MEND: &str =
    "mend what that says; what is new, and what failed since, is sent as soon as it takes something";

/// What keeps a destination from taking what is for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DestinationTrouble)]
pub struct Trouble {
    /// What it is.
    pub kind: TroubleKind,
    /// Since when; null where that is not known. Of what waits for long, when the oldest of it was received.
    pub since: Option<Timestamp>,
    /// Until when it asked to be left alone, or when what waits for it is given up.
    pub until: Option<Timestamp>,
    /// What failed last, or why it is paused, in words for an operator.
    pub detail: Option<String>,
}

/// What may keep a destination from taking what is for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DestinationTroubleKind)]
pub enum TroubleKind {
    /// Something waits for it, and the receiver that leads does not have it in its settings.
    Unconfigured,
    /// Somebody paused it.
    Paused,
    /// It answered that it wants nothing more (410), which paused it.
    PausedItself,
    /// It fails throughout.
    Down,
    /// Something waits for it, and it asked to be left alone.
    Quiet,
    /// Something waits for it, and what it was sent last failed.
    Failing,
    /// Something has waited for it for more than ten minutes, for no reason that is known.
    WaitsLong,
}

impl Trouble {
    /// What to do about it, as whoever has a shell before him is told; `name` is that of the destination.
    pub fn advice(&self, name: &str) -> String {
        let resume = format!("`caigunn-webhook destinations resume {name}`");
        match self.kind {
            TroubleKind::Unconfigured => format!(
                "if that is not meant, put it back into the settings under this name; else `caigunn-webhook destinations remove {name}`"
            ),
            TroubleKind::Paused | TroubleKind::PausedItself => {
                format!("when it is ready for what is pending, {resume}")
            }
            TroubleKind::Down | TroubleKind::Quiet if self.until.is_some() => {
                format!("if it is ready for what is pending before, {resume}")
            }
            TroubleKind::Down => MEND.to_owned(),
            TroubleKind::Quiet | TroubleKind::Failing => {
                "mend what that says; what is pending is tried again".to_owned()
            }
            TroubleKind::WaitsLong => {
                format!(
                    "`caigunn-webhook deliveries list --state pending --destination {name}` lists it, and `deliveries show ID` has \
                     what was tried"
                )
            }
        }
    }
}

impl ShownDestination {
    /// What keeps it from taking what is for it; `None` where nothing does, as far as is known here.
    pub(super) fn trouble_at(&self, now: Timestamp) -> Option<Trouble> {
        let status = self.status.as_ref();
        let failure = status.and_then(|status| status.last_failure.as_ref());
        let failed = failure.map(|failure| failure.detail.clone());
        let trouble = |kind, since, until, detail| {
            Some(Trouble {
                kind,
                since,
                until,
                detail,
            })
        };
        let is_waited_for = self.pending_count > 0;
        let quiet_until = status.and_then(|status| status.quiet_until);
        match self.state {
            ShownState::Unconfigured if is_waited_for => {
                trouble(TroubleKind::Unconfigured, None, self.removed_after, None)
            }
            // What a removed one had is closed, and nobody is to mend it.
            ShownState::Unconfigured | ShownState::Removed => None,
            ShownState::Paused => {
                let pause = self.pause.as_ref()?;
                let kind = match pause.reason.starts_with(PAUSED_ITSELF) {
                    true => TroubleKind::PausedItself,
                    false => TroubleKind::Paused,
                };
                trouble(kind, Some(pause.at), None, Some(pause.reason.clone()))
            }
            ShownState::Down => trouble(TroubleKind::Down, status?.down_since, quiet_until, failed),
            ShownState::Active if !is_waited_for => None,
            ShownState::Active if quiet_until.is_some() => {
                trouble(TroubleKind::Quiet, None, quiet_until, failed)
            }
            // It is wrong early if little is sent to it. What failed last is forgotten with the process; for how long something
            // waits is not.
            ShownState::Active => {
                let status = status?;
                let oldest = status.oldest_received_at;
                match status.failing_since {
                    Some(since) => trouble(TroubleKind::Failing, Some(since), None, failed),
                    None if oldest?.plus(WAITS_LONG) < now => {
                        // What went wrong before it took something again is over.
                        let lasts =
                            |failure: &Failure| status.took_at.is_none_or(|took_at| took_at < failure.at);
                        let failed = failed.filter(|_| failure.is_some_and(lasts));
                        trouble(TroubleKind::WaitsLong, oldest, None, failed)
                    }
                    None => None,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::status::Status;
    use crate::inbox::outbox::Pause;

    fn ago(minutes: u64) -> Timestamp {
        Timestamp::now().minus(Duration::from_secs(60 * minutes))
    }

    fn found(shown: &ShownDestination) -> Option<TroubleKind> {
        shown.trouble.as_ref().map(|trouble| trouble.kind)
    }

    fn failed(since: Option<Timestamp>) -> Status {
        Status {
            oldest_received_at: Some(ago(1)),
            failing_since: since,
            last_failure: Some(Failure {
                at: ago(1),
                detail: "answered 500".to_owned(),
            }),
            ..Status::default()
        }
    }

    #[test]
    fn one_that_takes_nothing_is_in_trouble_before_it_is_down_and_after_a_restart() {
        let waiting = |minutes| Status {
            oldest_received_at: Some(ago(minutes)),
            ..Status::default()
        };
        let quiet = Status {
            quiet_until: Some(ago(0)),
            ..failed(Some(ago(1)))
        };
        for (pending_count, status, expected) in [
            (1, waiting(1), None),
            (1, waiting(11), Some(TroubleKind::WaitsLong)),
            (0, failed(Some(ago(1))), None),
            (1, failed(Some(ago(1))), Some(TroubleKind::Failing)),
            // What went wrong before it took something again is over.
            (1, failed(None), None),
            (1, quiet.clone(), Some(TroubleKind::Quiet)),
            (0, quiet, None),
        ] {
            let shown = ShownDestination::sample(ShownState::Active, pending_count, Some(status), None);

            assert_eq!(found(&shown), expected, "{shown:?}");
        }
        let elsewhere = ShownDestination::sample(ShownState::Active, 1, None, None);
        assert_eq!(found(&elsewhere), None);
    }

    #[test]
    fn what_failed_last_is_told_of_what_waits_for_long_unless_something_was_taken_since() {
        for (took_at, expected) in [
            (None, Some("answered 500")),
            (Some(ago(2)), Some("answered 500")),
            (Some(ago(0)), None),
        ] {
            let status = Status {
                oldest_received_at: Some(ago(11)),
                took_at,
                ..failed(None)
            };

            let shown = ShownDestination::sample(ShownState::Active, 1, Some(status), None);

            let trouble = shown.trouble.expect("it waits for long");
            assert_eq!(trouble.kind, TroubleKind::WaitsLong);
            assert_eq!(trouble.detail.as_deref(), expected);
        }
    }

    #[test]
    fn one_that_is_down_is_so_with_nothing_pending_too_and_its_wish_to_be_left_alone_is_told() {
        let (since, until) = (ago(5), ago(0));
        let status = Status {
            down_since: Some(since),
            quiet_until: Some(until),
            ..failed(Some(ago(6)))
        };

        let shown = ShownDestination::sample(ShownState::Down, 0, Some(status), None);

        let expected = Trouble {
            kind: TroubleKind::Down,
            since: Some(since),
            until: Some(until),
            detail: Some("answered 500".to_owned()),
        };
        assert_eq!(shown.trouble, Some(expected));
    }

    #[test]
    fn who_paused_it_and_what_is_configured_no_more_are_told_apart() {
        let paused = |reason: &str| {
            let pause = Pause {
                at: ago(3),
                reason: reason.to_owned(),
            };
            found(&ShownDestination::sample(
                ShownState::Paused,
                0,
                None,
                Some(pause),
            ))
        };
        let other = |state, pending_count| found(&ShownDestination::sample(state, pending_count, None, None));

        assert_eq!(paused("migration"), Some(TroubleKind::Paused));
        let itself = format!("{PAUSED_ITSELF}: answered 410");
        assert_eq!(paused(&itself), Some(TroubleKind::PausedItself));
        assert_eq!(
            other(ShownState::Unconfigured, 1),
            Some(TroubleKind::Unconfigured)
        );
        assert_eq!(other(ShownState::Unconfigured, 0), None);
        assert_eq!(other(ShownState::Removed, 0), None);
    }
}
