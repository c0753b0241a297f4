//! What a program gets, and what is made of how it ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command as Process;

use super::*;
use crate::delivery::Kind;
use crate::delivery::send::sample;
use crate::inbox::outbox::MAX_ANSWER_BYTES;

const BODY: &str = r#"{"event":"crawling","status":"initial","event_id":"3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "data":{"chatbot_id":"00000000-0000-0000-0000-00000000000b"}}"#;

/// Long enough for everything that should come.
const LONG: Duration = Duration::from_secs(20);

/// Short enough to wait for in vain, and long enough for shells to begin and to say who they are.
const SHORT: Duration = Duration::from_secs(5);

fn sender(program: &str, arguments: &[&str], timeout: Duration) -> CommandSender {
    let settings = Settings {
        program: program.to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
    };
    CommandSender::new(
        &sample::destination(Kind::Command(settings.clone()), timeout),
        &settings,
    )
}

/// The report on a run of a script.
async fn report_on(script: &str, timeout: Duration) -> Report {
    sender("sh", &["-c", script], timeout)
        .send(sample::parcel(BODY))
        .await
}

fn text(report: &Report) -> &str {
    std::str::from_utf8(&report.answer).unwrap()
}

/// Whether a process runs. One that has ended and that nobody has waited for does not.
fn runs(id: &str) -> bool {
    fs::read_to_string(format!("/proc/{}/stat", id.trim())).is_ok_and(|stat| {
        let (_, behind_name) = stat.rsplit_once(") ").unwrap();
        !behind_name.starts_with('Z')
    })
}

async fn until_gone(id: &str) {
    let gone = async {
        while runs(id) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), gone).await;
    waited.unwrap_or_else(|_| panic!("process {id} still runs"));
}

#[tokio::test]
async fn a_program_gets_the_body_and_the_ids() {
    let parcel = Parcel {
        attempt: 3,
        ..sample::parcel(BODY)
    };

    let report = sender("sh", &["-c", "cat; echo; env | grep ^CAIGUNN_ | sort >&2"], LONG)
        .send(parcel)
        .await;

    assert_eq!(report.outcome, Outcome::Delivered);
    assert_eq!((report.status, &*report.detail), (Some(0), "exit code 0"));
    assert_eq!(report.wish, Wish::None);
    assert_eq!(
        text(&report),
        format!(
            "{BODY}\nCAIGUNN_ATTEMPT=3\nCAIGUNN_CHATBOT_ID=00000000-0000-0000-0000-00000000000b\n\
             CAIGUNN_DESTINATION=app\nCAIGUNN_EVENT=crawling.initial\n\
             CAIGUNN_EVENT_ID=3fa85f64-5717-4562-b3fc-2c963f66afa6\n\
             CAIGUNN_RECEIPT_ID=01905c9b-0000-7000-8000-000000000001\n\
             CAIGUNN_RECEIVED_AT=2024-07-30T09:15:00.000123Z\n"
        )
    );
}

#[tokio::test]
async fn a_program_gets_its_place_in_a_trace() {
    let mut parcel = sample::parcel(BODY);
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (text, expected) in [
        (parent.to_owned(), format!("TRACEPARENT={parent}\n")),
        (
            format!("{parent} a=1"),
            format!("TRACEPARENT={parent}\nTRACESTATE=a=1\n"),
        ),
    ] {
        parcel.receipt.trace = Some(Box::new(text.parse().unwrap()));

        let report = sender("sh", &["-c", "env | grep ^TRACE | sort"], LONG)
            .send(parcel.clone())
            .await;

        assert_eq!(self::text(&report), expected);
    }
}

#[tokio::test]
async fn a_program_gets_none_of_our_own_variables_but_those_of_others() {
    const TEST: &str =
        "delivery::command::tests::a_program_gets_none_of_our_own_variables_but_those_of_others";
    if std::env::var_os("CAIGUNN_ACCESS_TOKEN").is_none() {
        // No test may change the variables that all share, so it runs once more, with others.
        let ended = Process::new(std::env::current_exe().unwrap())
            .args(["--exact", TEST, "--nocapture"])
            .env("CAIGUNN_ACCESS_TOKEN", "hunter2")
            .env("CAIGUNN_EVENT_ID", "hunter2")
            .env("OTHER", "other")
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&ended.stdout);
        assert!(output.contains("1 passed"), "{output}");
        return;
    }
    let unnamed = sample::parcel(r#"{"event":"a","status":"b"}"#);

    let report = sender("sh", &["-c", "env | grep -E '^(CAIGUNN_|OTHER)' | sort"], LONG)
        .send(unnamed)
        .await;

    let names: Vec<_> = text(&report)
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "CAIGUNN_ATTEMPT",
            "CAIGUNN_DESTINATION",
            "CAIGUNN_EVENT",
            "CAIGUNN_RECEIPT_ID",
            "CAIGUNN_RECEIVED_AT",
            "OTHER"
        ]
    );
    assert!(!text(&report).contains("hunter2"));
}

#[tokio::test]
async fn the_exit_code_decides() {
    for (script, outcome, status, detail) in [
        ("exit 0", Outcome::Delivered, Some(0), "exit code 0"),
        ("exit 1", Outcome::Failed, Some(1), "exit code 1"),
        ("exit 75", Outcome::Failed, Some(75), "exit code 75"),
        ("kill -TERM $$", Outcome::Failed, None, "ended by signal 15"),
        ("kill -KILL $$", Outcome::Failed, None, "ended by signal 9"),
    ] {
        let report = report_on(script, LONG).await;

        assert_eq!(
            (report.outcome, report.status, &*report.detail),
            (outcome, status, detail)
        );
    }
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_our_fault() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("no program");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let file = file.to_str().unwrap();
    for (program, reason) in [
        ("/no/such/program", "No such file or directory (os error 2)"),
        ("no-such-program", "No such file or directory (os error 2)"),
        (file, "Permission denied (os error 13)"),
    ] {
        let report = sender(program, &["hunter2"], LONG)
            .send(sample::parcel(BODY))
            .await;

        let expected = format!("cannot start {program}: {reason}");
        assert_eq!(report, Report::new(Outcome::Ours, expected));
    }
}

#[tokio::test]
async fn a_file_that_is_there_and_cannot_be_started_is_told_by_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script");
    let script = file.to_str().unwrap();
    for (content, reason) in [
        (
            "#!/no/such/interpreter -u\n",
            "its first line names an interpreter that cannot be run: there is no /no/such/interpreter",
        ),
        (
            "#!/bin/sh\r\nexit 0\r\n",
            "its first line names an interpreter that cannot be run: there is no /bin/sh\\r, since the line ends with a carriage \
             return",
        ),
        (
            "exit 0\n",
            "it is no program for this machine, and has no first line that names its interpreter, such as #!/bin/sh",
        ),
    ] {
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();

        let report = sender(script, &[], LONG).send(sample::parcel(BODY)).await;

        let expected = format!("cannot start {script}: {reason}");
        assert_eq!(report, Report::new(Outcome::Ours, expected));
    }
}

#[tokio::test]
async fn over_the_time_limit_a_program_is_killed_with_its_children() {
    let report = report_on("trap '' TERM; sleep 1000 & echo $!; echo $$; wait; wait", SHORT).await;

    assert_eq!((report.outcome, report.status), (Outcome::Timeout, None));
    assert_eq!(report.detail, "not done within 5 s, and killed");
    let ids: Vec<_> = text(&report).lines().collect();
    assert_eq!(ids.len(), 2, "{report:?}");
    for id in ids {
        until_gone(id).await;
    }
}

#[tokio::test]
async fn what_has_left_the_group_of_a_program_is_killed_with_it() {
    // `timeout` makes a group of its own, and `setsid` a session.
    let script =
        "setsid sh -c 'echo $$; exec sleep 1000' & timeout 1000 sh -c 'echo $$; sleep 1000; true'; true";

    let report = report_on(script, SHORT).await;

    assert_eq!(report.detail, "not done within 5 s, and killed");
    let ids: Vec<_> = text(&report).lines().collect();
    assert_eq!(ids.len(), 2, "{report:?}");
    for id in ids {
        until_gone(id).await;
    }
}

#[tokio::test]
async fn what_a_program_starts_while_it_is_killed_is_killed_too() {
    // By that they are known, and they end by themselves if they are missed.
    let own = std::process::id();
    let seconds = format!("300.{own}");
    let script = format!("while :; do setsid sleep {seconds} & sleep 0.01; done");
    for _ in 0..8 {
        // However far it came: a moment is enough, and another each time.
        let report = report_on(&script, Duration::from_millis(700)).await;
        assert_eq!(report.outcome, Outcome::Timeout);
    }

    let sleeping = || {
        let all = fs::read_dir("/proc").unwrap().flatten();
        let is_one = |line: Vec<u8>| line.ends_with(format!("sleep\0{seconds}\0").as_bytes());
        let lines = all.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
        lines.filter(|line| is_one(line.clone())).count()
    };
    let gone = async {
        while sleeping() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), gone).await;
    assert!(waited.is_ok(), "{} still run", sleeping());
}

#[tokio::test]
async fn a_program_whose_attempt_is_dropped_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ids");
    let script = format!(
        "sleep 1000 & echo \"$! $$\" >{0}.new; mv {0}.new {0}; wait",
        file.display()
    );
    let sending = tokio::spawn(async move { report_on(&script, LONG).await });
    let ids = async {
        loop {
            match fs::read_to_string(&file) {
                Ok(ids) => break ids,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let ids = tokio::time::timeout(LONG, ids).await.unwrap();
    assert!(ids.split_whitespace().all(runs), "{ids}");

    sending.abort();

    for id in ids.split_whitespace() {
        until_gone(id).await;
    }
}

#[tokio::test]
async fn of_much_output_the_beginning_is_kept() {
    let report = report_on("head -c 10000000 /dev/zero | tr '\\0' x; exit 3", LONG).await;

    assert_eq!((report.outcome, report.status), (Outcome::Failed, Some(3)));
    assert_eq!(report.answer, vec![b'x'; MAX_ANSWER_BYTES]);
}

#[tokio::test]
async fn a_program_need_not_read_its_input() {
    let large = BODY.replace(
        "\"data\":{",
        &format!("\"data\":{{\"x\":\"{}\",", "x".repeat(1 << 20)),
    );
    // In the last a process that does not read keeps the input open.
    for script in [
        "exit 0",
        "exec <&-; sleep 0.1",
        "head -c 1 >/dev/null",
        "exec 3<&0; sleep 60 <&3 >/dev/null 2>&1 &",
    ] {
        let start = Instant::now();

        let report = sender("sh", &["-c", script], LONG)
            .send(sample::parcel(&large))
            .await;

        assert_eq!(report.outcome, Outcome::Delivered, "{script}: {report:?}");
        assert!(start.elapsed() < LONG, "{script}: {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn what_is_left_behind_with_the_output_works_on_and_may_write() {
    let folder = tempfile::tempdir().unwrap();
    let (go, done) = (folder.path().join("go"), folder.path().join("done"));
    // It writes more than a pipe holds once it was told that the attempt has ended.
    let script = format!(
        "(until test -e {}; do sleep 0.05; done; head -c 200000 /dev/zero && echo >{}) &",
        go.display(),
        done.display()
    );
    let start = Instant::now();

    let report = report_on(&script, LONG).await;

    assert_eq!((report.outcome, report.status), (Outcome::Delivered, Some(0)));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    fs::write(&go, "").unwrap();
    let is_done = async {
        while !done.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(LONG, is_done).await;
    assert!(waited.is_ok(), "it was killed");
}

#[tokio::test]
async fn what_is_left_behind_gets_the_rest_of_the_input() {
    let folder = tempfile::tempdir().unwrap();
    // One fits into a pipe, and may not be there yet when the program ends.
    for body_bytes in [60_000, 1 << 20] {
        let (go, count) = (folder.path().join("go"), folder.path().join("count"));
        let script = format!(
            "exec 3<&0; (until test -e {0}; do sleep 0.05; done; wc -c <&3 >{1}.new; mv {1}.new {1}) >/dev/null 2>&1 &",
            go.display(),
            count.display()
        );
        let body = BODY.replace("crawling", &"x".repeat(body_bytes));

        let report = sender("sh", &["-c", &script], LONG)
            .send(Parcel {
                body: body.clone().into(),
                ..sample::parcel(BODY)
            })
            .await;

        assert_eq!((report.outcome, report.status), (Outcome::Delivered, Some(0)));
        fs::write(&go, "").unwrap();
        let counted = async {
            while !count.exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), counted).await;
        assert!(waited.is_ok(), "it does not come to the end of it");
        assert_eq!(fs::read_to_string(&count).unwrap().trim(), body.len().to_string());
        fs::remove_file(&go).unwrap();
        fs::remove_file(&count).unwrap();
    }
}

#[tokio::test]
async fn what_is_left_behind_without_the_output_is_let_be() {
    let folder = tempfile::tempdir().unwrap();
    let (go, file) = (folder.path().join("go"), folder.path().join("done"));
    // It ends once it was told that the attempt has ended.
    let script = format!(
        "(until test -e {}; do sleep 0.05; done; echo >{}) >/dev/null 2>&1 &",
        go.display(),
        file.display()
    );

    let report = report_on(&script, LONG).await;

    assert_eq!(report.outcome, Outcome::Delivered);
    fs::write(&go, "").unwrap();
    let done = async {
        while !file.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), done).await;
    assert!(waited.is_ok(), "it was killed");
}
