//! From defaults, a file, the environment and flags to the settings of every module.
//!
//! Nothing is opened here, and nothing stops at the first mistake: [`load`] reports all of them, each with its key,
//! where the value came from, what it is and what is allowed.
//!
//! `keys` is the one table of what there is, and says "did you mean"; `sources` is what is read, `layers` who said what where,
//! `links` which variables are not ours, `listen` where both sides listen, `value` and `reader` what a value says, and the mistakes. `tables`, `destination` and
//! `notice` read lists of tables, `provider` what concerns CaiGunn, `aws` variables of Amazon's; `files` counts open files.

mod aws;
mod destination;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod keys;
mod layers;
mod links;
mod listen;
mod notice;
mod provider;
mod reader;
mod sources;
mod tables;
mod value;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::delivery::Schedule;
use crate::http::ShownSetting;
use crate::inbox::postgres;
use crate::{backfill, caigunn, http, inbox, subscription, telemetry};

pub use files::TooFewFiles;
pub use keys::{DESTINATION_KEYS, Form, KEYS, Key, Kind, NOTICE_KEYS};
pub use layers::{CONFIG_VARIABLE, DEFAULTS_VARIABLE, Lasting};
use reader::{Reader, visible};
pub use sources::Sources;
pub use value::control_character;

/// The settings of the whole program.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the public side listens.
    pub listen: SocketAddr,
    /// Where the admin side listens.
    pub admin_listen: SocketAddr,
    /// The admin side of a receiver elsewhere that commands are to ask, where that is said on the command line.
    pub admin_url: Option<Url>,
    /// How long requests are taken after the receiver is told to stop.
    pub drain_delay: Duration,
    /// How long a stop may take after that.
    pub stop_timeout: Duration,
    /// Both listeners.
    pub http: http::Settings,
    /// Where the inbox is.
    pub inbox_location: InboxLocation,
    /// What the store must be told.
    pub inbox: inbox::Settings,
    /// What the writer must be told.
    pub writer: inbox::writer::Settings,
    /// How long receipts are kept.
    pub retention: Duration,
    /// The receiver's public base URL, if it is known.
    pub public_url: Option<Url>,
    /// CaiGunn's API; `None` without an access token.
    pub api: Option<caigunn::Settings>,
    /// Which chatbots to look after.
    pub selection: subscription::Selection,
    /// How often CaiGunn is looked at.
    pub watching: subscription::Watching,
    /// What to register, or why nothing is.
    pub registration: Registration,
    /// What to ask CaiGunn's log for.
    pub backfill: backfill::Settings,
    /// What to deliver where.
    pub delivery: crate::delivery::Settings,
    /// Who is told how it goes.
    pub notices: Vec<crate::notice::Settings>,
    /// Logging.
    pub log: telemetry::Settings,
}

/// Whether the receiver registers itself.
#[derive(Clone, Debug)]
pub enum Registration {
    /// It does; [`Settings::api`] is there then.
    Wanted(Box<subscription::Webhook>),
    /// It cannot, for want of these settings.
    Missing(Vec<&'static str>),
}

impl Registration {
    /// What it registers, if it does.
    pub fn wanted(&self) -> Option<&subscription::Webhook> {
        match self {
            Self::Wanted(webhook) => Some(webhook),
            Self::Missing(_) => None,
        }
    }
}

/// Where an inbox is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InboxLocation {
    /// In a file.
    Sqlite(PathBuf),
    /// In a database that many receivers may use at once.
    Postgres(postgres::Location),
}

impl InboxLocation {
    /// Whether other processes may have it open too.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

impl FromStr for InboxLocation {
    type Err = String;

    /// The error is what is wrong with the text, without anything of a password.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", path)) => inbox::sqlite::named(path).map(Self::Sqlite),
            Some(("postgres" | "postgresql", _)) => postgres::Location::parse(text).map(Self::Postgres),
            _ => Err("it begins otherwise".to_owned()),
        }
    }
}

/// Without the password.
impl fmt::Display for InboxLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Self::Postgres(location) => location.fmt(formatter),
        }
    }
}

/// One thing wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mistake(String);

impl Mistake {
    /// Says what is wrong, where, and what is allowed; nothing secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// All that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(|mistake| format!("  {mistake}\n")).collect::<String>())]
pub struct Mistakes(pub Vec<Mistake>);

/// A configuration without mistakes.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// What they were made of, in the order of the file of defaults.
    pub shown: Vec<ShownSetting>,
    /// What is allowed but unwise.
    pub warnings: Vec<Warning>,
}

/// Something that is allowed but unwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What it is.
    pub found: String,
    /// What to do about it.
    pub advice: &'static str,
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; {}", self.found, self.advice)
    }
}

/// How much sooner than the writer the store gives up, for it can say where it waited in vain, and for what: that, or a sixteenth
/// of the writer's time if that is more.
const MIN_HEAD_START: Duration = Duration::from_millis(250);

/// A shorter token can be guessed by trying: 16 of the 66 characters allowed are some 96 bits.
const SHORT_TOKEN: usize = 16;

/// Reads the configuration.
///
/// # Errors
/// Every mistake in it.
pub fn load(sources: &Sources) -> Result<Loaded, Mistakes> {
    let mut reader = Reader::new(sources);
    let tokens = reader.list("webhook.token", |text| is_url_token(text).then(|| text.into()));
    let backfill = provider::backfill(&mut reader);
    let stop_timeout = reader.seconds("server.stop_timeout_seconds");
    let http = http(&mut reader, &tokens, backfill.give_up_after, stop_timeout);
    let inbox = inbox(&mut reader, http.body_limit_bytes);
    let inbox_location: InboxLocation = reader.explained_or_default("inbox.url", str::parse);
    let is_shared = inbox_location.is_shared();
    let provider = provider::provider(&mut reader, &tokens, is_shared);
    let (listen, admin_listen) = listen::addresses(&mut reader);
    let settings = Settings {
        listen,
        admin_listen,
        admin_url: None,
        drain_delay: reader.seconds("server.drain_delay_seconds"),
        stop_timeout,
        http,
        inbox_location,
        writer: inbox::writer::Settings {
            queue_count: reader.count("inbox.queue_count"),
            timeout: reader.seconds("inbox.append_timeout_seconds"),
        },
        inbox,
        retention: reader.days("inbox.retention_days"),
        public_url: provider.public_url,
        api: provider.api,
        selection: provider.selection,
        watching: provider.watching,
        registration: provider.registration,
        backfill,
        delivery: delivery(&mut reader, sources),
        notices: notice::read(&mut reader, sources),
        log: telemetry::Settings {
            filter: reader.explained_or_default("log.filter", str::parse),
            format: reader.choice("log.format"),
        },
    };
    warn(&mut reader, &settings);
    reader.finish(settings)
}

fn warn(reader: &mut Reader, settings: &Settings) {
    if let InboxLocation::Postgres(location) = &settings.inbox_location
        && let Some(found) = location.weakness()
    {
        reader.warn(
            found,
            "set sslmode=verify-full in CAIGUNN_INBOX_URL, and sslrootcert=PATH where your own authority signs",
        );
    }
    notice::warn_of_idle(reader, settings);
    if !settings.admin_listen.ip().is_loopback() && settings.http.admin_token.is_none() {
        reader.warn(
            format!(
                "admin.listen is {}, which can be reached from other machines, and no admin token is set",
                settings.admin_listen
            ),
            "set CAIGUNN_ADMIN_TOKEN, or listen on 127.0.0.1; without a token the API serves this machine only",
        );
    }
    let tokens = &settings.http.tokens;
    if tokens.is_empty() {
        reader.warn(
            "no token: anyone who finds the address may post notifications",
            "set CAIGUNN_WEBHOOK_TOKEN to 32 random characters, such as `openssl rand -hex 16` prints",
        );
    }
    let webhook = tokens.iter().map(|token| ("a webhook", token));
    let (admin, reading) = (&settings.http.admin_token, &settings.http.read_only_token);
    let admin = admin.iter().map(|token| ("an admin", token));
    let reading = reading.iter().map(|token| ("a read-only", token));
    for (which, token) in webhook.chain(admin).chain(reading) {
        let length = token.expose_secret().len();
        if length < SHORT_TOKEN {
            reader.warn(
                format!("{which} token of {length} characters can be guessed"),
                "take 32 random ones",
            );
        }
    }
}

fn delivery(reader: &mut Reader, sources: &Sources) -> crate::delivery::Settings {
    let schedule = reader.list_as("delivery.retry_schedule_seconds", |waits| {
        let seconds = waits.iter().map(|wait| wait.parse().map(Duration::from_secs));
        Schedule::new(seconds.collect::<Result<_, _>>().ok()?)
    });
    let at_once = || Schedule::new(vec![Duration::ZERO]).expect("one wait is a schedule");
    crate::delivery::Settings {
        schedule: schedule.unwrap_or_else(at_once),
        removal_grace: reader.hours("delivery.removal_grace_hours"),
        destinations: destination::read(reader, sources),
    }
}

/// The token that lets do everything on the admin side, and the one that lets only look, which must be another. Neither may be
/// one that is part of a URL, which CaiGunn, proxies and their logs know.
fn admin_tokens(
    reader: &mut Reader,
    webhook_tokens: &[SecretString],
) -> (Option<SecretString>, Option<SecretString>) {
    const READING: &str = "admin.read_only_token";
    let (admin, reading) = (
        reader.optional("admin.token", visible),
        reader.optional(READING, visible),
    );
    let exposed = |token: &Option<SecretString>| token.as_ref().map(|token| token.expose_secret().to_owned());
    if reading.is_some() && exposed(&admin) == exposed(&reading) {
        reader.refuse_for(
            READING,
            "another token than admin.token",
            "who has it could change everything",
        );
    }
    for (key, token) in [("admin.token", &admin), (READING, &reading)] {
        let is_one = |webhook: &SecretString| exposed(token).as_deref() == Some(webhook.expose_secret());
        if webhook_tokens.iter().any(is_one) {
            reader.refuse_for(
                key,
                "another token than those of webhook.token",
                "whoever sees the registered URL could use it",
            );
        }
    }
    (admin, reading)
}

fn http(
    reader: &mut Reader,
    tokens: &[SecretString],
    stalled_after: Duration,
    stop_timeout: Duration,
) -> http::Settings {
    let body_limit_bytes = reader.count("server.body_limit_bytes");
    let (admin_token, read_only_token) = admin_tokens(reader, tokens);
    http::Settings {
        tokens: tokens.to_vec(),
        admin_token,
        read_only_token,
        body_limit_bytes,
        bodies_in_flight_bytes: reader.count_of_bodies("server.bodies_in_flight_bytes", body_limit_bytes),
        stalled_after,
        duplicate_window: reader.seconds("inbox.duplicate_window_seconds"),
        connections: http::ConnectionSettings {
            max_count: reader.count("server.max_connections"),
            header_timeout: reader.seconds("server.header_timeout_seconds"),
            idle_timeout: reader.seconds("server.idle_timeout_seconds"),
            body_timeout: reader.seconds("server.body_timeout_seconds"),
            write_timeout: reader.seconds("server.write_timeout_seconds"),
            // A second of the ten by default.
            stop_grace: stop_timeout / 10,
        },
    }
}

fn inbox(reader: &mut Reader, body_limit_bytes: usize) -> inbox::Settings {
    let timeout = reader.seconds("inbox.append_timeout_seconds");
    inbox::Settings {
        duplicate_window: reader.seconds("inbox.duplicate_window_seconds"),
        quarantine_max_count: reader.count("inbox.quarantine_max_count"),
        quarantine_max_bytes: reader.count_of_bodies("inbox.quarantine_max_bytes", body_limit_bytes),
        max_connections: reader.count("inbox.max_connections"),
        timeout: timeout - MIN_HEAD_START.max(timeout / 16),
    }
}

impl Settings {
    /// The URL to register, with its token hidden.
    pub fn shown_webhook_url(&self) -> Option<String> {
        let token = self.http.tokens.first().map_or("", |_| "[token]");
        Some(webhook_url(self.public_url.as_ref()?, token))
    }
}

/// The URL to post to on a receiver with that base URL; without a token if it is empty.
pub fn webhook_url(public_url: &Url, token: &str) -> String {
    let base = public_url.as_str().trim_end_matches('/');
    match token {
        "" => format!("{base}/webhook"),
        token => format!("{base}/webhook/{token}"),
    }
}

fn is_url_token(text: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(is_unreserved) && !matches!(text, "." | "..")
}

#[cfg(test)]
mod tests;
