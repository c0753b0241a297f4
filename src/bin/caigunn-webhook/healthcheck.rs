//! `healthcheck`

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};
use caigunn_webhook::config::Settings;
use caigunn_webhook::http::reachable;

use crate::output;

/// How long the receiver may take for each step: it answers within milliseconds, or when its store is slow.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks `/readyz` on the configured public address.
pub fn run(settings: &Settings) -> anyhow::Result<()> {
    let address = reachable(settings.listen);
    let status = ask(address).with_context(|| format!("asking http://{address}/readyz"))?;
    if status != 200 {
        bail!("http://{address}/readyz answered {status}: the receiver is not ready");
    }
    output::write("ready\n")
}

/// One request by hand: the smallest thing that can be wrong in a container.
fn ask(address: SocketAddr) -> anyhow::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.with_context(|| format!("what answers there is no HTTP server: {line:?}"))
}
