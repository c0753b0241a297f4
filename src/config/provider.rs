//! The settings that concern CaiGunn: its API, what is registered there, and what its log is asked for.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::reader::Reader;
use super::{Registration, Warning, is_visible, webhook_url};
use crate::backoff::Backoff;
use crate::outgoing::is_loopback;
use crate::subscription::{Selection, Watching, Webhook};
use crate::{backfill, caigunn};

/// What concerns registering.
pub struct Provider {
    pub public_url: Option<Url>,
    pub api: Option<caigunn::Settings>,
    pub selection: Selection,
    pub watching: Watching,
    pub registration: Registration,
}

pub fn provider(
    reader: &mut Reader,
    tokens: &[SecretString],
    is_shared: bool,
    warnings: &mut Vec<Warning>,
) -> Provider {
    let api_url = reader.with(
        "api.url",
        "an absolute http or https URL without user, query or fragment",
        base_url,
    );
    let timeout = reader.seconds("api.timeout_seconds", 1..=600);
    let api_keys = reader.secrets("api.key", "visible ASCII characters", is_visible);
    let access_token = reader
        .secrets("api.access_token", "visible ASCII characters", is_visible)
        .into_iter()
        .next();
    let public_url = reader.optional(
        "server.public_url",
        "an absolute http or https URL without user, query or fragment, as in https://hooks.example.com",
        base_url,
    );
    if let Some(url) = public_url
        .as_ref()
        .filter(|url| url.scheme() == "http" && !is_loopback(url))
    {
        warnings.push(Warning {
            found: format!(
                "CAIGUNN_PUBLIC_URL is {url}, not https: notifications and the token travel in the clear"
            ),
            advice: "use an https URL, with a proxy in front that ends TLS",
        });
    }
    let discover: bool = reader.parsed("subscription.discover", "true or false");
    let is_key_missing = api_keys.is_empty() && !discover;
    let (include, exclude) = (
        reader.names("subscription.include"),
        reader.names("subscription.exclude"),
    );
    let selection = if api_keys.is_empty() && discover {
        Selection::Discovered { include, exclude }
    } else {
        Selection::Keys(api_keys)
    };
    let watching = watching(reader);
    let webhook = webhook(reader, tokens, public_url.as_ref(), is_shared);
    let missing = [
        (is_key_missing, "CAIGUNN_API_KEY"),
        (access_token.is_none(), "CAIGUNN_ACCESS_TOKEN"),
        (public_url.is_none(), "CAIGUNN_PUBLIC_URL"),
    ];
    let missing: Vec<_> = missing
        .into_iter()
        .filter_map(|(is, name)| is.then_some(name))
        .collect();
    let registration = match webhook {
        Some(webhook) if missing.is_empty() => Registration::Wanted(Box::new(webhook)),
        _ => Registration::Missing(missing),
    };
    let api = access_token.map(|access_token| caigunn::Settings {
        url: api_url,
        access_token,
        timeout,
    });
    Provider {
        public_url,
        api,
        selection,
        watching,
        registration,
    }
}

fn watching(reader: &mut Reader) -> Watching {
    let retry_min = reader.seconds("subscription.retry_min_seconds", 1..=86_400);
    let retry_max = reader.seconds("subscription.retry_max_seconds", 1..=86_400);
    let retry = Backoff::new(retry_min, retry_max).unwrap_or_else(|| {
        let allowed = format!("{} (subscription.retry_min_seconds) or more", retry_min.as_secs());
        reader.refuse("subscription.retry_max_seconds", &allowed);
        Backoff::new(retry_min, retry_min).expect("a second at least")
    });
    Watching {
        watch_interval: reader.seconds("subscription.watch_interval_seconds", 1..=86_400),
        retry,
        refused_retry: reader.seconds("subscription.refused_retry_seconds", 1..=86_400),
    }
}

/// What to register at all; `None` without a public URL.
fn webhook(
    reader: &mut Reader,
    tokens: &[SecretString],
    public_url: Option<&Url>,
    is_shared: bool,
) -> Option<Webhook> {
    let on_takeover = reader.parsed("subscription.on_takeover", "reclaim or warn");
    let max_reclaims_per_hour = reader.count("subscription.max_reclaims_per_hour", 0..=60);
    let unsubscribe_on_exit = unsubscribe_on_exit(reader, is_shared);
    let probe = reader.parsed("subscription.probe", "true or false");
    let public_url = public_url?;
    let url = |token: &str| webhook_url(public_url, token);
    let mut tokens = tokens.iter().map(ExposeSecret::expose_secret);
    let registered = tokens.next();
    Some(Webhook {
        webhook_url: url(registered.unwrap_or_default()).into(),
        older_urls: tokens.map(|token| url(token).into()).collect(),
        base_url: url(""),
        shown_url: url(registered.map_or("", |_| "[token]")),
        public_url: public_url.clone(),
        probe,
        on_takeover,
        max_reclaims_per_hour,
        unsubscribe_on_exit,
        has_replicas: is_shared,
    })
}

/// Whether a stop takes the registrations away. Where others have the inbox too, one that stops in a rolling deploy
/// would take them away from those.
pub fn unsubscribe_on_exit(reader: &mut Reader, is_shared: bool) -> bool {
    const KEY: &str = "subscription.unsubscribe_on_exit";
    let unsubscribe_on_exit = reader.parsed(KEY, "true or false");
    if unsubscribe_on_exit && is_shared {
        reader.refuse(
            KEY,
            "false, or an inbox of one receiver (inbox.url = sqlite:…), since others go on with the registrations",
        );
    }
    unsubscribe_on_exit
}

pub fn backfill(reader: &mut Reader) -> backfill::Settings {
    backfill::Settings {
        after: reader.seconds("backfill.after_seconds", 1..=86_400),
        interval: reader.seconds("backfill.interval_seconds", 1..=86_400),
        concurrency: reader.count("backfill.concurrency", 1..=64),
        max_calls_per_minute: reader.count("backfill.max_calls_per_minute", 1..=6_000),
        give_up_after: reader.days("backfill.give_up_after_days", 1..=365),
    }
}

fn base_url(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    let is_base = url.query().is_none() && url.fragment().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain && is_base).then_some(url)
}
