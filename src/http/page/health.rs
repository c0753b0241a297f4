//! How it goes: in one line that stands on every page, and on the overview thing by thing, with what to do where it is not well.

use std::time::Duration;

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Parts, Site, chatbots, destinations, parts};
use crate::clock::Timestamp;
use crate::http::chatbots::Standing;
use crate::http::problem::Problem;
use crate::inbox::Space;
use crate::inbox::acceptance::Refused;

/// For how long it is taken as known.
const FRESH: Duration = Duration::from_secs(2);

/// Whether all is well, and in words what is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub is_well: bool,
    pub words: String,
    /// What is not, and what to do; with where it is shown.
    pub wrong: Vec<Wrong>,
}

/// Something that is not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub words: String,
    /// The page that has more, or the button.
    pub path: &'static str,
}

/// What was found last, and when.
#[derive(Default)]
pub struct KnownHealth(Mutex<Option<(Instant, Health)>>);

/// The line alone, which the script looks at while a page is open.
pub(super) async fn show(State(site): State<Site>) -> Html<String> {
    Html(health(&site).await.line().into_string())
}

/// How it goes now, or a moment ago.
pub async fn health(site: &Parts) -> Health {
    let mut known = site.kept.health.0.lock().await;
    match &*known {
        Some((at, health)) if at.elapsed() < FRESH => health.clone(),
        _ => {
            let standing = (site.api.subscription)(false).await;
            let leader = standing.leader.clone();
            let elsewhere = leader.name.filter(|_| !leader.is_self);
            let health = Health::of(look(site, &standing).await, elsewhere.as_deref());
            *known = Some((Instant::now(), health.clone()));
            health
        }
    }
}

impl Health {
    /// By what is wrong, in a receiver that leads unless another one is named.
    fn of(wrong: Vec<Wrong>, leader: Option<&str>) -> Self {
        let words = match (&wrong[..], leader) {
            ([], None) => "Well: the inbox takes writes, and nothing needs a person".to_owned(),
            ([], Some(leader)) => format!(
                "Well here: the inbox takes writes; how deliveries and registrations go, {leader} knows, which leads"
            ),
            ([only], _) => format!("Not well: {}", only.words),
            ([first, rest @ ..], _) => format!("Not well: {} (and {} more)", first.words, rest.len()),
        };
        Self {
            is_well: wrong.is_empty(),
            words,
            wrong,
        }
    }

    /// The line that stands on every page.
    pub fn line(&self) -> Markup {
        html! {
            p #health .health.well[self.is_well].unwell[!self.is_well] {
                a href="/" { (parts::whole(&self.words)) }
            }
        }
    }
}

async fn look(site: &Parts, standing: &Standing) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let mut note = |words: String, path| wrong.push(Wrong { words, path });
    if let Err(problem) = site.accepting.check() {
        note(problem.detail().to_owned(), "/");
    }
    if let Err(error) = site.writer.ready().await {
        let advice = match site.api.inbox.space() {
            Some(_) => "see that the volume is neither full nor mounted read-only",
            None => "see that the database runs, takes writes and can be reached from here",
        };
        note(
            format!("the inbox takes no writes: {error}; {advice}; until then posts get 503"),
            "/",
        );
    }
    for (words, path) in site.api.inbox.space().map(wanting).into_iter().flatten() {
        note(words, path);
    }
    for words in chatbots::wrong(&standing.seen) {
        note(words, "/chatbots");
    }
    if let Some(problem) = &standing.backfill.problem {
        note(
            format!("what was missed cannot be asked for: {problem}"),
            "/chatbots",
        );
    }
    if standing.leader.name.is_none() {
        note(
            "which receiver leads is not known: nothing is delivered or registered until one does".to_owned(),
            "/",
        );
    }
    match site.api.deliveries.destinations().await {
        Ok(all) => {
            for destination in &all {
                if let Some(words) = destinations::standing(destination) {
                    note(words, "/destinations");
                }
                if let Some(words) = destinations::dead_letters(destination) {
                    note(words, "/deliveries?state=dead");
                }
            }
        }
        Err(error) => note(Problem::from(error).detail().to_owned(), "/destinations"),
    }
    for words in (site.untold)().await {
        note(words, "/settings");
    }
    wrong.extend(refused(site).await);
    wrong
}

/// What of the inbox's space is not as it should be, and where that is shown.
fn wanting(space: Space) -> Vec<(String, &'static str)> {
    let free = space.free_bytes.filter(|free| *free < Space::LOW_FREE_BYTES);
    let free = free.map(|free| {
        let (free, advice) = (free >> 20, Space::LOW_ADVICE);
        (
            format!("{free} MiB are free on the volume of the inbox; {advice}"),
            "/settings",
        )
    });
    let log = (space.log_bytes > Space::LARGE_LOG_BYTES).then(|| {
        let (log, advice) = (space.log_bytes >> 20, Space::LARGE_LOG_ADVICE);
        (format!("the inbox's log has {log} MiB: {advice}"), "/")
    });
    [free, log].into_iter().flatten().collect()
}

/// That posts were refused of late. That the inbox cannot be read is said already.
async fn refused(site: &Parts) -> Option<Wrong> {
    let newest = site.api.inbox.quarantine(Refused::PAGE).await.ok()?;
    let refused = Refused::of(&newest, Timestamp::now())?;
    Some(Wrong {
        words: format!("{refused}; {}", Refused::ADVICE),
        path: "/quarantine",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_first_is_said_in_one_line_with_how_much_more_there_is() {
        let wrong = |words: &str| Wrong {
            words: words.to_owned(),
            path: "/",
        };

        assert!(Health::of(Vec::new(), None).is_well);
        let one = Health::of(vec![wrong("app is down")], None);
        assert_eq!((one.is_well, &*one.words), (false, "Not well: app is down"));
        let two = Health::of(vec![wrong("app is down"), wrong("queue is down")], Some("other"));
        assert_eq!(two.words, "Not well: app is down (and 1 more)");
    }

    #[test]
    fn a_large_log_is_told_with_what_to_do_where_the_receiver_sees_nobody() {
        let words = |log_bytes| {
            let space = Space {
                free_bytes: None,
                volume_bytes: None,
                log_bytes,
            };
            wanting(space)
                .into_iter()
                .map(|(words, _)| words)
                .collect::<Vec<_>>()
        };

        assert_eq!(words(Space::LARGE_LOG_BYTES), [""; 0]);
        let told = words(Space::LARGE_LOG_BYTES + 1);
        assert!(
            told[0].starts_with("the inbox's log has 256 MiB: ") && told[0].contains("`lslocks`"),
            "{told:?}"
        );
    }

    #[test]
    fn a_receiver_that_does_not_lead_says_who_knows_the_rest() {
        let health = Health::of(Vec::new(), Some("hooks-1"));

        assert!(
            health.is_well && !health.words.contains("nothing needs a person"),
            "{health:?}"
        );
        assert!(health.words.contains("hooks-1 knows, which leads"), "{health:?}");
    }
}
