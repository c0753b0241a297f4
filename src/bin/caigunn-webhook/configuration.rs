//! The flags that every command shares, and the reading of what the configuration is made of.

use std::fs;
use std::path::PathBuf;

use caigunn_webhook::config::{self, Loaded, Mistake, Mistakes, Sources};
use clap::Args;

/// The longest secret file read, in bytes.
const MAX_SECRET_FILE_BYTES: u64 = 64 << 10;

#[derive(Args)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigurationArgs {
    /// A TOML file with settings that differ from the defaults
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
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
    /// Reads the file, the environment and the flags, and makes settings of them.
    pub fn load(&self) -> Result<Loaded, Mistakes> {
        let mut sources = Sources {
            environment: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
                })
                .filter(|(name, _)| name.starts_with("CAIGUNN_"))
                .collect(),
            ..Sources::default()
        };
        if let Some(path) = &self.config {
            let content = fs::read_to_string(path).map_err(|error| {
                Mistakes(vec![Mistake::new(format!(
                    "--config {}: cannot be read: {error}",
                    path.display()
                ))])
            })?;
            sources.file = Some((path.display().to_string(), content));
        }
        for (variable, path) in sources.secret_file_variables() {
            sources.secret_files.insert(variable, read_secret(&path));
        }
        for path in sources.signing_file_paths() {
            let content = read_secret(&path);
            sources.signing_files.insert(path, content);
        }
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
        sources.flags = given.collect();
        config::load(&sources)
    }
}

fn read_secret(path: &str) -> Result<String, String> {
    let length = fs::metadata(path)
        .map_err(|error| format!("the file cannot be read: {error}"))?
        .len();
    if length > MAX_SECRET_FILE_BYTES {
        return Err(format!(
            "the file has {length} bytes; a secret has {MAX_SECRET_FILE_BYTES} at most"
        ));
    }
    fs::read_to_string(path).map_err(|error| format!("the file cannot be read: {error}"))
}
