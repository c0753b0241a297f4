//! Whether what notices post to can be reached, and whether it took what was sent to it last. Nothing is sent to it.

use futures_util::future::join_all;
use tokio::task::spawn_blocking;

use super::{Finding, no_certificates};
use crate::config::{InboxLocation, Settings};
use crate::delivery::look;
use crate::delivery::look::{NO_TLS, Sight};
use crate::inbox::{postgres, sqlite};
use crate::notice::{self, Books};

const CHECK: &str = "notice";

pub async fn examine(settings: &Settings) -> Vec<Finding> {
    let mut findings = join_all(settings.notices.iter().map(access)).await.concat();
    if !settings.notices.is_empty() {
        findings.extend(untold(settings).await);
    }
    findings
}

/// What is kept to be told and was not taken. That the inbox cannot be read is said where that is looked at.
async fn untold(settings: &Settings) -> Vec<Finding> {
    let kept = match settings.inbox_location.clone() {
        InboxLocation::Sqlite(path) => spawn_blocking(move || sqlite::kept_notices(&path).ok())
            .await
            .ok(),
        InboxLocation::Postgres(location) => {
            Some(postgres::kept_notices(&location, &settings.inbox).await.ok())
        }
    };
    let mut untold = Books::read(kept.flatten().flatten().as_deref()).untold();
    untold.retain(|untold| {
        settings
            .notices
            .iter()
            .any(|notice| notice.name() == untold.notice)
    });
    let findings = untold.iter();
    findings
        .map(|untold| Finding::warning(CHECK, untold.to_string(), untold.advice()))
        .collect()
}

/// Whether what one posts to is there. Where it is not, no notification is lost for that.
async fn access(notice: &notice::Settings) -> Vec<Finding> {
    let name = notice.name();
    let advice = format!(
        "see that its URL is right and can be reached from here; `caigunn-webhook notices test {name}` sends a message there"
    );
    let finding = |sight| match sight {
        Sight::Good(what) => Finding::ok(CHECK, format!("{name}: {what}")),
        Sight::Bad { what, advice: NO_TLS } => Finding::warning(CHECK, format!("{name}: {what}"), NO_TLS),
        Sight::Doubtful { what, .. } | Sight::Bad { what, .. } => {
            Finding::warning(CHECK, format!("{name}: {what}"), advice.clone())
        }
    };
    match look(&notice.destination.kind).await {
        Ok(sights) => sights.into_iter().map(finding).collect(),
        Err(error) => vec![no_certificates(&error)],
    }
}
