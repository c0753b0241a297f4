//! The variables that Kubernetes sets for each service, and Docker for each link: the addresses of a service named
//! `caigunn...` are no settings. They are told by their values, all of which say the same address; but of a link Docker tells
//! the name and the environment too.

/// Whether a variable is one of a service, as others in the environment show: `NAME_PORT=tcp://HOST:PORT` is always there
/// beside it, and names the host.
pub fn is_service_link(environment: &[(String, String)], variable: &str, value: &str) -> bool {
    let services = environment.iter().filter_map(|(anchor, url)| {
        let name = anchor.strip_suffix("_PORT")?;
        Some((variable.strip_prefix(name)?, endpoint(url)?))
    });
    services.into_iter().any(|(rest, (_, host, port))| match rest {
        "_PORT" => true,
        "_SERVICE_HOST" => value == host,
        "_SERVICE_PORT" => value == port,
        // Docker's: `/CONTAINER/ALIAS`, and the environment of the other container, which may say anything.
        "_NAME" => value.starts_with('/'),
        _ if rest.starts_with("_ENV_") => true,
        _ => match rest.strip_prefix("_PORT_") {
            Some(link) => is_of_link(link, value, host),
            None => rest.starts_with("_SERVICE_PORT_") && is_port(value),
        },
    })
}

/// Whether the end of a name, as `80_TCP` or `80_TCP_ADDR`, goes with the value.
fn is_of_link(link: &str, value: &str, host: &str) -> bool {
    let mut parts = link.splitn(3, '_');
    let (Some(port), Some(protocol)) = (parts.next(), parts.next()) else {
        return false;
    };
    let protocol = protocol.to_lowercase();
    match parts.next() {
        None => endpoint(value) == Some((&protocol, host, port)),
        Some("PROTO") => value == protocol,
        Some("PORT") => value == port,
        Some("ADDR") => value == host,
        Some(_) => false,
    }
}

/// The protocol, host and port of `tcp://10.0.0.1:80` or `udp://[fd00::1]:53`.
fn endpoint(url: &str) -> Option<(&str, &str, &str)> {
    let (protocol, rest) = url.split_once("://")?;
    let (host, port) = rest.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_one = matches!(protocol, "tcp" | "udp" | "sctp") && !host.is_empty() && is_port(port);
    is_one.then_some((protocol, host, port))
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}
