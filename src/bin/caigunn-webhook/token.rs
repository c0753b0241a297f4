//! `token`

use anyhow::{Context, anyhow};
use caigunn_webhook::caigunn;
use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::config::Settings;
use clap::Subcommand;
use secrecy::ExposeSecret;

use crate::{output, provider};

/// How long a new access token is asked to last unless said otherwise, in days.
const DEFAULT_DAYS: u64 = 365;

#[derive(Subcommand)]
pub enum TokenCommand {
    /// Have CaiGunn make a new access token, and print it
    ///
    /// The token goes to standard output and nothing else does. Nothing is changed here: put it into the file that
    /// CAIGUNN_ACCESS_TOKEN_FILE names, which a running receiver reads anew, or where CAIGUNN_ACCESS_TOKEN comes from,
    /// and restart the receiver. Not by > FILE behind this command: the shell empties the file before the old token is
    /// read from it. Rather: new=$(caigunn-webhook token refresh) && printf '%s\n' "$new" >FILE
    Refresh {
        /// The day on which the new token ends, as in 2027-01-31 [default: in 365 days]
        #[arg(long, value_name = "DATE", value_parser = date)]
        expires: Option<String>,
    },
}

pub async fn run(command: &TokenCommand, settings: &Settings) -> anyhow::Result<()> {
    let TokenCommand::Refresh { expires } = command;
    let end = Timestamp::now().plus(std::time::Duration::from_secs(DEFAULT_DAYS * 86_400));
    let expires = expires.clone().unwrap_or_else(|| end.date());
    let token = provider::client(settings)?
        .refresh_token(&expires)
        .await
        .map_err(explained)
        .context("refreshing the access token")?;
    output::write(&format!("{}\n", token.expose_secret()))?;
    output::say(format_args!(
        "A new access token, asked to last until {expires}. Put it into the file that CAIGUNN_ACCESS_TOKEN_FILE names, which a \
         running receiver reads anew, or where CAIGUNN_ACCESS_TOKEN comes from, and restart the receiver. Whether the old one \
         still works is not documented."
    ));
    Ok(())
}

/// Why there is no new token. What is not accepted is the day, for nothing else is sent.
fn explained(error: caigunn::Error) -> anyhow::Error {
    match error {
        caigunn::Error::Invalid { .. } => anyhow!(
            "{error}; give another day by --expires (it is sent as in 2027-01-31: CaiGunn documents neither the form nor the \
             latest day that it takes), and check CAIGUNN_API_URL"
        ),
        error => anyhow!(error.explained()),
    }
}

/// Takes a date in the form that is sent, if it has not passed.
fn date(text: &str) -> Result<String, String> {
    let is_date = text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
    if !is_date {
        return Err("expected a date as in 2027-01-31".to_owned());
    }
    // In this form the order of texts is that of days.
    if *text <= *Timestamp::now().date() {
        return Err("expected a day to come: a token that ends at once is of no use".to_owned());
    }
    Ok(text.to_owned())
}
