//! Whether what notices post to can be reached. Nothing is sent to it.

use futures_util::future::join_all;

use super::{Finding, no_certificates};
use crate::config::Settings;
use crate::delivery::look;
use crate::delivery::look::{NO_TLS, Sight};
use crate::notice;

const CHECK: &str = "notice";

pub async fn examine(settings: &Settings) -> Vec<Finding> {
    join_all(settings.notices.iter().map(access)).await.concat()
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
