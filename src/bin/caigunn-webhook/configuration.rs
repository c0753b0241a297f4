//! The flags that every command shares, and the reading of what the configuration is made of.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use caigunn_webhook::config::{
    self, CONFIG_VARIABLE, DEFAULTS_VARIABLE, InboxLocation, Loaded, Mistake, Mistakes, Registration,
    Settings, Sources, Warning,
};
use caigunn_webhook::outgoing;
use caigunn_webhook::published::Addresses;
use caigunn_webhook::subscription::Selection;
use clap::Args;

/// The longest secret file read, in bytes.
const MAX_SECRET_FILE_BYTES: u64 = 64 << 10;

#[derive(Args)]
#[command(next_help_heading = crate::CONFIGURATION)]
pub struct ConfigurationArgs {
    /// A TOML file with settings that differ from the defaults; also CAIGUNN_CONFIG
    #[arg(long, global = true, value_name = "FILE")]
    // No path, of which clap refuses an empty one.
    config: Option<OsString>,
    /// Where the public side listens [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where the admin side listens [default: 127.0.0.1:9090]
    #[arg(long, global = true, value_name = "ADDRESS")]
    admin_listen: Option<String>,
    /// The base URL under which CaiGunn reaches this receiver
    #[arg(long, global = true, value_name = "URL")]
    public_url: Option<String>,
    /// Where notifications are kept [default: sqlite:data/inbox.db]
    #[arg(long, global = true, value_name = "URL")]
    inbox_url: Option<String>,
    /// CaiGunn's API [default: https://caigunn-api.ap-mic.com]
    #[arg(long, global = true, value_name = "URL")]
    api_url: Option<String>,
    /// Which log lines are shown, such as debug or info,caigunn_webhook=debug [default: info]
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// json, pretty, or auto: json unless standard output is a terminal [default: auto]
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,
}

impl ConfigurationArgs {
    /// Reads the files, the environment and the flags, and makes settings of them.
    pub fn load(&self) -> Result<(Loaded, Sources), Mistakes> {
        let environment: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| {
                Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
            })
            .filter(|(name, _)| Sources::is_read(name))
            .collect();
        let by_variable = |variable: &str| {
            let (_, path) = environment.iter().find(|(name, _)| name == variable)?;
            let path = path.trim();
            (!path.is_empty()).then(|| (format!("{variable}={path}"), PathBuf::from(path)))
        };
        let by_flag = self.config.as_ref().filter(|path| !path.is_empty());
        let by_flag = by_flag
            .map(PathBuf::from)
            .map(|path| (format!("--config {}", path.display()), path));
        let mut unreadable = Vec::new();
        let mut read = |given: Option<(String, PathBuf)>| {
            let (given, path) = given?;
            let refused = |reason| unreadable.push(Mistake::new(format!("{given}: {reason}")));
            let text = read_text(&path).map_err(refused).ok()?;
            Some((path.display().to_string(), text))
        };
        let flags = [
            ("server.listen", &self.listen),
            ("admin.listen", &self.admin_listen),
            ("server.public_url", &self.public_url),
            ("inbox.url", &self.inbox_url),
            ("api.url", &self.api_url),
            ("log.filter", &self.log),
            ("log.format", &self.log_format),
        ];
        let given = flags
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
        let mut sources = Sources {
            defaults: read(by_variable(DEFAULTS_VARIABLE)),
            file: read(by_flag.or_else(|| by_variable(CONFIG_VARIABLE))),
            flags: given.collect(),
            ..Sources::default()
        };
        sources.environment = environment;
        sources.read_files(read_secret);
        match config::load(&sources) {
            Ok(loaded) if unreadable.is_empty() => Ok((loaded, sources)),
            Ok(_) => Err(Mistakes(unreadable)),
            Err(Mistakes(mistakes)) => Err(Mistakes([unreadable, mistakes].concat())),
        }
    }
}

/// Warns of variables that are to say which certificates are trusted, and name none.
pub fn look_at_trust(loaded: &mut Loaded) {
    let useless = outgoing::useless_trust().into_iter();
    loaded.warnings.extend(useless.map(|found| Warning {
        found,
        advice: "name certificates of authorities there, in PEM, or take the variable away: without both SSL_CERT_FILE and \
                 SSL_CERT_DIR the system's are trusted",
    }));
}

/// Takes the addresses of the receiver that runs on this inbox, where nobody has said any here.
pub fn look_beside(loaded: &mut Loaded) {
    let is_said = |key: &str| loaded.shown.iter().any(|shown| shown.key == key && shown.is_said);
    if let InboxLocation::Sqlite(path) = &loaded.settings.inbox_location
        && let Some(Addresses { public, admin }) = Addresses::read(path)
    {
        if !is_said("server.listen") {
            loaded.settings.listen = public;
        }
        if !is_said("admin.listen") {
            loaded.settings.admin_listen = admin;
        }
    }
}

/// Reads a file of a secret, which is a short one.
pub fn read_secret(path: &str) -> Result<String, String> {
    match fs::metadata(path).map_or(0, |found| found.len()) {
        0..=MAX_SECRET_FILE_BYTES => read_text(path.as_ref()).map_err(|reason| format!("the file {reason}")),
        length => Err(format!(
            "the file has {length} bytes; a secret has {MAX_SECRET_FILE_BYTES} at most"
        )),
    }
}

/// Reads a file, without the byte order mark that some editors put before it.
fn read_text(path: &Path) -> Result<String, String> {
    match fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => Ok(text.trim_start_matches('\u{feff}').to_owned()),
        Ok(Err(error)) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
            Err(format!("cannot be read: line {line} is not UTF-8"))
        }
        Err(error) if path.to_string_lossy().starts_with(['"', '\'']) => Err(format!(
            "cannot be read: {error}; give the path without the quotes"
        )),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

/// What a receiver with these settings keeps registered, in words; the error is that it registers nothing, and what is lacking.
pub fn registered(settings: &Settings) -> Result<String, String> {
    let wanted = match &settings.registration {
        Registration::Wanted(wanted) => wanted,
        Registration::Missing(names) => {
            let has_keys = !matches!(&settings.selection, Selection::Keys(keys) if keys.is_empty());
            let so = match settings.api.is_some() && has_keys {
                true => "nothing is registered with CaiGunn, only what was missed is asked for",
                false => {
                    "no credentials, so nothing is registered with CaiGunn and nothing missed is asked for"
                }
            };
            return Err(format!("{so}; set {}", names.join(", ")));
        }
    };
    let chatbots = match &settings.selection {
        Selection::Keys(keys) => format!("the chatbots of {} API keys", keys.len()),
        Selection::Discovered { include, exclude } if include.is_empty() && exclude.is_empty() => {
            "all chatbots of the account".to_owned()
        }
        Selection::Discovered { .. } => {
            "the chatbots of the account that subscription.include and subscription.exclude leave".to_owned()
        }
    };
    let when = wanted.has_replicas.then_some(" while this receiver leads");
    Ok(format!(
        "keeping {} registered with CaiGunn for {chatbots}{}",
        wanted.shown_url,
        when.unwrap_or_default()
    ))
}
