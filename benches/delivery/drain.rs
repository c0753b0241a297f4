//! A backlog that is drained.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Run;
use crate::backlog::{Inbox, Store};
use crate::plain;
use crate::server::{Program, Server};
use crate::sink::{Port, Sink};

/// How many attempts at once: the default, and many.
const IN_FLIGHT: [u64; 2] = [16, 64];

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it took to send a backlog.
#[derive(Clone, Copy, Default)]
struct Drain {
    count: u64,
    time: Duration,
    cpu: Duration,
    peak: u64,
}

/// Whoever sends.
struct Rival {
    name: &'static str,
    /// None: the plain client.
    program: Option<(usize, Inbox)>,
    sum: Drain,
}

/// Of each build beside the plain client.
pub fn run(run: &Run, store: &Store) {
    let count = run.options.count;
    let requests = requests(run, store);
    let mut rivals = vec![Rival {
        name: "plain",
        program: None,
        sum: Drain::default(),
    }];
    for (index, program) in run.programs.iter().enumerate() {
        rivals.push(Rival {
            name: program.name,
            program: Some((index, store.posted(program, count))),
            sum: Drain::default(),
        });
    }
    for in_flight in IN_FLIGHT {
        if run.options.in_flight.is_some_and(|only| only != in_flight) {
            continue;
        }
        rivals.iter_mut().for_each(|rival| rival.sum = Drain::default());
        for round in 0..run.options.rounds {
            let mut turns: Vec<_> = rivals.iter_mut().collect();
            if round % 2 == 1 {
                turns.reverse();
            }
            for rival in turns {
                let drain = match &rival.program {
                    None => plainly(run, &requests, in_flight),
                    Some((index, inbox)) => {
                        let copy = store.copy(inbox);
                        drained(&run.programs[*index], &copy, in_flight, count)
                    }
                };
                rival.sum.add(drain);
            }
        }
        print(in_flight, &rivals);
    }
}

/// What this build sends, to be sent by the plain client.
fn requests(run: &Run, store: &Store) -> Vec<Vec<u8>> {
    let program = run.programs.last().expect("this build is there");
    let inbox = store.posted(program, 2_000);
    let sink = Port::free().listen(true);
    let _server = program.delivering("new", &inbox.url, &destination(&sink, 16));
    sink.take(1_900);
    sink.kept()
}

fn plainly(run: &Run, requests: &[Vec<u8>], in_flight: u64) -> Drain {
    let count = run.options.count;
    let sink = Port::free().listen(false);
    let client = plain::start(&run.folder, requests, sink.address, in_flight, count);
    measured(&client, &sink, in_flight, count)
}

fn drained(program: &Program, inbox: &Inbox, in_flight: u64, count: u64) -> Drain {
    let sink = Port::free().listen(false);
    let server = program.delivering(program.name, &inbox.url, &destination(&sink, in_flight));
    measured(&server, &sink, in_flight, count)
}

/// Has it send all when as much is under way as may be.
fn measured(sender: &Server, sink: &Sink, in_flight: u64, count: u64) -> Drain {
    wait_for("the first requests", || sink.arrived_count() >= in_flight);
    sleep(Duration::from_millis(300));
    let before = sender.cpu();
    let time = sink.take(count);
    if sender.is_receiver() {
        wait_for("all to be recorded", || pending(sender) == 0);
    }
    Drain {
        count,
        time,
        cpu: sender.cpu() - before,
        peak: sender.memory("VmHWM"),
    }
}

/// The configuration of the destination, which gets all that is there.
pub fn destination(sink: &Sink, in_flight: u64) -> String {
    format!(
        r#"[{{name = "app", kind = "http", url = "http://{}/", since = "2000-01-01T00:00:00Z", max_in_flight = {in_flight}}}]"#,
        sink.address
    )
}

pub fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        sleep(Duration::from_millis(10));
    }
}

/// How many deliveries a receiver says are pending.
pub fn pending(server: &Server) -> u64 {
    server.gauge("caigunn_webhook_deliveries_pending{destination=\"app\"} ")
}

impl Drain {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.time += other.time;
        self.cpu += other.cpu;
        self.peak = self.peak.max(other.peak);
    }

    fn per_second(&self) -> f64 {
        self.count as f64 / self.time.as_secs_f64()
    }

    fn cpu_microseconds(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.count as f64
    }
}

fn print(in_flight: u64, rivals: &[Rival]) {
    println!("  {in_flight} in flight                 rate    CPU/delivery    peak memory");
    for Rival { name, sum, .. } in rivals {
        println!(
            "    {name:20}{:>11.0}/s{:>12.1} us{:>11} MiB",
            sum.per_second(),
            sum.cpu_microseconds(),
            sum.peak
        );
    }
    let of = |name| {
        rivals
            .iter()
            .find(|rival| rival.name == name)
            .map(|rival| rival.sum)
    };
    for [name, other] in [["old", "plain"], ["new", "plain"], ["new", "old"]] {
        if let (Some(one), Some(two)) = (of(name), of(other)) {
            println!(
                "    {:20}{:>11.2}{:>14.2}",
                format!("{name}/{other}"),
                one.per_second() / two.per_second(),
                one.cpu_microseconds() / two.cpu_microseconds()
            );
        }
    }
}
