#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let sources = caigunn_webhook::config::Sources { environment: std::env::vars().collect(), ..Default::default() };
    let loaded = match caigunn_webhook::config::load(&sources) { Ok(l) => l, Err(m) => { eprint!("{m}"); std::process::exit(64) } };
    let _t = caigunn_webhook::telemetry::start(loaded.settings.log.clone());
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let app = caigunn_webhook::app::App::build(loaded.settings).await.unwrap();
        let stop = tokio_util::sync::CancellationToken::new();
        let s2 = stop.clone();
        tokio::spawn(async move { caigunn_webhook::shutdown::StopSignals::listen().unwrap().next().await; s2.cancel() });
        app.run(stop).await.unwrap();
    });
}
