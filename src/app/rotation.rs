//! Secrets that are rotated in their files are taken while the receiver runs.
//!
//! Once a second the files are looked at, and read once after the start, since much may have happened until then, and when one
//! has changed and then stayed so for a second, as one that is being written has not. What cannot be read, or is no
//! configuration any more, changes nothing and is said once.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::caigunn;
use crate::config::{self, Lasting, Mistakes, Settings, Sources};
use crate::delivery::DestinationSettings;
use crate::fingerprint::Fingerprint;
use crate::http::{self, SubscriptionView};
use crate::subscription::{Selection, Wanted};

/// How often files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// What a configuration was made of, and how its files are read.
#[derive(Clone)]
pub struct Rotation {
    /// All of it; of the files, as they were.
    pub sources: Sources,
    /// Reads one.
    pub read: fn(&str) -> Result<String, String>,
}

/// Where secrets are used.
pub struct Users {
    pub settings: Settings,
    pub secrets: http::Secrets,
    pub client: Option<caigunn::Client>,
    pub wanted: Option<watch::Sender<Wanted>>,
    pub subscription: SubscriptionView,
}

/// What tells that a file may have changed, or that another is in its place: device, number, length and when the system last noted a
/// change of it, in seconds and nanoseconds. `None` where it cannot be looked at.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

impl Rotation {
    fn stamps(&self) -> Vec<Stamp> {
        let stamp = |path: &String| -> io::Result<_> {
            let metadata = fs::metadata(path)?;
            let changed = (metadata.ctime(), metadata.ctime_nsec());
            Ok((
                metadata.dev(),
                metadata.ino(),
                metadata.len(),
                changed.0,
                changed.1,
            ))
        };
        self.sources.files.keys().map(|path| stamp(path).ok()).collect()
    }

    fn reread(&mut self) -> Result<(Settings, Lasting), Mistakes> {
        let (before, read) = (self.sources.files.clone(), self.read);
        // A pipe, such as a shell puts in a file's place, can be read only once.
        let is_pipe = |path: &str| fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
        self.sources.read_files(|path| match before.get(path) {
            Some(content) if is_pipe(path) => content.clone(),
            // It was read, so its path is no secret that stands in the wrong place.
            Some(Ok(_)) => read(path).map_err(|reason| format!("{reason}; it was read from {path} before")),
            _ => read(path),
        });
        config::load(&self.sources).map(|loaded| (loaded.settings, self.sources.lasting()))
    }
}

/// Looks after the files for ever.
pub async fn keep(rotation: Rotation, mut users: Users) {
    if rotation.sources.files.is_empty() {
        return std::future::pending().await;
    }
    let (mut seen, mut taken) = (Vec::new(), Vec::new());
    let used = rotation.sources.lasting();
    let mut lasting = used.clone();
    loop {
        sleep(INTERVAL).await;
        let looking = rotation.clone();
        let Ok(stamps) = spawn_blocking(move || looking.stamps()).await else {
            continue;
        };
        let has_settled = stamps == seen;
        seen = stamps;
        if !has_settled || seen == taken {
            continue;
        }
        taken.clone_from(&seen);
        let mut reading = rotation.clone();
        match spawn_blocking(move || reading.reread()).await {
            Ok(Ok((settings, said))) => {
                warn_of_lasting(&used, &lasting, &said);
                lasting = said;
                let standing = (users.subscription)(false).await;
                users.take(settings, standing.seen.registered_token());
            }
            Ok(Err(mistakes)) => tracing::warn!(
                error.type = "rotation",
                "a file of a secret has changed and is not taken; what was in it goes on: {}",
                mistakes.to_string().trim()
            ),
            Err(_) => {}
        }
    }
}

impl Users {
    /// Has everybody use the secrets of these settings, where the URL with that token is registered everywhere.
    fn take(&mut self, new: Settings, registered: Option<&Fingerprint>) {
        let old = &self.settings;
        let mut has_news = false;
        if exposed(&old.http.tokens) != exposed(&new.http.tokens) {
            has_news = true;
            let count = new.http.tokens.len();
            let also = match self.secrets.tokens.replace(&new.http.tokens, registered) {
                0 => String::new(),
                retired => format!(
                    ", and {retired} that were to be registered before, with which CaiGunn may post until the first of them is"
                ),
            };
            tracing::info!("webhook.token was read anew: {count} are accepted{also}");
        }
        if let Some(token) = &new.http.admin_token
            && exposed(&old.http.admin_token) != exposed([token])
        {
            self.secrets.admin.full.replace(Some(token.clone()));
            tracing::info!("admin.token was read anew");
        }
        if let Some(token) = &new.http.read_only_token
            && exposed(&old.http.read_only_token) != exposed([token])
        {
            self.secrets.admin.read_only.replace(Some(token.clone()));
            tracing::info!("admin.read_only_token was read anew");
        }
        if let (Some(client), Some(was), Some(api)) = (&self.client, &old.api, &new.api)
            && exposed([&was.access_token]) != exposed([&api.access_token])
        {
            has_news = true;
            client.replace_access_token(api.access_token.clone());
            tracing::info!("api.access_token was read anew");
        }
        for destination in &new.delivery.destinations {
            let was = old
                .delivery
                .destinations
                .iter()
                .find(|was| was.name == destination.name);
            let changes = was.map(|was| {
                [
                    take_signing_secrets(was, destination),
                    take_password(was, destination),
                ]
            });
            if changes.is_some_and(|changes| changes.contains(&true)) {
                tracing::info!("the secrets of destination {} were read anew", destination.name);
            }
        }
        for notice in &new.notices {
            let was = old.notices.iter().find(|was| was.name() == notice.name());
            if was.is_some_and(|was| take_signing_secrets(&was.destination, &notice.destination)) {
                tracing::info!("the secrets of notice {} were read anew", notice.name());
            }
        }
        if let (Selection::Keys(was), Selection::Keys(keys)) = (&old.selection, &new.selection)
            && exposed(was) != exposed(keys)
        {
            has_news = true;
            tracing::info!("api.key was read anew: {} are looked after", keys.len());
        }
        if old.inbox_location != new.inbox_location {
            tracing::warn!(
                error.type = "rotation",
                "the file of inbox.url has changed; restart the receiver to use what is in it now"
            );
        }
        if let Some(wanted) = self.wanted.as_ref().filter(|_| has_news) {
            wanted.send_replace(Wanted {
                selection: new.selection.clone(),
                webhook: new.registration.wanted().cloned(),
            });
        }
        // What is used of destinations and notices is in the old settings, which share it with the senders.
        self.settings = Settings {
            delivery: self.settings.delivery.clone(),
            notices: self.settings.notices.clone(),
            ..new
        };
    }
}

/// Says of which destinations and notices the files say something else than is used, and than they said before.
fn warn_of_lasting(used: &Lasting, before: &Lasting, now: &Lasting) {
    let mut names: Vec<_> = before.keys().chain(now.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let said = now.get(name);
        if said != before.get(name) && said != used.get(name) {
            tracing::warn!(
                error.type = "rotation",
                "what a file says of {name} has changed; restart the receiver to use what is in it now"
            );
        }
    }
}

/// Has a destination sign with the secrets of the other one; returns whether they differ.
fn take_signing_secrets(used: &DestinationSettings, new: &DestinationSettings) -> bool {
    let secrets = new.secrets.get();
    let differ = exposed(&*used.secrets.get()) != exposed(&*secrets);
    if differ {
        used.secrets.replace(secrets.to_vec());
    }
    differ
}

/// Has a destination log in with the password of the other one from now on; returns whether they differ.
fn take_password(used: &DestinationSettings, new: &DestinationSettings) -> bool {
    let (Some(used), Some(new)) = (used.kind.login(), new.kind.login()) else {
        return false;
    };
    let password = new.password.get();
    let differ = exposed(used.password.get().as_ref()) != exposed(password.as_ref());
    if differ {
        used.password.replace(Option::clone(&password));
    }
    differ
}

fn exposed<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Vec<&'a str> {
    secrets.into_iter().map(ExposeSecret::expose_secret).collect()
}
