//! What a repeat costs that must be compared with its original member by member, when both are as large as bodies may
//! be: 8 MiB full of the smallest objects, the repeat with its members in another order. Meanwhile others post a little:
//! 16 connections, on each of which one comes every 10 ms, and late ones as soon as they can.

use std::time::{Duration, Instant};

use caigunn_webhook::event::sample::Ids;

use super::Run;
use crate::files;
use crate::load::{Client, Load, body, load_during};
use crate::server::Server;

/// The default of `server.body_limit_bytes`.
const BODY_BYTES: usize = 8 << 20;
const OTHERS: usize = 16;
const PAUSE: Duration = Duration::from_millis(10);

/// Of each receiver in turn, on an empty inbox.
pub fn run(run: &Run) {
    println!("\na notification of 8 MiB and its repeat in another spelling, beside {OTHERS} light posters");
    for program in &run.programs {
        let inbox = run.folder.join(format!("{}-large.db", program.name));
        let server = program.start(&files::url(&inbox));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime starts");
        runtime.block_on(measure(&server));
    }
}

async fn measure(server: &Server) {
    let small = body(&Ids::fresh());
    let members = small
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .expect("a notification is an object");
    let extra = extra(BODY_BYTES - small.len() - ",".len());
    println!("  {}", server.name);
    let others = load_during(
        server.address,
        OTHERS,
        PAUSE,
        tokio::time::sleep(Duration::from_secs(1)),
    );
    print(server, "neither", &others.await.0, None);
    let bodies = [
        ("the first", format!("{{{members},{extra}}}")),
        ("the repeat", format!("{{{extra},{members}}}")),
    ];
    for (which, body) in bodies {
        let (load, answer) = load_during(server.address, OTHERS, PAUSE, post(server, &body)).await;
        print(server, which, &load, Some(answer));
    }
    if is_quarantined(&server.metrics()) {
        println!("    the repeat was taken for one that differs");
    }
}

fn is_quarantined(metrics: &str) -> bool {
    let name = r#"caigunn_webhook_quarantined_total{reason="duplicate-differs"} "#;
    let count = metrics.lines().find_map(|line| line.strip_prefix(name));
    count.is_some_and(|count| count.parse() != Ok(0.0))
}

/// Posts a large body; its status, and how long it took. Refused or not, the inbox may still be busy with it then: it is
/// over when a small one is taken.
async fn post(server: &Server, large: &str) -> (u16, Duration) {
    let mut client = Client::open(server.address).await;
    let request = client.request(large);
    let started = Instant::now();
    let status = client.post(request.as_bytes()).await;
    let taken = started.elapsed();
    let small = client.request(&body(&Ids::fresh()));
    while client.post(small.as_bytes()).await != 200 {
        tokio::time::sleep(PAUSE).await;
    }
    (status, taken)
}

/// A member of that length or a few bytes less.
fn extra(bytes: usize) -> String {
    const OBJECT: &str = r#"{"":0}"#;
    let count = (bytes - r#""extra":[]"#.len()) / (OBJECT.len() + ",".len());
    format!(r#""extra":[{}]"#, vec![OBJECT; count].join(","))
}

fn print(server: &Server, which: &str, others: &Load, answer: Option<(u16, Duration)>) {
    let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1_000.0);
    let answer = answer.map_or("-".to_owned(), |(status, taken)| {
        format!("{status} after {}", milliseconds(taken))
    });
    println!(
        "    {which:12}{answer:>20}   the others: {} posts, {} refused, longest wait {}   peak memory {} MiB",
        others.latencies.len(),
        others.refused,
        milliseconds(others.longest()),
        server.memory("VmHWM")
    );
}
