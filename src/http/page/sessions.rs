//! Who has signed in. A cookie holds who it is and until when, and a proof of it made with the token that was shown: so
//! nothing is kept of a session, and a token that is replaced ends all that were begun with it.
//!
//! What has signed out is kept until it would have ended. That and the salt go with the process, so a restart ends every
//! session, and none comes back that was signed out.

use std::collections::HashMap;
use std::time::Duration;

use hmac_sha256::HMAC;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::fingerprint::{hex, is_same};
use crate::http::admin::{AdminTokens, Rights};
use crate::instance::random_key;

/// How long a session lasts.
pub const LASTS: Duration = Duration::from_secs(86_400);

/// How many that were signed out are kept. With more, all sessions end.
const MAX_ENDED: usize = 10_000;

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub struct Session {
    pub rights: Rights,
    id: Uuid,
    /// When it ends, in seconds since 1970.
    ends_at: i64,
}

/// Those who have signed in; at first nobody.
#[derive(Default)]
pub struct Sessions(Mutex<Kept>);

struct Kept {
    salt: [u8; 32],
    /// When those that were signed out would have ended.
    ended: HashMap<Uuid, i64>,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            salt: random_key(),
            ended: HashMap::new(),
        }
    }
}

impl Sessions {
    /// Begins a session for who has shown the token of these rights; gives the cookie's value.
    pub fn begin(&self, tokens: &AdminTokens, rights: Rights, now: Timestamp) -> Option<String> {
        let session = Session {
            rights,
            id: Uuid::new_v4(),
            ends_at: seconds(now.plus(LASTS)),
        };
        let proof = self.proof(tokens, &session)?;
        Some(format!(
            "{}.{}.{}.{proof}",
            letter(rights),
            session.id.simple(),
            session.ends_at
        ))
    }

    /// The session of a cookie, if it is one of ours that has not ended.
    pub fn find(&self, tokens: &AdminTokens, cookie: &str, now: Timestamp) -> Option<Session> {
        let mut fields = cookie.split('.');
        let rights = match fields.next()? {
            "a" => Rights::All,
            "r" => Rights::Reading,
            _ => return None,
        };
        let session = Session {
            rights,
            id: Uuid::try_parse(fields.next()?).ok()?,
            ends_at: fields.next()?.parse().ok()?,
        };
        let given = fields.next()?;
        let proof = self.proof(tokens, &session)?;
        let is_ours = is_same(&proof, given);
        let is_over = session.ends_at <= seconds(now) || self.0.lock().ended.contains_key(&session.id);
        (is_ours && !is_over && fields.next().is_none()).then_some(session)
    }

    /// Ends a session, also for who has kept its cookie.
    pub fn end(&self, session: &Session, now: Timestamp) {
        let mut kept = self.0.lock();
        let now = seconds(now);
        kept.ended.retain(|_, ends_at| *ends_at > now);
        if kept.ended.len() >= MAX_ENDED {
            kept.salt = random_key();
            kept.ended.clear();
        }
        kept.ended.insert(session.id, session.ends_at);
    }

    /// What the forms of a session hold, which no other page can know. Without a session, of whoever is on this machine: there
    /// the origin of a form is what tells.
    pub fn form_token(&self, session: Option<&Session>) -> String {
        let id = session.map_or(Uuid::nil(), |session| session.id);
        hex(&HMAC::mac(format!("form {id}"), self.0.lock().salt))
    }

    /// Proves that whoever began the session had the token of its rights.
    fn proof(&self, tokens: &AdminTokens, session: &Session) -> Option<String> {
        let token = match session.rights {
            Rights::All => tokens.full.get(),
            Rights::Reading => tokens.read_only.get(),
        };
        let token: &SecretString = token.as_ref().as_ref()?;
        let key = HMAC::mac(self.0.lock().salt, token.expose_secret());
        let said = format!(
            "session {} {} {}",
            letter(session.rights),
            session.id,
            session.ends_at
        );
        Some(hex(&HMAC::mac(said, key)))
    }
}

const fn letter(rights: Rights) -> char {
    match rights {
        Rights::All => 'a',
        Rights::Reading => 'r',
    }
}

fn seconds(at: Timestamp) -> i64 {
    at.as_micros() / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> AdminTokens {
        AdminTokens::new(Some("all".into()), Some("look".into()))
    }

    #[test]
    fn a_session_ends_after_a_day_by_signing_out_with_its_token_and_with_the_process() {
        let (sessions, tokens, now) = (Sessions::default(), tokens(), Timestamp::from_micros(0));
        let cookie = sessions.begin(&tokens, Rights::Reading, now).unwrap();
        let find = |at| sessions.find(&tokens, &cookie, at);

        assert_eq!(find(now).map(|session| session.rights), Some(Rights::Reading));
        assert!(find(now.plus(LASTS - Duration::from_secs(1))).is_some());
        assert!(find(now.plus(LASTS)).is_none());
        assert!(Sessions::default().find(&tokens, &cookie, now).is_none());
        tokens.full.replace(Some("another".into()));
        assert!(find(now).is_some());
        tokens.read_only.replace(Some("another".into()));
        assert!(find(now).is_none());
        tokens.read_only.replace(Some("look".into()));
        sessions.end(&find(now).unwrap(), now);
        assert!(find(now).is_none());
    }

    #[test]
    fn a_cookie_that_was_touched_is_none() {
        let (sessions, tokens, now) = (Sessions::default(), tokens(), Timestamp::from_micros(0));
        let cookie = sessions.begin(&tokens, Rights::Reading, now).unwrap();
        let fields: Vec<_> = cookie.split('.').collect();
        let [letter, id, end, proof] = fields[..] else {
            panic!("{cookie}")
        };
        let later = "999999999999";
        let nil = Uuid::nil().simple().to_string();
        for touched in [
            String::new(),
            format!("a.{id}.{end}.{proof}"),
            format!("{letter}.{id}.{later}.{proof}"),
            format!("{letter}.{nil}.{end}.{proof}"),
            format!("{letter}.{id}.{end}.{}", &proof[1..]),
            format!("{letter}.{id}.{end}."),
            format!("{cookie}.more"),
        ] {
            assert!(sessions.find(&tokens, &touched, now).is_none(), "{touched}");
        }
        assert!(sessions.find(&tokens, &cookie, now).is_some());
    }

    #[test]
    fn what_was_signed_out_is_bounded_and_never_comes_back() {
        let (sessions, tokens, now) = (Sessions::default(), tokens(), Timestamp::from_micros(0));
        let begin = || sessions.begin(&tokens, Rights::All, now).unwrap();
        let first = begin();
        for cookie in std::iter::once(first.clone()).chain((0..MAX_ENDED).map(|_| begin())) {
            let session = sessions.find(&tokens, &cookie, now).unwrap();
            sessions.end(&session, now);
        }

        assert!(sessions.find(&tokens, &first, now).is_none());
        assert!(sessions.0.lock().ended.len() <= MAX_ENDED);
    }

    #[test]
    fn forms_of_one_session_are_not_those_of_another() {
        let (sessions, tokens, now) = (Sessions::default(), tokens(), Timestamp::from_micros(0));
        let session = || {
            let cookie = sessions.begin(&tokens, Rights::All, now).unwrap();
            sessions.find(&tokens, &cookie, now).unwrap()
        };
        let (one, other) = (session(), session());

        assert_eq!(sessions.form_token(Some(&one)), sessions.form_token(Some(&one)));
        assert_ne!(sessions.form_token(Some(&one)), sessions.form_token(Some(&other)));
        assert_ne!(sessions.form_token(None), Sessions::default().form_token(None));
    }
}
