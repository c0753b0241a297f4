//! Which receipts a command is about.

use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::event::{ChatbotId, Event, EventId, did_you_mean};
use clap::Args;

use crate::admin::{self, AdminApi};
use crate::id::{event, id};
use crate::moment::moment;
use crate::output::{self, WrongUsage};

/// All that is given must match.
#[derive(Args)]
pub struct Of {
    /// Only of this event (crawling) or event name (crawling.completed)
    #[arg(long, value_name = "EVENT", value_parser = event)]
    event: Option<String>,
    /// Only of this chatbot
    #[arg(long, value_name = "ID", value_parser = id::<ChatbotId>)]
    chatbot: Option<ChatbotId>,
    /// Only of this job, by its event_id
    #[arg(long, value_name = "ID", value_parser = id::<EventId>)]
    job: Option<EventId>,
}

/// All that is given must match.
#[derive(Args)]
pub struct Which {
    #[command(flatten)]
    of: Of,
    /// Only what was received then or later: a time or a day (UTC unless a zone is given), or how long ago (2h)
    #[arg(long, alias = "from", value_name = "TIME", allow_hyphen_values = true, value_parser = moment)]
    since: Option<Timestamp>,
    /// Only what was received before that
    #[arg(long, alias = "to", value_name = "TIME", allow_hyphen_values = true, value_parser = moment)]
    until: Option<Timestamp>,
}

/// How many of those.
#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    which: Which,
    /// How many at most; 50 unless it is given
    #[arg(long, value_name = "COUNT", allow_hyphen_values = true, value_parser = output::limit)]
    limit: Option<usize>,
}

impl ListArgs {
    /// What of `member` matches, and `query` too.
    pub async fn items(
        &self,
        admin: &AdminApi,
        member: &str,
        mut query: Query,
    ) -> anyhow::Result<Vec<serde_json::Value>> {
        self.which.check()?;
        query.extend(self.which.query());
        admin::list(admin, member, self.limit, &query).await
    }
}

/// Refuses a stretch of time that ends before it begins.
pub fn in_order(since: Option<Timestamp>, until: Option<Timestamp>) -> Result<(), WrongUsage> {
    match since.zip(until) {
        Some((since, until)) if until <= since => Err(WrongUsage(format!(
            "--until: expected a time after --since, which is {since}, found {until}"
        ))),
        Some(_) | None => Ok(()),
    }
}

/// What is asked of the API.
pub type Query = Vec<(&'static str, Option<String>)>;

/// Says that no event known here is called so: one that is new may be, and any other has no receipts and no jobs.
pub fn warn_of_unheard(event: Option<&str>) {
    let is_known = |event: &str| {
        Event::NAMES
            .iter()
            .any(|name| *name.event == *event || name.to_string() == event)
    };
    if let Some(event) = event.filter(|event| !is_known(event)) {
        let meant = did_you_mean(event);
        output::say(format_args!(
            "no event that this program knows is called {event}{meant}"
        ));
    }
}

impl Of {
    /// Says what about it may be a slip.
    pub fn warn(&self) {
        warn_of_unheard(self.event.as_deref());
    }

    pub fn query(&self) -> Query {
        vec![
            ("event", self.event.clone()),
            ("chatbot_id", self.chatbot.map(|id| id.to_string())),
            ("event_id", self.job.map(|id| id.to_string())),
        ]
    }
}

impl Which {
    /// Refuses a stretch of time that ends before it begins, and says what else may be a slip.
    pub fn check(&self) -> Result<(), WrongUsage> {
        self.of.warn();
        in_order(self.since, self.until)
    }

    pub fn query(&self) -> Query {
        let times = [("since", self.since), ("until", self.until)];
        let times = times.map(|(name, time)| (name, time.map(|time| time.to_string())));
        [self.of.query(), times.into()].concat()
    }
}
