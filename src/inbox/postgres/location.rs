//! Where the server is and how far it is trusted, read from a URL as libpq reads it.
//!
//! Left to tokio-postgres: all that it understands as libpq does. Read here: what it does not know, what it knows by
//! another name, `tcp_user_timeout`, which it takes for seconds, `host`, whose commas it does not see, and which of the hosts
//! will do, which is asked in `hosts`.

mod parameters;
mod passfile;

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};

use super::super::Error;
use parameters::Parameters;

/// What holds unless the URL says otherwise: a server that is gone is noticed within half a minute.
const DEFAULTS: &str = "application_name=caigunn-webhook&connect_timeout=5&keepalives_idle=10&keepalives_interval=5&keepalives_retries=3";

/// How long what was sent may wait for the server's system to confirm it.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);

/// The port of a host for which none is given.
const DEFAULT_PORT: u16 = 5432;

/// Where the server is. What is shown of it never holds the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    /// What to connect with, but for the certificates. Boxed, for it is large and whoever has a location may as well have a
    /// path.
    pub(super) config: Box<Config>,
    /// Whether only a server will do that takes writes.
    pub(super) must_write: bool,
    /// What is asked of a server that speaks TLS.
    pub(super) trust: Trust,
    /// What shows the server who we are.
    pub(super) certificate: Option<Certificate>,
    passfile: Option<PathBuf>,
    /// The URL with stars for the password.
    text: String,
}

/// What is asked of a server that speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Nothing.
    Anyone,
    /// A certificate of one of these authorities.
    Chain(Roots),
    /// The same, and that it is the host's.
    ChainAndName(Roots),
}

/// Which authorities are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// Those that the system believes.
    System,
    /// Those of a file.
    File(PathBuf),
}

/// What shows the server who we are, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate, with what leads to its authority.
    pub chain: PathBuf,
    /// Its key, not encrypted.
    pub key: PathBuf,
}

/// libpq's `sslmode`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Location {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, and what is allowed; nothing of a password, wherever in the text that stands.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = Parts::of(text)?;
        let parameters = Parameters::of(parts.query)?;
        let (mut mode, mut trust) = parameters.tls()?;
        let url = format!(
            "{}?{DEFAULTS}&{}",
            parts.before_query,
            parameters.others.join("&")
        );
        let mut config: Config = url.parse().map_err(|error| parameters.reason(error))?;
        // A Unix socket leads to this machine and has no TLS; libpq does not ask for it either.
        if config.get_hosts().iter().all(is_unix) {
            (mode, trust) = (Mode::Disable, Trust::Anyone);
        }
        config.ssl_mode(match mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        });
        let tcp_user_timeout = parameters.tcp_user_timeout.unwrap_or(TCP_USER_TIMEOUT);
        if !tcp_user_timeout.is_zero() {
            config.tcp_user_timeout(tcp_user_timeout);
        }
        check(&config)?;
        Ok(Self {
            config: Box::new(config),
            must_write: !parameters.takes_any_server,
            trust,
            certificate: parameters.certificate()?,
            passfile: parameters.passfile,
            text: parts.shown(&parameters.shown),
        })
    }

    /// The hosts, of which any may be the server. There is at least one.
    pub fn hosts(&self) -> &[Host] {
        self.config.get_hosts()
    }

    /// What to connect with to one host, at that address if it needs one.
    ///
    /// # Errors
    /// [`Error::Refused`]: the password cannot be read, or nobody says who connects.
    pub fn config_of(&self, host: usize, address: Option<IpAddr>) -> Result<Config, Error> {
        let all = &self.config;
        let mut config = Config::new();
        match &self.hosts()[host] {
            Host::Tcp(name) => config.host(name),
            Host::Unix(folder) => config.host_path(folder),
        };
        if let Some(address) = address {
            config.hostaddr(address);
        }
        config
            .port(self.port(host))
            .ssl_mode(all.get_ssl_mode())
            .ssl_negotiation(all.get_ssl_negotiation())
            .channel_binding(all.get_channel_binding())
            .keepalives(all.get_keepalives())
            .keepalives_idle(all.get_keepalives_idle());
        let user = self.user(whoami::username)?;
        config.user(&user);
        all.get_dbname().map(|name| config.dbname(name));
        all.get_options().map(|options| config.options(options));
        all.get_application_name()
            .map(|name| config.application_name(name));
        all.get_connect_timeout()
            .map(|timeout| config.connect_timeout(*timeout));
        all.get_tcp_user_timeout()
            .map(|timeout| config.tcp_user_timeout(*timeout));
        all.get_keepalives_interval()
            .map(|interval| config.keepalives_interval(interval));
        all.get_keepalives_retries()
            .map(|count| config.keepalives_retries(count));
        match (all.get_password(), &self.passfile) {
            (Some(password), _) => {
                config.password(password);
            }
            (None, Some(file)) => {
                let password = passfile::password(file, self, host, &user);
                config.password(password.map_err(Error::refused)?);
            }
            (None, None) => {}
        }
        Ok(config)
    }

    /// Who connects: whom the URL names, or as libpq has it, whom the system knows this process as, which `named` says.
    fn user<E: fmt::Display>(&self, named: impl FnOnce() -> Result<String, E>) -> Result<String, Error> {
        match self.config.get_user().filter(|user| !user.is_empty()) {
            Some(user) => Ok(user.to_owned()),
            None => named().map_err(|error| {
                Error::refused(format!(
                    "the URL of {} names no user, and the system has no name for the one who runs this ({error}): put one \
                     before the host, as in postgres://USER@HOST",
                    self.shown()
                ))
            }),
        }
    }

    fn port(&self, host: usize) -> u16 {
        let ports = self.config.get_ports();
        *ports.get(host).or(ports.first()).unwrap_or(&DEFAULT_PORT)
    }

    /// Hosts, ports and database, for messages.
    pub fn shown(&self) -> String {
        let hosts = (0..self.hosts().len()).map(|host| self.host_and_port(host));
        self.shown_at(&hosts.collect::<Vec<_>>().join(","))
    }

    /// As [`Location::shown`], with one of the hosts alone.
    pub fn shown_host(&self, host: usize) -> String {
        self.shown_at(&self.host_and_port(host))
    }

    fn shown_at(&self, hosts: &str) -> String {
        let database = self.config.get_dbname().unwrap_or_default();
        // Percent-encoding can hide what a terminal would obey.
        format!("{hosts}/{database}").escape_debug().to_string()
    }

    fn host_and_port(&self, host: usize) -> String {
        let port = self.port(host);
        match &self.hosts()[host] {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]:{port}"),
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(folder) => format!("{}:{port}", folder.display()),
        }
    }

    /// What whoever is between here and the server could do; `None` where that is nothing.
    pub fn weakness(&self) -> Option<String> {
        let addresses = self.config.get_hostaddrs();
        let mut hosts = self.config.get_hosts().iter().enumerate();
        let is_here = hosts.all(|(index, host)| match addresses.get(index) {
            Some(address) => address.is_loopback(),
            None => is_local(host),
        });
        if is_here {
            return None;
        }
        let weakness = match (&self.trust, self.config.get_ssl_mode()) {
            (Trust::ChainAndName(_) | Trust::Chain(Roots::File(_)), _) => return None,
            (Trust::Chain(Roots::System), _) => {
                "is not verified by name: anyone with a certificate of a public authority can answer in its place"
            }
            (Trust::Anyone, SslMode::Disable) => {
                "is not encrypted: whoever is on the way can read and change what is stored"
            }
            (Trust::Anyone, _) => "is not verified: whoever is on the way can read and change what is stored",
        };
        Some(format!(
            "the connection to PostgreSQL at {} {weakness}",
            self.shown()
        ))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Location({self})")
    }
}

/// A URL taken apart.
struct Parts<'a> {
    before_query: &'a str,
    query: &'a str,
    /// Where in `before_query` the password is.
    password: Option<Range<usize>>,
}

impl<'a> Parts<'a> {
    /// Stricter than libpq and tokio-postgres, which differ in where they end a password that has one of these
    /// characters: so it is plain what is one, and no other part can be taken for a piece of it.
    fn of(text: &'a str) -> Result<Self, String> {
        let scheme = ["postgres://", "postgresql://"];
        let Some(scheme) = scheme.into_iter().find(|scheme| text.starts_with(scheme)) else {
            return Err("it does not begin with postgres:// or postgresql://".to_owned());
        };
        if text.contains(|character: char| character.is_whitespace() || character.is_control()) {
            return Err("a blank or control character must be percent-encoded, as in %20".to_owned());
        }
        let authority_end = text[scheme.len()..]
            .find(['/', '?'])
            .map_or(text.len(), |length| scheme.len() + length);
        let credentials_end = match text.match_indices('@').map(|(at, _)| at).collect::<Vec<_>>()[..] {
            [] => None,
            [at] if at < authority_end => Some(at),
            _ => {
                return Err(
                    "an @, / or ? within user or password, and an @ behind the hosts, must be percent-encoded: %40, \
                     %2F, %3F"
                        .to_owned(),
                );
            }
        };
        let (before_query, query) = text.split_once('?').unwrap_or((text, ""));
        if before_query[credentials_end.unwrap_or_default()..].contains(['&', '=']) {
            return Err("parameters begin with a ?; an & or = before it must be percent-encoded".to_owned());
        }
        let password = credentials_end.and_then(|end| {
            let colon = text[scheme.len()..end].find(':')?;
            Some(scheme.len() + colon + 1..end)
        });
        Ok(Self {
            before_query,
            query,
            password,
        })
    }

    /// The URL with these parameters, and stars for the password.
    fn shown(&self, parameters: &[String]) -> String {
        let mut text = self.before_query.to_owned();
        if let Some(password) = self.password.clone() {
            text.replace_range(password, "***");
        }
        if !parameters.is_empty() {
            text = format!("{text}?{}", parameters.join("&"));
        }
        text
    }
}

/// What would else be noticed with every connection anew, or not at all.
fn check(config: &Config) -> Result<(), String> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let is_unnamed = |host: &Host| matches!(host, Host::Tcp(name) if name.is_empty());
    if hosts.is_empty() || hosts.iter().any(is_unnamed) {
        return Err("it names no host, or an empty one".to_owned());
    }
    if config.get_dbname().is_none_or(str::is_empty) {
        return Err("it names no database".to_owned());
    }
    if !addresses.is_empty() && addresses.len() != hosts.len() {
        return Err("there must be one hostaddr for each host, or none".to_owned());
    }
    if ports.len() > 1 && ports.len() != hosts.len() {
        return Err("there must be one port for each host, or one for all".to_owned());
    }
    let is_direct = config.get_ssl_negotiation() == SslNegotiation::Direct;
    if is_direct && config.get_ssl_mode() == SslMode::Prefer {
        return Err("sslnegotiation=direct needs sslmode require, verify-ca or verify-full".to_owned());
    }
    Ok(())
}

fn is_unix(host: &Host) -> bool {
    matches!(host, Host::Unix(_))
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => match name.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => name == "localhost" || name.ends_with(".localhost"),
        },
    }
}

#[cfg(test)]
mod tests;
