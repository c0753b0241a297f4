//! Looks at everything a receiver depends on, and says of each thing whether it is well and, if not, what to do.
//!
//! It changes nothing: nothing is registered, no inbox is made or migrated, no file stays behind, and nothing is sent to
//! destinations and by notices, nor to an address to listen on that is not this machine's. Where a receiver runs with the same settings, that one is asked; where none does, what it would meet is
//! tried.

mod account;
mod destinations;
mod inbox;
mod network;
mod notices;
mod postgres;
mod receiver;
mod refused;
mod soundness;

pub use account::running;

use std::error::Error;
use std::mem;

use serde::Serialize;

use crate::config::{Loaded, Settings};
use crate::{descriptors, outgoing};

pub use soundness::{Condition, Soundness, soundness};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Unwise, or not to be told from here.
    Warning,
    /// Until it is mended, notifications are lost, refused or not delivered, or the receiver cannot be asked or started. That none
    /// runs is none: it may be looked at before a start.
    Failure,
}

/// What was found of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, in a word or two.
    pub check: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen.
    pub found: String,
    /// What to do about it; `None` where all is well.
    pub advice: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Ok,
            found: found.into(),
            advice: None,
        }
    }

    fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Warning,
            found: found.into(),
            advice: Some(advice.into()),
        }
    }

    fn failure(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Failure,
            ..Self::warning(check, found, advice)
        }
    }
}

/// Examines everything, in an order in which a later finding may be explained by an earlier one. Takes some seconds
/// where the network is slow, and about a second for each GiB of an inbox in a file, and one for each million receipts.
///
/// # Errors
/// No client for addresses of this machine can be made.
pub async fn examine(loaded: &Loaded) -> Result<Vec<Finding>, reqwest::Error> {
    let settings = &loaded.settings;
    let mut findings = settings_findings(loaded);
    findings.push(open_files(settings));
    let receiver = network::Receiver::find(settings).await?;
    findings.extend(network::addresses(settings, &receiver));
    findings.extend(inbox::examine(settings, &receiver).await);
    findings.extend(network::leader(settings, &receiver).await);
    findings.extend(account::examine(settings, &receiver).await);
    let mut shown = loaded.shown.iter();
    let is_probed = shown.all(|shown| (shown.key, &*shown.value) != ("subscription.probe", "false"));
    findings.push(network::public_url(settings, &receiver, is_probed));
    findings.extend(destinations::examine(settings, &receiver).await);
    findings.extend(notices::examine(settings).await);
    // All calls want the same certificates.
    let mut is_said = false;
    findings.retain(|finding| finding.check != CERTIFICATES || !mem::replace(&mut is_said, true));
    Ok(findings)
}

const CERTIFICATES: &str = "certificates";

/// That a call over the network cannot be prepared.
fn no_certificates(error: &(dyn Error + 'static)) -> Finding {
    Finding::failure(
        CERTIFICATES,
        format!(
            "calls over the network cannot be prepared: {}",
            outgoing::innermost(error)
        ),
        "where this machine has no certificates, install ca-certificates or name a file in SSL_CERT_FILE",
    )
}

/// What the configuration itself tells.
fn settings_findings(loaded: &Loaded) -> Vec<Finding> {
    const CHECK: &str = "settings";
    let set_count = loaded.shown.iter().filter(|shown| shown.is_said).count();
    let sum = format!("no mistakes; {set_count} of {} keys are set", loaded.shown.len());
    let mut findings = vec![Finding::ok(CHECK, sum)];
    let warnings = loaded.warnings.iter();
    findings.extend(warnings.map(|warning| Finding::warning(CHECK, &warning.found, warning.advice)));
    findings
}

/// Whether a process that is started as this one was may have as many files open as the connections need.
fn open_files(settings: &Settings) -> Finding {
    const CHECK: &str = "open files";
    let limit = descriptors::attainable();
    let shown = limit.map_or("not limited".to_owned(), |limit| format!("limited to {limit}"));
    match settings.clone().fit_into(limit) {
        Ok(None) => {
            let count = settings.http.connections.max_count;
            Finding::ok(
                CHECK,
                format!("{shown}, enough for {count} connections on each listener"),
            )
        }
        Ok(Some(warning)) => Finding::warning(CHECK, warning.found, warning.advice),
        Err(refusal) => Finding::failure(CHECK, "too few for a receiver to start", refusal.to_string()),
    }
}
