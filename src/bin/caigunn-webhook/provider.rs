//! What commands that call CaiGunn need of the settings.

use anyhow::{Context, bail};
use caigunn_webhook::caigunn::{self, Client};
use caigunn_webhook::config::{Registration, Settings};
use caigunn_webhook::subscription::once::{self, Chosen};
use caigunn_webhook::subscription::visit::Target;
use caigunn_webhook::subscription::{Webhook, no_such_chatbot};

use crate::output::{self, WrongUsage};

/// A client of CaiGunn's API.
pub fn client(settings: &Settings) -> anyhow::Result<Client> {
    let api = settings
        .api
        .clone()
        .ok_or_else(|| WrongUsage("no access token; set CAIGUNN_ACCESS_TOKEN".to_owned()))?;
    Client::new(api).context("preparing calls to CaiGunn (where this machine has no certificates, install ca-certificates or name a file in SSL_CERT_FILE)")
}

/// What is to be registered, without which nobody can say which URL is this receiver's.
pub fn webhook(settings: &Settings) -> anyhow::Result<&Webhook> {
    match &settings.registration {
        Registration::Wanted(webhook) => Ok(webhook),
        Registration::Missing(names) => {
            let names = names.join(" and ");
            bail!(WrongUsage(format!("settings are missing; set {names}")))
        }
    }
}

/// The chatbots that are chosen. Says what of CaiGunn's list is left out, and what of the choice names nobody.
pub async fn targets(client: &Client, settings: &Settings) -> Result<Vec<Target>, caigunn::Error> {
    let Chosen {
        targets,
        unreadable,
        unmatched,
    } = once::targets(client, &settings.selection).await?;
    if unreadable.count > 0 {
        let named = unreadable.named.join("; ");
        output::say(format_args!(
            "{} entries of CaiGunn's list cannot be read and are left out, such as: {named}",
            unreadable.count
        ));
    }
    if !unmatched.is_empty() {
        output::say(no_such_chatbot(&unmatched));
    }
    Ok(targets)
}
