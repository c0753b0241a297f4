//! What a list of the account's chatbots changes: who is new, who is left out, and who is forgotten.

use std::collections::HashMap;

use secrecy::ExposeSecret;

use super::Keeper;
use crate::accents::quoted;
use crate::caigunn::keyring::Keyring;
use crate::caigunn::{Chatbot, Listing, Unreadable};
use crate::subscription::subject::Subject;
use crate::subscription::visit::Target;
use crate::subscription::{Selection, State, no_such_chatbot};

/// In how many lists in a row a chatbot may be missing before it is forgotten, and with it what was seen and done: a list may be
/// short for once.
const MAX_MISSED_LISTS: u32 = 5;

/// How many chatbots may be remembered, missing ones included: twice what the list may have. As many may be left out.
const MAX_SUBJECTS: usize = 20_000;

impl Keeper {
    /// Takes over a list of the account's chatbots.
    pub(super) fn place(&mut self, listing: Listing) {
        let listed_count = listing.chatbots.len();
        self.say_unreadable(listing.unreadable);
        self.say_unmatched(&listing.chatbots);
        self.leave_out(&listing.chatbots);
        let (mut by_id, mut by_key) = (HashMap::new(), HashMap::new());
        for (index, subject) in self.subjects.iter_mut().enumerate() {
            subject.missed_count = subject.missed_count.saturating_add(1);
            by_id.extend(subject.target.id.map(|id| (id, index)));
            by_key.insert(subject.target.api_key.expose_secret().to_owned(), index);
        }
        let chosen = listing.chatbots.iter();
        let chosen = chosen
            .filter(|chatbot| self.selection.takes(chatbot) && !self.excluded.contains_key(&chatbot.id));
        for chatbot in chosen {
            let known = by_id
                .get(&chatbot.id)
                .or_else(|| by_key.get(chatbot.api_key.expose_secret()));
            let target = Target::of(chatbot);
            match known {
                Some(&index) => {
                    let subject = &mut self.subjects[index];
                    (subject.target, subject.missed_count) = (target, 0);
                }
                None => {
                    tracing::info!("found {}", target.name());
                    let mut subject = Subject::new(target);
                    subject.memory.goes_on = self.goes_on;
                    self.subjects.push(subject);
                }
            }
        }
        // A start means to have the chatbots that there are. Who has one that comes later, or comes under another title, had it
        // before this receiver did.
        self.goes_on = true;
        self.forget(&listing.chatbots);
        if self.subjects.is_empty() && !self.is_emptiness_said {
            tracing::warn!(
                error.type = "no_chatbot",
                "there is no chatbot to look after: CaiGunn lists {listed_count} that can be read, and subscription.include \
                 and subscription.exclude leave none of them"
            );
        }
        self.is_emptiness_said = self.subjects.is_empty();
        self.keyring.send_replace(Some(self.known_keys()));
        self.show();
    }

    /// The keys of all chatbots, as far as they are known.
    pub(super) fn known_keys(&self) -> Keyring {
        let targets = self.subjects.iter().map(|subject| &subject.target);
        let keys = targets.map(|target| (target.id, target.api_key.clone()));
        let mut keyring: Keyring = keys.collect();
        keyring.is_whole =
            matches!(self.selection, Selection::Discovered { .. }) && self.unreadable.count == 0;
        keyring
    }

    /// Notes whom `exclude` names, and says who was named and is called otherwise now. It is no wish to have a chatbot that
    /// somebody changes its title.
    fn leave_out(&mut self, chatbots: &[Chatbot]) {
        for chatbot in chatbots {
            let is_kept = |subject: &Subject| subject.target.id == Some(chatbot.id);
            if self.selection.excludes(chatbot) && !self.subjects.iter().any(is_kept) {
                self.excluded.insert(chatbot.id, chatbot.title.clone());
            } else if let Some(title) = self.excluded.get_mut(&chatbot.id)
                && *title != chatbot.title
            {
                title.clone_from(&chatbot.title);
                tracing::warn!(
                    error.type = "renamed",
                    "{} was called what subscription.exclude names, and stays left out until the next start, or until \
                     another receiver leads: name its id there, which does not change",
                    Target::of(chatbot).name()
                );
            }
        }
        if self.excluded.len() > MAX_SUBJECTS {
            self.excluded
                .retain(|id, _| chatbots.iter().any(|chatbot| chatbot.id == *id));
        }
    }

    /// Says what has been missing, and forgets what has been for long.
    fn forget(&mut self, chatbots: &[Chatbot]) {
        let is_given = self.selection.keys().next().is_some();
        let has_room = self.subjects.len() <= MAX_SUBJECTS;
        self.subjects.retain_mut(|subject| {
            match subject.missed_count {
                // A key that was given is tried, whether or not it is of a listed chatbot.
                _ if is_given => subject.missed_count = 0,
                0 => {}
                1..MAX_MISSED_LISTS if has_room && subject.state != State::Deleted => {
                    tracing::debug!(
                        "{} is not listed or not chosen; it is remembered for now",
                        subject.target.name()
                    );
                }
                _ => {
                    say_forgotten(&subject.target, chatbots);
                    return false;
                }
            }
            true
        });
    }

    /// Says what of the list cannot be read, if that has changed.
    fn say_unreadable(&mut self, unreadable: Unreadable) {
        if unreadable != self.unreadable && unreadable.count > 0 {
            tracing::warn!(
                error.type = "unreadable_list",
                "CaiGunn's list has {} entries that cannot be read and are left out, such as: {}",
                unreadable.count,
                unreadable.named.join("; ")
            );
        }
        self.unreadable = unreadable;
    }

    /// Says which names of chosen chatbots are of none, if that has changed.
    fn say_unmatched(&mut self, chatbots: &[Chatbot]) {
        let unmatched = self.selection.unmatched(chatbots);
        if unmatched != self.unmatched && !unmatched.is_empty() {
            tracing::warn!(error.type = "no_such_chatbot", "{}", no_such_chatbot(&unmatched));
        }
        self.unmatched = unmatched;
    }
}

/// Says that a chatbot is looked after no more, and why.
fn say_forgotten(target: &Target, chatbots: &[Chatbot]) {
    let name = target.name();
    let is_it = |chatbot: &&Chatbot| target.id == Some(chatbot.id);
    match chatbots.iter().find(is_it) {
        Some(chatbot) => tracing::info!(
            "{name} is looked after no more: it is called {} now, and subscription.include and subscription.exclude do not \
             leave that",
            quoted(&chatbot.title)
        ),
        None => tracing::info!("{name} is not listed any more"),
    }
}
