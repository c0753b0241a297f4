//! What `inbox backup` takes beside a copy by cp that is synced, and what those who post meanwhile notice of each; of a file
//! that is in memory, and of one that is not, as where most of it has not been read for long. They are 16 connections, on
//! each of which one comes every 10 ms, and late ones as soon as they can: 1,600 notifications a second.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise};
use tokio::process::Command;

use super::Run;
use crate::load::load_during;
use crate::report::{print_heads, row};
use crate::server::{Program, Server};
use crate::{files, fill};

const OTHERS: usize = 16;
const PAUSE: Duration = Duration::from_millis(10);

/// Of this build, which is the last of the programs.
pub fn run(run: &Run, mib: u64) {
    let program = run.programs.last().expect("this build is there");
    let inbox = fill::with_mib(run, mib);
    let server = program.start(&files::url(&inbox));
    println!("\na backup of {mib} MiB, beside {OTHERS} light posters");
    print_heads(OTHERS);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        for is_cached in [true, false] {
            let name =
                |what: &str| format!("{what}, {}", if is_cached { "in memory" } else { "on the disk" });
            let [copied, backed_up] = ["copied.db", "backup.db"].map(|file| run.folder.join(file));
            forget(&inbox, is_cached);
            let copying = beside(&server, &name("cp"), copy(&inbox, &copied)).await;
            forget(&inbox, is_cached);
            let backing_up = beside(&server, &name("backup"), back_up(program, &inbox, &backed_up)).await;
            println!(
                "    backup/cp {:.2}",
                backing_up.as_secs_f64() / copying.as_secs_f64()
            );
            for file in [copied, backed_up] {
                std::fs::remove_file(file).expect("it is there");
            }
        }
    });
}

/// Has the system forget what it has of a file in memory, unless that is to stay.
fn forget(file: &Path, is_cached: bool) {
    if !is_cached {
        let file = File::open(file).expect("it is there");
        file.sync_all().expect("the disk takes it");
        fadvise(&file, 0, None, Advice::DontNeed).expect("it is a file");
    }
}

/// How long `work` takes beside the posters.
async fn beside(server: &Server, name: &str, work: impl Future<Output = ()>) -> Duration {
    let (load, taken) = load_during(server.address, OTHERS, PAUSE, async {
        let started = Instant::now();
        work.await;
        started.elapsed()
    })
    .await;
    println!("{}", row(name, &load.figures()));
    println!(
        "    {:.1} s; {} of {} posts refused",
        taken.as_secs_f64(),
        load.refused,
        load.latencies.len()
    );
    taken
}

async fn copy(from: &Path, to: &Path) {
    let cp = Command::new("cp").arg(from).arg(to).status().await;
    let sync = Command::new("sync").arg(to).status().await;
    for status in [cp, sync] {
        assert!(status.expect("it is there").success());
    }
}

async fn back_up(program: &Program, inbox: &Path, to: &Path) {
    let backup = Command::new(&program.path)
        .args(["inbox", "backup"])
        .arg(to)
        .env("CAIGUNN_INBOX_URL", files::url(inbox))
        .output()
        .await
        .expect("it starts");
    assert!(
        backup.status.success(),
        "{}",
        String::from_utf8_lossy(&backup.stderr)
    );
}
