//! What is said of a round: what is news in it, and what of it is over.

use std::time::Duration;

use super::Rounds;
use super::pass::{Named, Pass, Trouble};
use crate::backfill::{Error, Outcome};
use crate::event::ChatbotId;

impl Rounds {
    /// Says what is news.
    pub(super) fn say(&mut self, pass: &Pass, wait: Duration) {
        self.say_trouble(pass, wait);
        let news = pass.keyless.iter().filter(|id| !self.keyless.contains(id));
        for chatbot_id in news {
            tracing::warn!(error.type = "no_key", "{}", no_key(*chatbot_id));
        }
        if pass.is_whole {
            self.keyless.clone_from(&pass.keyless);
        }
        let trouble = self.trouble.as_ref().map(|trouble| trouble.error.to_string());
        let keyless = || self.keyless.first().map(|chatbot_id| no_key(*chatbot_id));
        self.progress.look().problem = trouble.or_else(|| self.backfill.problem()).or_else(keyless);
        // One that is cut short may not have counted all; the next counts them again.
        if pass.is_whole {
            self.say_stalled(&pass.newly_stalled);
        }
    }

    /// Says when CaiGunn stops answering, and when it begins again. What concerns a few jobs is said of them.
    fn say_trouble(&mut self, pass: &Pass, wait: Duration) {
        if !pass.is_cut_short() {
            for (event_id, text) in &pass.newly_failing.named {
                tracing::warn!(
                    error.type = "backfill",
                    %event_id,
                    "cannot ask what was missed of job {event_id}: {text}; it is asked about again, ever more rarely"
                );
            }
            // Nor where CaiGunn answers, and nothing is left but keys that it refuses, which is told of these.
            let has_refused = || pass.failure_count == 0 && self.backfill.has_refused_since(pass.began);
            let has_nothing_to_ask = pass.is_whole && (pass.open_count == 0 || has_refused());
            if self.trouble.is_some() && pass.answer_count > 0 {
                tracing::info!("CaiGunn tells again what was missed");
                self.trouble = None;
            } else if has_nothing_to_ask {
                self.trouble = None;
            }
            return;
        }
        // It was said of the key.
        let is_of_key = pass.trouble.as_ref().is_some_and(|found| found.error.is_of_key());
        if is_of_key && self.backfill.has_refused_since(pass.began) {
            return;
        }
        // A log that never can be had is no outage whenever it is asked for alone.
        if self.trouble.is_none() && !pass.is_over && pass.newly_failing.named.is_empty() {
            return;
        }
        if self.trouble.as_ref().map(|known| known.kind) != pass.trouble.as_ref().map(|found| found.kind)
            && let Some(Trouble { error, .. }) = &pass.trouble
        {
            const WHAT: &str = "cannot ask CaiGunn what was missed";
            match error {
                Error::Log(error) => error.log("backfill", None, WHAT, wait),
                Error::Key(_) | Error::NoKey | Error::Inbox(_) => tracing::warn!(
                    error.type = "backfill",
                    "{WHAT}: {error}; trying again in {} s",
                    wait.as_secs()
                ),
            }
        }
        self.trouble.clone_from(&pass.trouble);
    }

    fn say_stalled(&self, newly_stalled: &Named) {
        for (event_id, event) in &newly_stalled.named {
            tracing::warn!(
                error.type = "stalled",
                %event_id,
                "job {event_id} ({event}) has begun more than {} days ago and no end of it is known; CaiGunn is asked \
                 about it no more, except at start",
                self.settings.give_up_after.as_secs() / 86_400
            );
        }
        if newly_stalled.more_count > 0 {
            tracing::warn!(
                error.type = "stalled",
                "{} more jobs like these: begun long ago, and no end of them is known",
                newly_stalled.more_count
            );
        }
    }
}

/// Says what of a job's log could not be read.
pub fn unreadable(
    Outcome {
        event_id,
        unreadable,
        unreadable_count: count,
        ..
    }: &Outcome,
) {
    let first = unreadable.first().map_or("", String::as_str);
    tracing::warn!(
        error.type = "unreadable_log",
        %event_id,
        "CaiGunn's log of job {event_id} has {count} entries that are no notifications and are left out; the first: \
         {first}"
    );
}

fn no_key(chatbot_id: Option<ChatbotId>) -> String {
    match chatbot_id {
        Some(id) => {
            format!("no API key is known for chatbot {id}, so what was missed of its jobs cannot be asked")
        }
        None => "no API key is known, so what was missed cannot be asked".to_owned(),
    }
}
