//! The tokens that the path of a notification may carry, and when each was last used: so that an old one can be
//! retired when nobody uses it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::clock::Timestamp;
use crate::fingerprint::{Fingerprint, is_same};
use crate::rotating::{MAX_RETIRED, Rotating};

/// Stands for a token that has not been used.
const NEVER: i64 = i64::MIN;

/// The tokens, first the one that is registered where a URL is, or is to be.
#[derive(Debug)]
pub struct Tokens(Rotating<Vec<Token>>);

#[derive(Clone, Debug)]
struct Token {
    secret: SecretString,
    fingerprint: Fingerprint,
    /// In microseconds since 1970-01-01 UTC, or [`NEVER`].
    last_used_at: Arc<AtomicI64>,
    /// Whether it is not given any more, but was registered before.
    is_retired: bool,
}

/// What may be seen of a token.
#[derive(Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TokenUse {
    /// Its fingerprint.
    pub token: Fingerprint,
    /// Whether it is in the URL that stands at every chatbot that is looked after, as far as is known here.
    pub is_registered: bool,
    /// When a request last had it, since this process started.
    pub last_used_at: Option<Timestamp>,
}

impl Tokens {
    pub fn new(secrets: &[SecretString]) -> Self {
        Self(Rotating::new(secrets.iter().map(Token::new).collect()))
    }

    /// Accepts these from now on, of which the first is to be registered, and the one that was to be so far, for CaiGunn posts
    /// with it until then. Where that is not what is `registered` at every chatbot, CaiGunn may post with those before it, too.
    /// Returns how many are accepted that are none of these.
    pub fn replace(&self, secrets: &[SecretString], registered: Option<&Fingerprint>) -> usize {
        let before = self.0.get();
        let is_registered = before
            .first()
            .is_some_and(|token| Some(&token.fingerprint) == registered);
        let is =
            |token: &Token, secret: &SecretString| token.secret.expose_secret() == secret.expose_secret();
        let given = secrets.iter().map(|secret| {
            let known = before.iter().find(|token| is(token, secret));
            Token {
                is_retired: false,
                ..known.cloned().unwrap_or_else(|| Token::new(secret))
            }
        });
        let retired = before.iter().enumerate().filter(|(index, token)| {
            let may_stand = *index == 0 || (token.is_retired && !is_registered);
            may_stand && !secrets.iter().any(|secret| is(token, secret))
        });
        let retired = retired.take(MAX_RETIRED).map(|(_, token)| Token {
            is_retired: true,
            ..token.clone()
        });
        let tokens: Vec<_> = given.chain(retired).collect();
        let retired_count = tokens.len() - secrets.len();
        self.0.replace(tokens);
        retired_count
    }

    /// Whether a request may come in with that token, which is then used. With no tokens at all anyone may post, so
    /// one that CaiGunn still has from before does no harm.
    ///
    /// All tokens are compared to the end: the time a refusal takes depends on lengths alone.
    pub fn accept(&self, given: &str, at: Timestamp) -> bool {
        let tokens = self.0.get();
        let mut is_accepted = tokens.is_empty();
        for token in &*tokens {
            let is_it = is_same(token.secret.expose_secret(), given);
            if is_it {
                token.last_used_at.fetch_max(at.as_micros(), Ordering::Relaxed);
            }
            is_accepted |= is_it;
        }
        is_accepted
    }

    /// What may be seen of them, where the URL with the `registered` one stands at every chatbot.
    pub fn uses(&self, registered: Option<&Fingerprint>) -> Vec<TokenUse> {
        let tokens = self.0.get();
        let seen = tokens.iter().map(|token| {
            let last_used_at = token.last_used_at.load(Ordering::Relaxed);
            TokenUse {
                token: token.fingerprint.clone(),
                is_registered: Some(&token.fingerprint) == registered,
                last_used_at: (last_used_at != NEVER).then(|| Timestamp::from_micros(last_used_at)),
            }
        });
        seen.collect()
    }
}

impl Token {
    fn new(secret: &SecretString) -> Self {
        Self {
            secret: secret.clone(),
            fingerprint: Fingerprint::of(secret),
            last_used_at: Arc::new(AtomicI64::new(NEVER)),
            is_retired: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_accepted_at_once_and_beside_them_the_last_that_were_registered() {
        let tokens = Tokens::new(&["first".into(), "older".into()]);
        tokens.accept("first", at(5));
        let of = |secret: &str| Some(Fingerprint::of(&secret.into()));
        let accepted = || ["older", "first", "second", "third"].map(|given| tokens.accept(given, at(3)));

        assert_eq!(
            tokens.replace(&["second".into(), "first".into()], of("first").as_ref()),
            0
        );
        let uses: Vec<_> = tokens
            .uses(of("second").as_ref())
            .iter()
            .map(|it| (it.is_registered, it.last_used_at))
            .collect();
        assert_eq!(uses, [(true, None), (false, Some(at(5)))]);
        assert_eq!(accepted(), [false, true, true, false]);

        // The first is listed no more, and was not to be registered when it was.
        assert_eq!(tokens.replace(&["third".into()], of("second").as_ref()), 1);
        assert_eq!(accepted(), [false, false, true, true]);
        // CaiGunn may not have heard of the third.
        assert_eq!(tokens.replace(&["older".into()], of("second").as_ref()), 2);
        assert_eq!(accepted(), [true, false, true, true]);
        assert_eq!(tokens.replace(&["third".into()], of("older").as_ref()), 1);
        assert_eq!(accepted(), [true, false, false, true]);

        for number in 0..=MAX_RETIRED {
            tokens.replace(&[format!("{number}").into()], None);
        }
        assert_eq!(accepted(), [false; 4]);
        assert_eq!(tokens.uses(None).len(), 1 + MAX_RETIRED);
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn only_a_whole_token_is_accepted() {
        let tokens = Tokens::new(&["first".into(), "second".into()]);

        for (given, expected) in [
            ("first", true),
            ("second", true),
            ("", false),
            ("firs", false),
            ("firstt", false),
            ("FIRST", false),
            ("first,second", false),
        ] {
            assert_eq!(tokens.accept(given, at(1)), expected, "{given}");
        }
    }

    #[test]
    fn without_tokens_anything_is_accepted() {
        assert!(Tokens::new(&[]).accept("", at(1)));
        assert!(Tokens::new(&[]).accept("any", at(1)));
    }

    #[test]
    fn each_tokens_last_use_is_known_and_no_token_is_shown() {
        let tokens = Tokens::new(&["new-hunter2".into(), "old-hunter2".into()]);

        tokens.accept("old-hunter2", at(5));
        tokens.accept("old-hunter2", at(3));
        tokens.accept("wrong", at(9));

        let uses = tokens.uses(Some(&Fingerprint::of(&"new-hunter2".into())));
        assert_eq!(
            uses.iter()
                .map(|token| (token.is_registered, token.last_used_at))
                .collect::<Vec<_>>(),
            [(true, None), (false, Some(at(5)))]
        );
        assert!(!format!("{tokens:?} {uses:?}").contains("hunter2"));
    }
}
