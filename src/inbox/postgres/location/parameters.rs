//! What a URL has behind its question mark.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::{Certificate, Mode, Roots, Trust};

/// What is shown of a password that is a parameter.
const HIDDEN_PASSWORD: &str = "password=***";

/// What a URL has behind its question mark.
#[derive(Default)]
pub struct Parameters {
    pub mode: Option<Mode>,
    pub roots: Option<Roots>,
    pub tcp_user_timeout: Option<Duration>,
    pub takes_any_server: bool,
    pub chain: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub passfile: Option<PathBuf>,
    /// Those for tokio-postgres.
    pub others: Vec<String>,
    /// All of them, with stars for passwords.
    pub shown: Vec<String>,
}

impl Parameters {
    pub fn of(query: &str) -> Result<Self, String> {
        let mut parameters = Self::default();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let Some((name, value)) = parameter.split_once('=') else {
                return Err("a parameter has no = and value".to_owned());
            };
            let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            let name = decoded(name)?;
            if !name.bytes().all(is_legal) {
                return Err("a parameter's name has other characters than a to z and _".to_owned());
            }
            parameters.shown.push(match &*name {
                "password" => HIDDEN_PASSWORD.to_owned(),
                _ => parameter.to_owned(),
            });
            match &*name {
                "sslmode" => parameters.mode = Some(mode(&decoded(value)?)?),
                "sslrootcert" => parameters.roots = roots(&decoded(value)?),
                "tcp_user_timeout" => parameters.tcp_user_timeout = Some(milliseconds(&decoded(value)?)?),
                "sslcert" => parameters.chain = file(&decoded(value)?),
                "sslkey" => parameters.key = file(&decoded(value)?),
                "passfile" => parameters.passfile = file(&decoded(value)?),
                "target_session_attrs" => parameters.takes_any_server = takes_any_server(&decoded(value)?)?,
                "gssencmode" => check_gssencmode(&decoded(value)?)?,
                "client_encoding" => check_encoding(&decoded(value)?)?,
                // libpq's names for what tokio-postgres has under others.
                "keepalives_count" => parameters.others.push(format!("keepalives_retries={value}")),
                "fallback_application_name" => {
                    parameters.others.insert(0, format!("application_name={value}"));
                }
                // It takes a list of hosts for the name of one.
                "host" => {
                    let hosts = value.split(',').map(|host| format!("host={host}"));
                    parameters.others.extend(hosts);
                }
                _ => parameters.others.push(parameter.to_owned()),
            }
        }
        Ok(parameters)
    }

    /// Why tokio-postgres refuses them, or what is before them. It names a parameter that it does not know, and behind
    /// a password that may be a piece of it: what stands after an & that was not percent-encoded.
    pub fn reason(&self, error: tokio_postgres::Error) -> String {
        let is_safe = !self.shown.iter().any(|parameter| parameter == HIDDEN_PASSWORD);
        let reason = error.into_source().filter(|_| is_safe);
        reason.map_or_else(
            || "a parameter, a port or a name is not allowed".to_owned(),
            |source| source.to_string(),
        )
    }

    pub fn certificate(&self) -> Result<Option<Certificate>, String> {
        match (&self.chain, &self.key) {
            (None, None) => Ok(None),
            (Some(chain), Some(key)) => Ok(Some(Certificate {
                chain: chain.clone(),
                key: key.clone(),
            })),
            _ => Err("sslcert and sslkey must be given together".to_owned()),
        }
    }

    pub fn tls(&self) -> Result<(Mode, Trust), String> {
        let mode = self.mode.unwrap_or(match self.roots {
            Some(Roots::System) => Mode::VerifyFull,
            _ => Mode::Prefer,
        });
        let roots = self.roots.clone().unwrap_or(Roots::System);
        let trust = match (mode, &self.roots) {
            (Mode::Disable | Mode::Prefer, Some(_)) => {
                return Err(
                    "sslrootcert asks for what sslmode=disable and sslmode=prefer, the default, do not do, which is to \
                     verify the server; set sslmode=verify-full"
                        .to_owned(),
                );
            }
            (Mode::Disable | Mode::Prefer | Mode::Require, None) => Trust::Anyone,
            (Mode::Require, Some(_)) | (Mode::VerifyCa, _) => Trust::Chain(roots),
            (Mode::VerifyFull, _) => Trust::ChainAndName(roots),
        };
        Ok((mode, trust))
    }
}

fn mode(value: &str) -> Result<Mode, String> {
    match value {
        "disable" => Ok(Mode::Disable),
        // "allow" asks for no TLS first. Whoever takes either is served as well by TLS where there is some.
        "allow" | "prefer" => Ok(Mode::Prefer),
        "require" => Ok(Mode::Require),
        "verify-ca" => Ok(Mode::VerifyCa),
        "verify-full" => Ok(Mode::VerifyFull),
        _ => Err("sslmode must be disable, allow, prefer, require, verify-ca or verify-full".to_owned()),
    }
}

fn roots(value: &str) -> Option<Roots> {
    match value {
        "" => None,
        "system" => Some(Roots::System),
        path => Some(Roots::File(PathBuf::from(path))),
    }
}

fn file(value: &str) -> Option<PathBuf> {
    (!value.is_empty()).then(|| PathBuf::from(value))
}

/// A primary that was made read-only would do for libpq's "primary", and not for an inbox.
fn takes_any_server(value: &str) -> Result<bool, String> {
    match value {
        "read-write" | "primary" => Ok(false),
        "any" => Ok(true),
        _ => Err(
            "target_session_attrs must be read-write (the default), primary or any, for an inbox is written to"
                .to_owned(),
        ),
    }
}

fn check_gssencmode(value: &str) -> Result<(), String> {
    match value {
        "disable" | "prefer" => Ok(()),
        _ => Err("gssencmode must be disable or prefer: this program speaks TLS, and no GSSAPI".to_owned()),
    }
}

fn check_encoding(value: &str) -> Result<(), String> {
    if ["utf8", "utf-8", "unicode", "auto"].contains(&&*value.to_lowercase()) {
        return Ok(());
    }
    Err("client_encoding must be UTF8".to_owned())
}

fn milliseconds(value: &str) -> Result<Duration, String> {
    let count = value.parse().ok().map(Duration::from_millis);
    count.ok_or_else(|| "tcp_user_timeout must be milliseconds, a whole number".to_owned())
}

fn decoded(text: &str) -> Result<Cow<'_, str>, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map_err(|_| "a parameter is no UTF-8".to_owned())
}
