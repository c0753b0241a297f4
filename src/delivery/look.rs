//! What a look at a destination finds, for `doctor`. No notification is sent, and nothing is changed.

use std::time::Duration;

use super::login::Login;
use super::send::MAX_DETAIL_CHARS;
use crate::accents::cut;
use crate::outgoing;

/// The shortest time for which a queue is to keep what nobody has taken: applications are down over a night.
pub const MIN_KEPT: Duration = Duration::from_secs(86_400);

/// What to do where a queue is not reached by its URL.
pub const UNREACHED: &str = "see that its URL is right, that the server runs and can be reached from here, and that a certificate is \
                             one that this machine trusts; what is for it is kept and sent when it is there";

/// What to do where TLS was wanted and nobody speaks it.
pub const NO_TLS: &str = "name the port at which it speaks TLS, or give the URL the scheme that goes without (http, nats, redis, kafka)";

/// What to do where a certificate of ours is wanted.
pub const NO_CERTIFICATE: &str = "have the server want no certificate of its clients, and show it a `user` and a `password` instead; what is \
                                  for it is kept and sent when it lets this receiver in";

/// What was found, in words for an operator; nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// That is as it should be.
    Good(String),
    /// It delivers, and this is not as it should be.
    Doubtful {
        /// What.
        what: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// Nothing can be delivered.
    Bad {
        /// What is wrong.
        what: String,
        /// What to do about it.
        advice: &'static str,
    },
}

impl Sight {
    /// The same as it may be shown: as [`Report::kept`](super::Report::kept).
    pub(super) fn shown(self, login: Option<&Login>) -> Self {
        let shown = |what: String| {
            cut(
                &login.map_or(what.clone(), |login| login.hide(&what)),
                MAX_DETAIL_CHARS,
            )
        };
        match self {
            Self::Good(what) => Self::Good(shown(what)),
            Self::Doubtful { what, advice } => Self::Doubtful {
                what: shown(what),
                advice,
            },
            Self::Bad { what, advice } => Self::Bad {
                what: shown(what),
                advice,
            },
        }
    }

    /// That nobody was reached, or not as it has to be; `advice` is for all reasons but TLS that is not spoken there, or that
    /// wants a certificate of ours.
    pub fn unreached(what: String, advice: &'static str) -> Self {
        let advice = if outgoing::tells_no_tls(&what) {
            NO_TLS
        } else if outgoing::tells_no_certificate(&what) {
            NO_CERTIFICATE
        } else {
            advice
        };
        Self::Bad { what, advice }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_seen_as_much_is_shown_as_somebody_reads_whatever_others_say_of_it() {
        let long = "é".repeat(MAX_DETAIL_CHARS + 1);
        let (advice, cut) = ("mend it", format!("{}…", "é".repeat(MAX_DETAIL_CHARS)));
        let of_kinds = |what: &str| {
            let what = what.to_owned();
            [
                Sight::Good(what.clone()),
                Sight::Doubtful {
                    what: what.clone(),
                    advice,
                },
                Sight::Bad { what, advice },
            ]
        };

        let words = of_kinds(&long).map(|sight| match sight.shown(None) {
            Sight::Good(what) | Sight::Doubtful { what, .. } | Sight::Bad { what, .. } => what,
        });

        assert_eq!(words, [&*cut; 3]);
    }
}
