//! Where both sides listen.

use std::net::{Ipv4Addr, SocketAddr};

use super::reader::Reader;

/// Where both sides listen, which must be two addresses.
pub fn addresses(reader: &mut Reader) -> (SocketAddr, SocketAddr) {
    let (listen, admin) = (
        reader.explained_or_default("server.listen", address),
        reader.explained_or_default("admin.listen", address),
    );
    let is_all = listen.ip().is_unspecified() || admin.ip().is_unspecified() || listen.ip() == admin.ip();
    if listen.port() == admin.port() && listen.port() != 0 && is_all {
        let place = reader.sourced("server.listen").map(|sourced| sourced.place);
        let place = place.expect("it has a default");
        let reason = format!("server.listen ({place}) is {listen}, and the two sides cannot share a port");
        reader.refuse_for("admin.listen", "another port than server.listen", &reason);
    }
    (listen, admin)
}

/// An address to listen on. The error is the right form of what may be meant.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if text.starts_with('[') || text.contains("::") || text.matches(':').count() > 3 {
        return Err(
            "of IPv6 the address stands in brackets, with the port behind, as in [::1]:PORT".to_owned(),
        );
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port: u16 = port.parse().map_err(|_| String::new())?;
    match host {
        "localhost" => Ok((Ipv4Addr::LOCALHOST, port).into()),
        _ => Err(format!(
            "write 0.0.0.0:{port} for all addresses of this machine, 127.0.0.1:{port} for itself alone"
        )),
    }
}
