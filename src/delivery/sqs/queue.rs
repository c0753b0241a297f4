//! What an operator is to know of a queue, found by asking for its attributes.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::answer::Cause;
use super::{MAX_MESSAGE_BYTES, Service, Settings};
use crate::clock::rounded;
use crate::delivery::look::{MIN_KEPT, Sight};

/// How long all of it may take: somebody waits at a terminal.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Question<'a> {
    queue_url: &'a str,
    attribute_names: &'a [&'a str],
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    attributes: Attributes,
}

/// Numbers are texts there.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    maximum_message_size: Option<String>,
    message_retention_period: Option<String>,
}

/// Looks at a queue as an attempt would: proxy, keys and signature included.
///
/// # Errors
/// The system's certificates cannot be read.
pub async fn look(settings: &Settings) -> Result<Vec<Sight>, reqwest::Error> {
    let Settings {
        keys_from,
        region,
        region_from,
        ..
    } = settings;
    let whence =
        format!("its keys are to come from {keys_from}; its region, {region}, is that of {region_from}");
    let mut sights = vec![Sight::Good(whence)];
    sights.extend(ask(settings).await?);
    Ok(sights)
}

async fn ask(settings: &Settings) -> Result<Vec<Sight>, reqwest::Error> {
    let service = Service::new(settings, TIMEOUT)?;
    let question = Question {
        queue_url: settings.url.as_str(),
        attribute_names: &["MaximumMessageSize", "MessageRetentionPeriod"],
    };
    let bad = |what, advice| Ok(vec![Sight::Bad { what, advice }]);
    let answer = match timeout(TIMEOUT, service.call("GetQueueAttributes", &question)).await {
        Ok(Ok((answer, _))) => answer,
        Ok(Err(report)) => return Ok(vec![Sight::unreached(report.detail, NOT_REACHED)]),
        Err(_) => {
            let seconds = TIMEOUT.as_secs();
            return bad(format!("SQS did not answer within {seconds} s"), NOT_REACHED);
        }
    };
    let what = answer.failed();
    if what.contains(" AccessDenied") {
        return Ok(vec![Sight::Doubtful {
            what: format!("{what}; whether messages can be sent is not known"),
            advice: "allow sqs:SendMessage and, for this look, sqs:GetQueueAttributes",
        }]);
    }
    let found = match (answer.status, serde_json::from_slice::<Found>(&answer.body)) {
        (200, Ok(found)) => found.attributes,
        (200, Err(_)) => {
            return bad(
                "what answers there is no SQS".to_owned(),
                "see that its URL is right",
            );
        }
        _ => return bad(what, advice(answer.fault())),
    };
    Ok(sights(settings, &found))
}

const NOT_REACHED: &str = "see that its URL is right, that it can be reached from here, and that there are keys: access_key_id and \
                           secret_access_key, or a role of this container or machine";

/// What to do where SQS was reached and did not tell.
const fn advice(fault: Cause) -> &'static str {
    match fault {
        Cause::Queue => {
            "make the queue, or see that its URL and region are right, and that the keys are of its account"
        }
        Cause::Keys => {
            "see that the access key is there, active and of this partition of AWS, and what gives it (a role, a variable, the settings) \
             is up to date"
        }
        Cause::Signature => {
            "see that secret_access_key belongs to the access key, and that the region is the queue's"
        }
        Cause::Clock => {
            "set the clock of this machine right and keep it so (`timedatectl set-ntp true`): signatures are taken for five minutes"
        }
        Cause::Encryption => {
            "see that the queue's key in AWS KMS is enabled, and that its policy and these keys allow kms:GenerateDataKey and \
             kms:Decrypt"
        }
        Cause::Load => {
            "nothing, unless it stays so: what is for it is kept, and tried again until it is taken"
        }
        Cause::Policy | Cause::Another => {
            "see that the URL, the region and the keys are right, and that they may send to this queue"
        }
    }
}

fn sights(settings: &Settings, found: &Attributes) -> Vec<Sight> {
    let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<u64>().ok());
    let kind = if settings.is_fifo() { "FIFO" } else { "standard" };
    let mut known = format!("the {kind} queue is there");
    if let Some(limit) = number(&found.maximum_message_size) {
        known += &format!(
            " and takes messages of {limit} bytes at most, which is the queue's to set up to {MAX_MESSAGE_BYTES}"
        );
    }
    let mut sights = vec![Sight::Good(known)];
    let retention = number(&found.message_retention_period).map(Duration::from_secs);
    if let Some(retention) = retention.filter(|retention| *retention < MIN_KEPT) {
        sights.push(Sight::Doubtful {
            what: format!("the queue drops what nobody has taken for {}", rounded(retention)),
            advice: "set its MessageRetentionPeriod longer than the application is ever down, up to 14 days",
        });
    }
    sights
}
