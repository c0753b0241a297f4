//! What commands that call CaiGunn need of the settings.

use anyhow::{Context, bail};
use caigunn_webhook::caigunn::{self, Client};
use caigunn_webhook::config::{Registration, Settings};
use caigunn_webhook::subscription::{self, advice};

/// A client of CaiGunn's API.
pub fn client(settings: &Settings) -> anyhow::Result<Client> {
    let api = settings
        .api
        .clone()
        .context("no access token; set CAIGUNN_ACCESS_TOKEN")?;
    Client::new(api).context("preparing calls to CaiGunn")
}

/// What is to be registered, without which nobody can say which URL is this receiver's.
pub fn subscription(settings: &Settings) -> anyhow::Result<&subscription::Settings> {
    match &settings.registration {
        Registration::Wanted(subscription) => Ok(subscription),
        Registration::Missing(names) => {
            bail!("this command needs {}, which is not set", names.join(", and "))
        }
    }
}

/// A failed call with the access token alone, with what to do about it.
pub fn explained(error: caigunn::Error) -> anyhow::Error {
    match error {
        caigunn::Error::Refused { status: 401, .. } => anyhow::anyhow!("{error}; {}", advice::ACCESS_TOKEN),
        error => error.into(),
    }
}
