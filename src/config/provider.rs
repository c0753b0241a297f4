//! The settings that concern CaiGunn: its API, what is registered there, and what its log is asked for.

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::reader::{Reader, visible};
use super::{Registration, destination, webhook_url};
use crate::backoff::Backoff;
use crate::fingerprint::Fingerprint;
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

pub fn provider(reader: &mut Reader, tokens: &[SecretString], is_shared: bool) -> Provider {
    let api_url = reader.explained_or_default("api.url", base_url);
    let timeout = reader.seconds("api.timeout_seconds");
    let api_keys = reader.list("api.key", visible);
    let access_token = reader.optional("api.access_token", visible);
    let public_url = reader.explained("server.public_url", public_url);
    warn_of_urls(reader, public_url.as_ref(), &api_url);
    let discover: bool = reader.parsed("subscription.discover");
    let is_key_missing = api_keys.is_empty() && !discover;
    let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let include = reader.list("subscription.include", name);
    let exclude = reader.list("subscription.exclude", name);
    let is_discovered = api_keys.is_empty() && discover;
    let is_narrowed = !include.is_empty() || !exclude.is_empty();
    if is_narrowed && !is_discovered {
        reader.warn(
            "subscription.include and subscription.exclude choose nothing: the chatbots are those of api.key",
            "take api.key away to have all chatbots found, or these two",
        );
    }
    let selection = if is_discovered {
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
    let missing = missing.into_iter().filter_map(|(is, name)| is.then_some(name));
    let missing: Vec<_> = missing.collect();
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

/// Warns of URLs that let others read along, or that nobody else can reach.
fn warn_of_urls(reader: &mut Reader, public_url: Option<&Url>, api_url: &Url) {
    if api_url.scheme() == "http" && !is_loopback(api_url) {
        reader.warn(
            format!(
                "CAIGUNN_API_URL is {api_url}, not https: API keys and the access token travel in the clear"
            ),
            "use the https URL",
        );
    }
    match public_url {
        // With the API as near, as while developing, it may be just that.
        Some(url) if is_near(url) && !is_near(api_url) => reader.warn(
            format!("CAIGUNN_PUBLIC_URL is {url}, which CaiGunn cannot reach: its host is of this machine or network"),
            "use the URL under which others reach this receiver, such as that of a proxy or tunnel",
        ),
        Some(url) if url.scheme() == "http" && !is_loopback(url) => reader.warn(
            format!("CAIGUNN_PUBLIC_URL is {url}, not https: notifications and the token travel in the clear"),
            "use an https URL, with a proxy in front that ends TLS",
        ),
        _ => {}
    }
}

fn watching(reader: &mut Reader) -> Watching {
    let retry_min = reader.seconds("subscription.retry_min_seconds");
    let retry_max = reader.seconds("subscription.retry_max_seconds");
    let retry = Backoff::new(retry_min, retry_max).unwrap_or_else(|| {
        let allowed = format!("{} (subscription.retry_min_seconds) or more", retry_min.as_secs());
        reader.refuse_for("subscription.retry_max_seconds", &allowed, "");
        Backoff::new(retry_min, retry_min).expect("a second at least")
    });
    Watching {
        watch_interval: reader.seconds("subscription.watch_interval_seconds"),
        retry,
        refused_retry: reader.seconds("subscription.refused_retry_seconds"),
    }
}

/// What to register at all; `None` without a public URL.
fn webhook(
    reader: &mut Reader,
    tokens: &[SecretString],
    public_url: Option<&Url>,
    is_shared: bool,
) -> Option<Webhook> {
    let on_takeover = reader.choice("subscription.on_takeover");
    let max_reclaims_per_hour = reader.count("subscription.max_reclaims_per_hour");
    let unsubscribe_on_exit = unsubscribe_on_exit(reader, is_shared);
    let probe = reader.parsed("subscription.probe");
    let public_url = public_url?;
    let url = |token: &str| webhook_url(public_url, token);
    let token = tokens.first().map(Fingerprint::of);
    let mut tokens = tokens.iter().map(ExposeSecret::expose_secret);
    let registered = tokens.next();
    Some(Webhook {
        webhook_url: url(registered.unwrap_or_default()).into(),
        token,
        older_urls: tokens.map(|token| url(token).into()).collect(),
        retired_urls: Vec::new(),
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
    let unsubscribe_on_exit = reader.parsed(KEY);
    if unsubscribe_on_exit && is_shared {
        reader.refuse_for(
            KEY,
            "false, or an inbox of one receiver (inbox.url = sqlite:…), since others go on with the registrations",
            "",
        );
    }
    unsubscribe_on_exit
}

pub fn backfill(reader: &mut Reader) -> backfill::Settings {
    backfill::Settings {
        after: reader.seconds("backfill.after_seconds"),
        interval: reader.seconds("backfill.interval_seconds"),
        concurrency: reader.count("backfill.concurrency"),
        max_calls_per_minute: reader.count("backfill.max_calls_per_minute"),
        give_up_after: reader.days("backfill.give_up_after_days"),
        refused_retry: reader.seconds("subscription.refused_retry_seconds"),
    }
}

fn base_url(text: &str) -> Result<Url, String> {
    let url = destination::url(text)?;
    match url.query() {
        None => Ok(url),
        Some(_) => Err(String::new()),
    }
}

/// What is before `/webhook` in the URL that is registered.
fn public_url(text: &str) -> Result<Url, String> {
    let url = base_url(text)?;
    let mut last_two = url.path().trim_end_matches('/').rsplit('/').take(2);
    if last_two.any(|part| part == "webhook") {
        return Err("leave /webhook and what is behind it away, which this program adds".to_owned());
    }
    Ok(url)
}

/// Whether a host is of this machine or network, where others cannot reach it: a name without a dot is.
fn is_near(url: &Url) -> bool {
    const ENDS: [&str; 4] = [".localhost", ".local", ".internal", ".lan"];
    match url.host() {
        _ if is_loopback(url) => true,
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            !name.contains('.') || ENDS.iter().any(|end| name.ends_with(end))
        }
        Some(Host::Ipv4(ip)) => ip.is_unspecified() || ip.is_private() || ip.is_link_local(),
        Some(Host::Ipv6(ip)) => ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local(),
        None => false,
    }
}
