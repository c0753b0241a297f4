//! Promise: no post is lost between a proxy and a receiver because of how either of them ends connections, and a
//! refusal comes through as it was said. With a real nginx and a real Caddy, which keep idle connections for [`KEPT`].

mod idle;
mod logs;
mod refused;
mod shipped;
mod uploads;

use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use tempfile::TempDir;

use crate::harness::Process;
use crate::harness::caddy::Caddy;
use crate::harness::distance::distance_to;
use crate::harness::nginx::Nginx;

/// What posts must have in their path.
const TOKEN: &str = "planted-token";

const GUARDED: [(&str, &str); 1] = [("CAIGUNN_WEBHOOK_TOKEN", TOKEN)];

/// How far the receiver is from its proxy.
const ONE_WAY: Duration = Duration::from_millis(10);

/// How long proxies keep an idle connection here: as shipped and by default they keep it a minute or two, and the receiver for
/// longer (`shipped::`).
const KEPT: Duration = Duration::from_secs(4);

/// A proxy that has connections of its own to a receiver for each path that begins with `/0/`, `/1/` and so on.
struct Front {
    proxy: Proxy,
    receiver: Process,
    /// With the receiver's inbox and log; goes after it.
    _folder: TempDir,
}

enum Proxy {
    Nginx(Nginx),
    Caddy(Caddy),
}

impl Front {
    /// An nginx that keeps one idle connection for each of so many paths, none if there is no nginx. It keeps none
    /// unless it is told how many. Below `/unbuffered/` it passes bodies on as they come.
    async fn nginx(pool_count: usize, variables: &[(&str, &str)]) -> Option<Self> {
        let (receiver, folder) = start_receiver(variables).await;
        let far = distance_to(receiver.public, ONE_WAY).await;
        let kept = format!("keepalive 32; keepalive_timeout {}s;", KEPT.as_secs());
        let pools = (0..pool_count).map(|pool| format!("upstream pool_{pool} {{ server {far}; {kept} }}\n"));
        let locations =
            (0..pool_count).map(|pool| format!("location /{pool}/ {{ proxy_pass http://pool_{pool}/; }}\n"));
        let configuration = format!(
            "{}server {{
    listen {{address}};
    client_max_body_size 16m;
    proxy_http_version 1.1;
    proxy_set_header Connection \"\";
    location /unbuffered/ {{ proxy_request_buffering off; proxy_pass http://pool_0/; }}
    {} }}",
            pools.collect::<String>(),
            locations.collect::<String>()
        );
        let proxy = Proxy::Nginx(Nginx::start(&configuration).await?);
        Some(Self {
            proxy,
            receiver,
            _folder: folder,
        })
    }

    /// A Caddy with a pool of idle connections for each of so many paths, none if there is no Caddy.
    async fn caddy(pool_count: usize, variables: &[(&str, &str)]) -> Option<Self> {
        let (receiver, folder) = start_receiver(variables).await;
        let far = distance_to(receiver.public, ONE_WAY).await;
        let kept = format!("transport http {{\nkeepalive {}s\n}}", KEPT.as_secs());
        let paths = (0..pool_count)
            .map(|pool| format!("handle_path /{pool}/* {{\nreverse_proxy {far} {{\n{kept}\n}}\n}}\n"));
        let proxy = Proxy::Caddy(Caddy::start("", &paths.collect::<String>()).await?);
        Some(Self {
            proxy,
            receiver,
            _folder: folder,
        })
    }

    fn name(&self) -> &'static str {
        match &self.proxy {
            Proxy::Nginx(_) => "nginx",
            Proxy::Caddy(_) => "Caddy",
        }
    }

    fn address(&self) -> SocketAddr {
        match &self.proxy {
            Proxy::Nginx(nginx) => nginx.address,
            Proxy::Caddy(caddy) => caddy.address,
        }
    }

    /// What the proxy says of itself and of requests that failed.
    fn log(&self) -> String {
        match &self.proxy {
            Proxy::Nginx(nginx) => nginx.errors(),
            Proxy::Caddy(caddy) => caddy.log(),
        }
    }
}

/// Lets this process have as many files open as the system allows it: the distance to a receiver takes two a connection.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("the soft limit may be raised to the hard one");
}

async fn start_receiver(variables: &[(&str, &str)]) -> (Process, TempDir) {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let receiver = Process::start(folder.path(), variables).await;
    (receiver, folder)
}
