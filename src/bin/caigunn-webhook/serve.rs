//! `serve`

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, bail};
use caigunn_webhook::app::{App, Rotation};
use caigunn_webhook::config::{InboxLocation, Loaded, Settings, Sources, Warning};
use caigunn_webhook::descriptors;
use caigunn_webhook::http::{ShownSetting, ShownSettings};
use caigunn_webhook::published::{Addresses, Published};
use caigunn_webhook::shutdown::StopSignals;
use caigunn_webhook::systemd::{Manager, Sockets};
use caigunn_webhook::telemetry::{self, Telemetry};
use listenfd::ListenFd;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::configuration::{self, read_secret};
use crate::{output, threads};

/// Runs the receiver until a signal or a failure.
pub fn run(loaded: Loaded, sources: Sources) -> anyhow::Result<()> {
    // First, while there is no other thread: it takes variables away.
    let sockets = handed_over()?;
    let log = loaded.settings.log.clone();
    let journal = std::env::var("JOURNAL_STREAM").ok();
    let telemetry =
        telemetry::start(log, output::takes_no_color(), journal.as_deref()).context("starting the log")?;
    let served = run_on_threads(loaded, sources, sockets, &telemetry);
    if let Err(error) = &served {
        tracing::error!(error.type = "exit", "ended with an error: {error:#}");
    }
    if let Some(losses) = telemetry.losses() {
        tracing::warn!(error.type = "lines_lost", "{losses}");
    }
    served
}

/// The sockets that listen already: none, the public one, or the public and the admin one.
fn handed_over() -> anyhow::Result<Sockets> {
    let mut handed = ListenFd::from_env();
    if handed.len() > 2 {
        bail!(
            "{} sockets were handed over (LISTEN_FDS), where the first is for the public side and the second for the admin side",
            handed.len()
        );
    }
    let mut take = |index| {
        let socket = handed.take_tcp_listener(index);
        socket.context("taking a socket that was handed over (LISTEN_FDS)")
    };
    Ok(Sockets {
        public: take(0)?,
        admin: take(1)?,
    })
}

fn run_on_threads(
    loaded: Loaded,
    sources: Sources,
    sockets: Sockets,
    telemetry: &Telemetry,
) -> anyhow::Result<()> {
    let Loaded {
        mut settings,
        mut warnings,
        shown,
        ..
    } = loaded;
    // Before anything is opened.
    warnings.extend(settings.fit_into(descriptors::raise(settings.files()))?);
    let serving = threads::serving()?;
    threads::attain(threads::of_receiver(serving))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(serving)
        .enable_all()
        .build()
        .context("starting the threads that serve requests")?;
    let served = runtime.block_on(serve(settings, shown, (sources, sockets), &warnings, telemetry));
    // What is left after a stop in order is a stuck file or connection; waiting for it was the deadline's business.
    runtime.shutdown_background();
    served
}

async fn serve(
    settings: Settings,
    shown: Vec<ShownSetting>,
    (sources, sockets): (Sources, Sockets),
    warnings: &[Warning],
    telemetry: &Telemetry,
) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let mut signals = StopSignals::listen().context("listening for SIGTERM, SIGINT and SIGHUP")?;
    let stopping = match settings.drain_delay.as_secs() {
        0 => "stopping".to_owned(),
        seconds => format!("not ready any more, and stopping in {seconds} s"),
    };
    tokio::spawn({
        // Also if this task should panic: a receiver that hears no signal could not be stopped in order any more.
        let stop = stop.clone().drop_guard();
        async move {
            let signal = signals.next().await;
            let first = Instant::now();
            tracing::info!("{signal}: {stopping}; a second signal quits at once");
            drop(stop);
            let signal = signals.another(first).await;
            // Whoever listens or not, it quits.
            output::say_in_passing(format!("caigunn-webhook: {signal} again: quitting at once"));
            std::process::exit(1);
        }
    });
    for warning in warnings {
        tracing::warn!(error.type = "setting", "{warning}");
    }
    let manager = Manager::named(|name| std::env::var_os(name), std::process::id());
    let manager = manager.context("reaching the service manager that NOTIFY_SOCKET names")?;
    // Also during a stop: it is no part of what is stopped.
    tokio::spawn(manager.clone().keep_alive());
    let location = settings.inbox_location.clone();
    let is_new = matches!(&location, InboxLocation::Sqlite(path) if matches!(path.try_exists(), Ok(false)));
    let registered = configuration::registered(&settings);
    let Some(built) = stop.run_until_cancelled(App::build(settings, sockets)).await else {
        tracing::info!("stopped before the inbox was open");
        return Ok(());
    };
    let mut app = built?;
    app.manager = manager;
    app.lines = telemetry.lines();
    app.shown = ShownSettings {
        settings: shown,
        warnings: warnings.iter().map(ToString::to_string).collect(),
    };
    app.rotation = Some(Rotation {
        sources,
        read: read_secret,
    });
    let dropped_lines = telemetry.dropped_lines_reader();
    app.metrics.counter(
        "log_lines_dropped",
        "Log lines dropped because standard output was too slow or did not take them",
        move || dropped_lines() as u64,
    );
    // Whoever has mistyped where it is sees it.
    tracing::info!(
        "inbox {location} is open{}",
        if is_new { "; it is new" } else { "" }
    );
    let _published = publish(&location, &app);
    tracing::info!(
        server.address = %app.public_address(),
        "listening on http://{}, admin on http://{} with a page for people at http://{}/",
        app.public_address(),
        app.admin_address(),
        browsable(app.admin_address())
    );
    match registered {
        Ok(what) => tracing::info!("{what}"),
        Err(what) => tracing::warn!(error.type = "not_registering", "{what}"),
    }
    app.run(stop).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Says where this receiver listens, for commands beside it. An inbox that many share says of none.
fn publish(location: &InboxLocation, app: &App) -> Option<Published> {
    let InboxLocation::Sqlite(path) = location else {
        return None;
    };
    let addresses = Addresses {
        public: app.public_address(),
        admin: app.admin_address(),
    };
    let published = addresses.publish(path);
    let failed = |error| tracing::warn!(error.type = "unpublished", "commands beside this receiver must be told where it listens: {error}");
    published.map_err(failed).ok()
}

/// An address to open in a browser on this machine: of a listener on all addresses, the loopback one.
fn browsable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}
