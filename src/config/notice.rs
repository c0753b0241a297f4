//! Notices: a list of tables, read as that of destinations is.

use std::time::Duration;

use url::Url;

use super::destination::{self, DEFAULT_TIMEOUT, read_each};
use super::keys::{NOTICE, NOTICE_KEYS};
use super::reader::{self, Reader};
use super::sources::Sources;
use crate::delivery::{DestinationSettings, Filter, Format, Kind, http};
use crate::notice::{
    About, DEFAULT_FREE_PERCENT, DEFAULT_LOG_BYTES, DEFAULT_QUIET, Form, MAX_NOTICES, Settings,
};
use crate::rotating::Rotating;

/// The notices there are. One with a mistake is left out.
pub fn read(reader: &mut Reader, sources: &Sources) -> Vec<Settings> {
    let (keys, bound) = ((NOTICE, &NOTICE_KEYS[..]), (MAX_NOTICES, "notice"));
    read_each(reader, keys, bound, |reader, index, name| {
        notice(reader, index, name, sources)
    })
}

/// One notice, unless something is wrong with it.
fn notice(reader: &mut Reader, index: usize, name: Option<String>, sources: &Sources) -> Option<Settings> {
    let key = |name: &str| format!("{NOTICE}[{index}].{name}");
    let url = url(reader, &key("url"), &key("url_file"), sources);
    let form = reader
        .optional(&key("format"), reader::named)
        .unwrap_or(Form::Json);
    for secrets in [key("secrets"), key("secrets_file")] {
        if form != Form::Json && reader.is_there(&secrets) {
            reader.note(&secrets, "only one of format json is signed");
        }
    }
    let secrets = destination::secrets(reader, &key("secrets"), &key("secrets_file"), sources);
    let about = reader.list(&key("about"), reader::named);
    let proxy = reader.optional(&key("proxy"), |text| text.parse().ok());
    let quiet_minutes = reader.optional_number(&key("quiet_minutes"));
    let free_percent = reader.optional_number(&key("free_percent"));
    let log_bytes = reader.optional_number(&key("log_bytes"));
    let silence_hours = reader.optional_number(&key("silence_hours"));
    refuse_idle(reader, index, &about);
    Some(Settings {
        destination: DestinationSettings {
            name: name?,
            filter: Filter::default(),
            since: None,
            max_in_flight: 1,
            max_per_second: None,
            timeout: DEFAULT_TIMEOUT,
            format: Format::Raw,
            secrets: Rotating::new(secrets),
            kind: Kind::Http(http::Settings {
                url: url?,
                headers: reqwest::header::HeaderMap::new(),
                proxy: proxy.unwrap_or(true),
            }),
        },
        form,
        about,
        quiet: quiet_minutes.map_or(DEFAULT_QUIET, |minutes| Duration::from_secs(60 * minutes)),
        free_percent: free_percent.unwrap_or(DEFAULT_FREE_PERCENT),
        log_bytes: log_bytes.unwrap_or(DEFAULT_LOG_BYTES),
        silence: silence_hours.map(|hours| Duration::from_secs(3_600 * hours)),
    })
}

/// Refuses what of a notice about these could do nothing.
fn refuse_idle(reader: &mut Reader, index: usize, about: &[About]) {
    let key = |name: &str| format!("{NOTICE}[{index}].{name}");
    for (name, needed) in [
        ("free_percent", About::Disk),
        ("log_bytes", About::Log),
        ("silence_hours", About::Silence),
    ] {
        if reader.is_there(&key(name)) && !about.is_empty() && !about.contains(&needed) {
            reader.note(
                &key(name),
                &format!("`about` does not name {needed}, so nothing follows from it"),
            );
        }
    }
    if about.contains(&About::Silence) && !reader.is_there(&key("silence_hours")) {
        reader.note(
            &key("about"),
            "of silence nothing is told unless `silence_hours` is set",
        );
    }
}

/// Warns of notices that name in `about` what is never told with these settings. Not refused, since other settings than their own
/// are why.
pub fn warn_of_idle(reader: &mut Reader, settings: &super::Settings) {
    for notice in &settings.notices {
        for (about, reason, advice) in idle(settings) {
            let named: Vec<_> = about
                .iter()
                .filter(|about| notice.about.contains(about))
                .collect();
            if !named.is_empty() {
                let named = named.iter().map(ToString::to_string).collect::<Vec<_>>();
                reader.warn(
                    format!(
                        "notice {} is about {}, {reason}",
                        notice.name(),
                        named.join(" and ")
                    ),
                    advice,
                );
            }
        }
    }
}

/// What can never be told of with these settings, why, and what to do about it.
fn idle(settings: &super::Settings) -> Vec<(&'static [About], &'static str, &'static str)> {
    let registered = settings.registration.wanted();
    let nothing_is_registered = "and nothing is registered, so that is never told";
    let all = [
        (
            settings.inbox_location.is_shared(),
            &[About::Disk, About::Log][..],
            "which only an inbox in a file has",
            "take it out of `about`, and have the database's disk watched where it is",
        ),
        (
            settings.delivery.destinations.is_empty(),
            &[About::Destination, About::DeadLetter],
            "and there is no destination, so that is never told",
            "configure a destination, or take it out of `about`",
        ),
        (
            settings.api.is_none(),
            &[About::Account],
            "and there is no access token, so that is never told",
            "set CAIGUNN_ACCESS_TOKEN, or take it out of `about`",
        ),
        (
            registered.is_none(),
            &[About::Chatbot, About::PublicUrl],
            nothing_is_registered,
            "set what registering needs, which `doctor` names, or take it out of `about`",
        ),
        (
            registered.is_some_and(|webhook| !webhook.probe),
            &[About::PublicUrl],
            "and subscription.probe is false, so that is never told",
            "set it to true, or take it out of `about`",
        ),
    ];
    let holding = all.into_iter().filter(|(is_so, ..)| *is_so);
    holding
        .map(|(_, about, reason, advice)| (about, reason, advice))
        .collect()
}

/// Where to post to, given or in a file.
fn url(reader: &mut Reader, key: &str, key_of_file: &str, sources: &Sources) -> Option<Url> {
    let said = "the URL is given by `url` too";
    let in_file = reader.in_file((key, key_of_file), said, sources, |content| {
        let text = content.trim();
        let reason = match text {
            "" => "the file is empty",
            _ if text.contains('\n') => "it has several lines: one URL is expected",
            _ => "expected an absolute http or https URL without user and fragment, found another text (hidden)",
        };
        destination::url(text).map_err(|_| reason)
    });
    in_file.unwrap_or_else(|| reader.required_explained(key, destination::url))
}
