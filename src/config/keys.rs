//! The one table of keys: what each is called, what it may be, and what of it may be shown.

/// A key, and what there is to know of it.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// `section.key`.
    pub name: &'static str,
    /// A shorter variable than the one that follows from the name.
    pub short_variable: Option<&'static str>,
    /// What of its value may be printed, and whether it may be in a file of its own.
    pub kind: Kind,
    /// What its value may be.
    pub form: Form,
}

/// What of a value may be printed. One of which not all may can also be in a file of its own, named by a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All.
    Plain,
    /// All but the password that may be in it.
    Location,
    /// Of a URL the scheme and host.
    Origin,
    /// Nothing.
    Secret,
    /// Of each table in a list its name, and its kind or format.
    Tables,
}

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One text, number or truth, in words.
    One(&'static str),
    /// Any number of those.
    List(&'static str),
    /// A whole number of a unit, from the least to the most.
    Number(&'static str, u64, u64),
}

/// The key of the destinations.
pub const DESTINATION: &str = "delivery.destination";

/// The key of the notices, which is in no section.
pub const NOTICE: &str = "notice";

const MIB: u64 = 1 << 20;

/// A semaphore has an eighth of what an address can count, and each byte of a body is one permit.
const MOST_BYTES: u64 = (usize::MAX >> 4) as u64;

const ADDRESS: Form =
    Form::One("an IP address and a port, as in 127.0.0.1:8080, or 0.0.0.0:8080 for all addresses");
const BASE_URL: Form = Form::One(
    "an absolute http or https URL without user, query or fragment, as in https://hooks.example.com",
);
const COUNT: &str = "a whole number";
const SECONDS: &str = "whole seconds";
const DAYS: &str = "whole days";
const HOURS: &str = "whole hours";
const MINUTES: &str = "whole minutes";
const TRUTH: Form = Form::One("true or false");
const VISIBLE: &str = "visible ASCII characters";
const DESTINATIONS: &str = "a list as in [{name = \"app\", kind = \"http\", url = \"https://app.example.com\"}], or in the file \
                            of settings tables, each of which begins with [[delivery.destination]]";
const NOTICES: &str = "a list as in [{name = \"ops\", url = \"https://hooks.example.com/ops\"}], or in the file of settings \
                       tables, each of which begins with [[notice]]";
const URL_OF_ANY: &str = "an absolute URL without user and fragment: http or https (nats: nats or tls; redis: redis or rediss; kafka: kafka or kafka+ssl, and several servers)";
const SIGNING_SECRET: &str =
    "whsec_ and 24 to 64 bytes in base64 (`echo whsec_$(openssl rand -base64 32)` makes one)";
const NAMES: Form = Form::List("ids or titles of chatbots");

/// Every key there is, in the order of the file of defaults; the first is the public address.
#[rustfmt::skip] // A line each, as in any table.
pub const KEYS: [Key; 49] = [
    key("server.listen", ADDRESS).also("CAIGUNN_LISTEN"),
    key("server.public_url", BASE_URL).also("CAIGUNN_PUBLIC_URL"),
    key("server.body_limit_bytes", Form::Number(COUNT, 1024, 256 * MIB)),
    key("server.bodies_in_flight_bytes", Form::Number(COUNT, 1024, MOST_BYTES)),
    key("server.max_connections", Form::Number(COUNT, 1, 65_536)),
    key("server.header_timeout_seconds", Form::Number(SECONDS, 1, 600)),
    key("server.idle_timeout_seconds", Form::Number(SECONDS, 1, 3600)),
    key("server.body_timeout_seconds", Form::Number(SECONDS, 1, 600)),
    key("server.write_timeout_seconds", Form::Number(SECONDS, 1, 600)),
    key("server.drain_delay_seconds", Form::Number(SECONDS, 0, 600)),
    key("server.stop_timeout_seconds", Form::Number(SECONDS, 1, 600)),
    key("admin.listen", ADDRESS),
    key("admin.token", Form::One(VISIBLE)).of(Kind::Secret),
    key("admin.read_only_token", Form::One(VISIBLE)).of(Kind::Secret),
    key("webhook.token", Form::List("letters, digits and - . _ ~, 1 to 128 of them")).of(Kind::Secret),
    key("inbox.url", Form::One("sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE")).of(Kind::Location),
    key("inbox.max_connections", Form::Number(COUNT, 3, 1_000)),
    key("inbox.retention_days", Form::Number(DAYS, 1, 36_500)),
    key("inbox.queue_count", Form::Number(COUNT, 1, 65_536)),
    key("inbox.append_timeout_seconds", Form::Number(SECONDS, 1, 600)),
    key("inbox.duplicate_window_seconds", Form::Number(SECONDS, 0, 86_400)),
    key("inbox.quarantine_max_count", Form::Number(COUNT, 1, 100_000)),
    key("inbox.quarantine_max_bytes", Form::Number(COUNT, 1024, MOST_BYTES)),
    key("api.url", BASE_URL),
    key("api.key", Form::List(VISIBLE)).of(Kind::Secret),
    key("api.access_token", Form::One(VISIBLE)).of(Kind::Secret).also("CAIGUNN_ACCESS_TOKEN"),
    key("api.timeout_seconds", Form::Number(SECONDS, 1, 600)),
    key("subscription.discover", TRUTH),
    key("subscription.include", NAMES),
    key("subscription.exclude", NAMES),
    key("subscription.watch_interval_seconds", Form::Number(SECONDS, 1, 86_400)),
    key("subscription.on_takeover", Form::One("reclaim or warn")),
    key("subscription.max_reclaims_per_hour", Form::Number(COUNT, 0, 60)),
    key("subscription.unsubscribe_on_exit", TRUTH),
    key("subscription.probe", TRUTH),
    key("subscription.retry_min_seconds", Form::Number(SECONDS, 1, 86_400)),
    key("subscription.retry_max_seconds", Form::Number(SECONDS, 1, 86_400)),
    key("subscription.refused_retry_seconds", Form::Number(SECONDS, 1, 86_400)),
    key("backfill.after_seconds", Form::Number(SECONDS, 1, 86_400)),
    key("backfill.interval_seconds", Form::Number(SECONDS, 1, 86_400)),
    key("backfill.concurrency", Form::Number(COUNT, 1, 64)),
    key("backfill.max_calls_per_minute", Form::Number(COUNT, 1, 6_000)),
    key("backfill.give_up_after_days", Form::Number(DAYS, 1, 365)),
    key("delivery.retry_schedule_seconds", Form::List("1 to 100 times whole seconds from 0 to 604800")),
    key("delivery.removal_grace_hours", Form::Number(HOURS, 0, 8_760)),
    key(DESTINATION, Form::List(DESTINATIONS)).of(Kind::Tables),
    key(NOTICE, Form::List(NOTICES)).of(Kind::Tables),
    key("log.filter", Form::One(crate::telemetry::ALLOWED_FILTER)).also("CAIGUNN_LOG"),
    key("log.format", Form::One("auto, json or pretty")),
];

/// The keys of each destination, in the order of the file of defaults.
#[rustfmt::skip]
pub const DESTINATION_KEYS: [Key; 26] = [
    key("delivery.destination.name", Form::One("1 to 40 of a-z, 0-9, - and _")),
    key("delivery.destination.kind", Form::One("http, command, nats, redis, sqs or kafka")),
    key("delivery.destination.url", Form::One(URL_OF_ANY)).of(Kind::Origin),
    key("delivery.destination.secrets", Form::List(SIGNING_SECRET)).of(Kind::Secret),
    key("delivery.destination.secrets_file", Form::One("the path of a file")),
    key("delivery.destination.headers", Form::One("a table of headers")).of(Kind::Secret),
    key("delivery.destination.proxy", TRUTH),
    key("delivery.destination.format", Form::One("raw or cloudevents")),
    key("delivery.destination.events", Form::List("event names, in which * stands for anything, as in crawling.*")),
    key("delivery.destination.chatbots", Form::List("ids of chatbots")),
    key("delivery.destination.timeout_seconds", Form::Number(SECONDS, 1, 600)),
    key("delivery.destination.max_in_flight", Form::Number(COUNT, 1, 256)),
    key("delivery.destination.max_per_second", Form::One("a number from 0.001 to 10000")),
    key("delivery.destination.since", Form::One("a time with an offset, as in 2024-07-30T09:15:00Z")),
    key("delivery.destination.user", Form::One("the name of a user")),
    key("delivery.destination.password", Form::One(VISIBLE)).of(Kind::Secret),
    key("delivery.destination.password_file", Form::One("the path of a file")),
    key("delivery.destination.subject", Form::One("a subject, in which {event}, {status} and {chatbot_id} stand for those of the notification, as in caigunn.{event}.{status}")),
    key("delivery.destination.stream", Form::One("a key, in which {event}, {status} and {chatbot_id} stand for those of the notification, as in caigunn:{event}")),
    key("delivery.destination.region", Form::One("a region of AWS, as in eu-central-1")),
    key("delivery.destination.access_key_id", Form::One("letters and digits")).of(Kind::Secret),
    key("delivery.destination.secret_access_key", Form::One(VISIBLE)).of(Kind::Secret),
    key("delivery.destination.secret_access_key_file", Form::One("the path of a file")),
    key("delivery.destination.topic", Form::One("1 to 249 letters, digits and . _ -")),
    key("delivery.destination.sasl_mechanism", Form::One("plain, scram-sha-256 or scram-sha-512")),
    key("delivery.destination.command", Form::One("a list of texts without NUL: a program, and what it is given, as in [\"/bin/echo\", \"hi\"]")).of(Kind::Secret),
];

/// The keys of each notice, in the order of the file of defaults.
#[rustfmt::skip]
pub const NOTICE_KEYS: [Key; 12] = [
    key("notice.name", Form::One("1 to 40 of a-z, 0-9, - and _")),
    key("notice.url", Form::One("an absolute http or https URL without user and fragment")).of(Kind::Origin),
    key("notice.url_file", Form::One("the path of a file")),
    key("notice.format", Form::One("json, slack, teams or ntfy")),
    key("notice.about", Form::List("destination, dead_letter, chatbot, account, public_url, inbox, disk, log or silence")),
    key("notice.secrets", Form::List(SIGNING_SECRET)).of(Kind::Secret),
    key("notice.secrets_file", Form::One("the path of a file")),
    key("notice.proxy", TRUTH),
    key("notice.quiet_minutes", Form::Number(MINUTES, 0, 10_080)),
    key("notice.free_percent", Form::Number(COUNT, 1, 90)),
    key("notice.log_bytes", Form::Number(COUNT, MIB, 1 << 40)),
    key("notice.silence_hours", Form::Number(HOURS, 1, 8_760)),
];

const fn key(name: &'static str, form: Form) -> Key {
    Key {
        name,
        short_variable: None,
        kind: Kind::Plain,
        form,
    }
}

impl Key {
    const fn also(self, variable: &'static str) -> Self {
        Self {
            short_variable: Some(variable),
            ..self
        }
    }

    const fn of(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The key of that name.
    pub fn find(name: &str) -> Option<Self> {
        KEYS.into_iter().find(|key| key.name == name)
    }

    /// The key that a variable sets, and whether by the path of a file.
    pub fn of_variable(variable: &str) -> Option<(Self, bool)> {
        KEYS.into_iter().find_map(|key| {
            let is_it = |name: &str| key.variables().any(|known| known == name);
            let file = variable.strip_suffix("_FILE").filter(|_| key.kind != Kind::Plain);
            (is_it(variable) || file.is_some_and(is_it)).then(|| (key, !is_it(variable)))
        })
    }

    /// The variables that set it: the one that follows from its name, and the shorter one if there is one.
    pub fn variables(self) -> impl Iterator<Item = String> {
        let long = format!("CAIGUNN_{}", self.name.replace('.', "_").to_uppercase());
        std::iter::once(long).chain(self.short_variable.map(str::to_owned))
    }

    /// Whether its value may be any number of items.
    pub fn is_list(self) -> bool {
        matches!(self.form, Form::List(_))
    }

    /// What is allowed, of a list in each item; for people.
    pub fn allowed(self) -> String {
        match self.form {
            Form::One(allowed) | Form::List(allowed) => allowed.to_owned(),
            Form::Number(unit, least, most) => format!("{unit} from {least} to {most}"),
        }
    }
}

/// What to say after a name that there is not: which of those that there are may be meant.
pub fn did_you_mean(given: &str, known: impl Iterator<Item = String>) -> String {
    let known: Vec<_> = known.collect();
    let Some(nearest) = meant(given, known.iter().cloned()) else {
        return "; docs/configuration.md lists all".to_owned();
    };
    match &secrets_meant(&plain(given), &plain(&nearest), &known)[..] {
        [] => format!("; did you mean {nearest}?"),
        [first @ .., last] if !first.is_empty() => format!("; did you mean {}, or {last}?", first.join(", ")),
        secrets => format!("; did you mean {}?", secrets.concat()),
    }
}

/// The access token, and its shorter variable.
const OF_ACCOUNT: &str = "API_ACCESS_TOKEN";
const SHORT_OF_ACCOUNT: &str = "ACCESS_TOKEN";

/// What each secret does that could be taken for another one, under the name of those among which one must choose.
const SECRETS: [(&str, &str, &str); 7] = [
    ("ADMIN", "ADMIN_TOKEN", "which may do everything"),
    ("ADMIN", "ADMIN_READ_ONLY_TOKEN", "which may only look"),
    (
        "WEBHOOK",
        "WEBHOOK_TOKEN",
        "which is in the URL that CaiGunn posts to",
    ),
    ("API", OF_ACCOUNT, "which CaiGunn takes for the account"),
    ("API", "API_KEY", "which CaiGunn takes for a chatbot"),
    (
        "AWS",
        "ACCESS_KEY_ID",
        "which names a key of AWS and is no secret",
    ),
    ("AWS", "SECRET_ACCESS_KEY", "which is the secret of that key"),
];

/// Where it is a secret that is meant, but its name is not just misspelt: all that are near, with what each does. One that is put into
/// another's place may do what it was not to, or is told to somebody.
fn secrets_meant(given: &str, nearest: &str, known: &[String]) -> Vec<String> {
    let given = given.trim_end_matches("_FILE").trim_end_matches('S');
    let nearest = if nearest == SHORT_OF_ACCOUNT {
        OF_ACCOUNT
    } else {
        nearest
    };
    let Some((group, ..)) = SECRETS.into_iter().find(|(_, secret, _)| *secret == nearest) else {
        return Vec::new();
    };
    let is_near = |name: &str| strsim::normalized_damerau_levenshtein(given, name) >= 0.9;
    if is_near(nearest) || (nearest == OF_ACCOUNT && is_near(SHORT_OF_ACCOUNT)) {
        return Vec::new();
    }
    let rest = given.split_once('_').map_or("", |(_, rest)| rest);
    let has_its_name = |secret: &str| rest.contains('_') && secret.ends_with(&format!("_{rest}"));
    let near = SECRETS
        .into_iter()
        .filter(|(of, secret, _)| *of == group || has_its_name(secret));
    near.filter_map(|(_, secret, purpose)| {
        let name = known.iter().find(|known| plain(known) == secret)?;
        Some(format!("{name}, {purpose}"))
    })
    .collect()
}

/// A name, of a variable or in the file, as names are compared.
fn plain(name: &str) -> String {
    let name = name.to_uppercase().replace('.', "_");
    name.trim_start_matches("CAIGUNN_").to_owned()
}

/// What others call a setting, and what it is called here.
const OTHER_NAMES: [(&str, &str); 4] = [
    ("LOG_LEVEL", "LOG_FILTER"),
    ("WEBHOOK_SECRET", "WEBHOOK_TOKEN"),
    ("DATABASE_URL", "INBOX_URL"),
    ("INBOX_PATH", "INBOX_URL"),
];

/// Which of the names that there are may be meant by one that there is not. What is likest is taken last: of secrets each ends
/// alike, and one that goes to the wrong place is told to somebody.
pub fn meant(given: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let given = plain(given);
    let given = given.trim_end_matches("_FILE");
    let known: Vec<_> = known.map(|known| (plain(&known), known)).collect();
    let other = OTHER_NAMES.into_iter().find(|(other, _)| *other == given);
    let called = known
        .iter()
        .find(|(plain, _)| other.is_some_and(|(_, ours)| ours == plain));
    if let Some((_, known)) = called {
        return Some(known.clone());
    }
    let of_section = likest(given, known.iter().filter(|(known, _)| has_ends(known, given)));
    if let Some((likeness, count, nearest)) = of_section {
        if likeness > 0.7 {
            return Some(nearest.to_owned());
        }
        // One without a word in between, if there is one.
        let mut shorter = known.iter().filter(|(known, _)| known.split('_').count() == 2);
        let shortest = shorter.find(|(known, _)| has_ends(known, given));
        return match shortest {
            Some((_, known)) => Some(known.clone()),
            None => (count == 1 || likeness > 0.5).then(|| nearest.to_owned()),
        };
    }
    let end = format!("_{}", given.trim_end_matches('S'));
    let of_end = likest(
        given,
        known
            .iter()
            .filter(|(known, _)| known.trim_end_matches('S').ends_with(&end)),
    );
    if let Some((_, 1, known)) = of_end {
        return Some(known.to_owned());
    }
    let (likeness, _, known) = likest(given, known.iter())?;
    (likeness > 0.7).then(|| known.to_owned())
}

/// Whether two names of several words have the same section and end with the same word.
fn has_ends(one: &str, other: &str) -> bool {
    let ends = |name: &str| {
        let (first, rest) = name.split_once('_')?;
        let last = rest.rsplit('_').next()?;
        Some((first.to_owned(), last.to_owned()))
    };
    ends(one).is_some() && ends(one) == ends(other)
}

/// The likest of some names, how like it is, and how many there are.
fn likest<'a>(
    given: &str,
    known: impl Iterator<Item = &'a (String, String)>,
) -> Option<(f64, usize, &'a str)> {
    let names_a_port = given
        .split('_')
        .any(|word| matches!(word, "PORT" | "HOST" | "ADDRESS" | "BIND"));
    let likeness = |known: &str| {
        let is_meant = names_a_port && known.ends_with("LISTEN");
        if is_meant && known.starts_with("ADMIN") == given.starts_with("ADMIN") {
            return 0.75;
        }
        strsim::normalized_damerau_levenshtein(given, known)
    };
    let scored: Vec<_> = known.map(|(plain, known)| (likeness(plain), known)).collect();
    let count = scored.len();
    let (likeness, known) = scored
        .into_iter()
        .max_by(|one, other| one.0.total_cmp(&other.0))?;
    Some((likeness, count, known))
}
