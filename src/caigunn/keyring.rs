//! Which API key opens which chatbot.

use std::collections::{HashMap, HashSet};

use secrecy::{ExposeSecret, SecretString};

use crate::event::ChatbotId;

/// The API keys at hand, by chatbot where that is known.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    by_chatbot: HashMap<ChatbotId, SecretString>,
    /// Keys that were given and that no listed chatbot has.
    unplaced: Vec<SecretString>,
    /// Whether a chatbot that is not in it is none of the account's, or none that is looked after.
    pub is_whole: bool,
}

impl Keyring {
    /// Whether there is a key that may open a chatbot.
    pub fn may_open(&self, chatbot_id: Option<ChatbotId>) -> bool {
        let is_unknown = chatbot_id.is_none();
        self.has_key_of(chatbot_id) || !self.unplaced.is_empty() || is_unknown && !self.by_chatbot.is_empty()
    }

    /// Whether the key of that chatbot is known to be its own.
    pub fn has_key_of(&self, chatbot_id: Option<ChatbotId>) -> bool {
        chatbot_id.is_some_and(|chatbot_id| self.by_chatbot.contains_key(&chatbot_id))
    }

    /// Whether another one has the same keys, wherever they are placed.
    pub fn has_same_keys(&self, other: &Self) -> bool {
        self.exposed() == other.exposed()
    }

    fn exposed(&self) -> HashSet<&str> {
        self.keys().map(ExposeSecret::expose_secret).collect()
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &SecretString> {
        self.by_chatbot.values().chain(&self.unplaced)
    }

    /// The keys that may open a chatbot, each with the chatbot it is known to be of: the one's own, or all that may be
    /// its own where that is not known.
    pub fn candidates(&self, chatbot_id: Option<ChatbotId>) -> Vec<(Option<ChatbotId>, SecretString)> {
        let unplaced = self.unplaced.iter().map(|api_key| (chatbot_id, api_key.clone()));
        match chatbot_id {
            Some(chatbot_id) => match self.by_chatbot.get(&chatbot_id) {
                Some(api_key) => vec![(Some(chatbot_id), api_key.clone())],
                None => unplaced.collect(),
            },
            None => {
                let placed = self.by_chatbot.iter();
                let placed = placed.map(|(chatbot_id, api_key)| (Some(*chatbot_id), api_key.clone()));
                unplaced.chain(placed).collect()
            }
        }
    }
}

/// Keys with the chatbots they are known to be of.
impl FromIterator<(Option<ChatbotId>, SecretString)> for Keyring {
    fn from_iter<I: IntoIterator<Item = (Option<ChatbotId>, SecretString)>>(keys: I) -> Self {
        let mut keyring = Self::default();
        for (chatbot_id, key) in keys {
            match chatbot_id {
                Some(chatbot_id) => drop(keyring.by_chatbot.insert(chatbot_id, key)),
                None => keyring.unplaced.push(key),
            }
        }
        keyring
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// With these keys of chatbots, and those that were given and are of none of them.
    fn keyring(placed: &[(u128, &str)], given: &[&str]) -> Keyring {
        let placed = placed.iter().map(|(number, key)| {
            let id = ChatbotId::new(Uuid::from_u128(*number));
            (Some(id), SecretString::from(*key))
        });
        placed
            .chain(given.iter().map(|key| (None, (*key).into())))
            .collect()
    }

    fn candidates(keyring: &Keyring, chatbot_id: Option<u128>) -> Vec<String> {
        let chatbot_id = chatbot_id.map(|number| ChatbotId::new(Uuid::from_u128(number)));
        let keys = keyring.candidates(chatbot_id);
        let mut keys: Vec<_> = keys
            .iter()
            .map(|(_, key)| key.expose_secret().to_owned())
            .collect();
        keys.sort();
        keys
    }

    #[test]
    fn a_known_chatbot_has_its_key_and_an_unknown_one_may_have_any_that_is_left() {
        let keyring = keyring(&[(1, "one"), (2, "two")], &["other"]);

        assert_eq!(candidates(&keyring, Some(1)), ["one"]);
        assert_eq!(candidates(&keyring, Some(3)), ["other"]);
        assert_eq!(candidates(&keyring, None), ["one", "other", "two"]);
        assert!(candidates(&Keyring::default(), None).is_empty());
    }

    #[test]
    fn a_chatbot_may_be_opened_if_there_is_a_candidate() {
        for keyring in [
            Keyring::default(),
            keyring(&[(1, "one")], &[]),
            keyring(&[], &["other"]),
            keyring(&[(1, "one")], &["other"]),
        ] {
            for chatbot_id in [None, Some(1), Some(2)] {
                let id = chatbot_id.map(|number| ChatbotId::new(Uuid::from_u128(number)));
                let has_candidate = !candidates(&keyring, chatbot_id).is_empty();
                assert_eq!(keyring.may_open(id), has_candidate, "{chatbot_id:?}");
            }
        }
    }
}
