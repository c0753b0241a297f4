//! One by one: what is a log, and whose.

use super::super::frames::{FRAME_HEAD_BYTES, LOG_HEAD_BYTES, add_sums};
use super::*;

#[test]
fn a_log_without_its_file_is_refused() {
    let mut bench = Bench::new();
    bench.take(&Step::Commit(1, 100));
    let left = bench.left("left");

    fs::remove_file(&left).unwrap();
    assert_eq!(foreign(&left).unwrap(), Some(Foreign::WithoutFile));
    fs::write(&left, "").unwrap();
    assert_eq!(foreign(&left).unwrap(), Some(Foreign::WithoutFile));
}

#[test]
fn what_sqlite_would_take_nothing_of_is_no_log() {
    let mut bench = Bench::new();
    bench.take(&Step::Copy(CopyKind::Vacuumed));
    bench.take(&Step::Commit(1, 100));
    let left = bench.left("left");
    fs::copy(&bench.copies[0].1, &left).unwrap();
    assert_eq!(foreign(&left).unwrap(), Some(Foreign::OfAnother));
    let log = schema::beside(&left, "-wal");
    let whole = fs::read(&log).unwrap();

    for change in [
        3,
        8,
        20,
        30,
        LOG_HEAD_BYTES + 9,
        LOG_HEAD_BYTES + 17,
        LOG_HEAD_BYTES + 100,
    ] {
        let mut changed = whole.clone();
        changed[change] ^= 1;
        fs::write(&log, changed).unwrap();
        assert_eq!(foreign(&left).unwrap(), None, "byte {change}");
    }
    let one_page = LOG_HEAD_BYTES + FRAME_HEAD_BYTES + 4_096;
    // The first commit has more than one.
    for length in [0, LOG_HEAD_BYTES, one_page - 1, one_page] {
        fs::write(&log, &whole[..length]).unwrap();
        assert_eq!(foreign(&left).unwrap(), None, "{length} bytes");
    }
}

#[test]
fn what_is_no_database_is_left_to_sqlite() {
    let mut bench = Bench::new();
    bench.take(&Step::Commit(1, 100));
    let left = bench.left("left");

    for content in [
        "no database".to_owned(),
        "no database, and longer than a head ".repeat(9),
    ] {
        fs::write(&left, &content).unwrap();
        assert_eq!(foreign(&left).unwrap(), None, "{content}");
    }
}

#[test]
fn a_file_that_was_changed_without_a_log_is_another_one() {
    let mut bench = Bench::new();
    bench.take(&Step::Stop);
    bench.take(&Step::Copy(CopyKind::Bytes));
    bench.take(&Step::Commit(1, 100));
    let left = bench.left("left");
    let copy = bench.copies[0].1.clone();
    fs::copy(&copy, &left).unwrap();
    assert_eq!(foreign(&left).unwrap(), None, "it is from before the log");

    let other = Connection::open(&copy).unwrap();
    other.pragma_update(None, "journal_mode", "delete").unwrap();
    insert(&other, 3, 3_000).unwrap();
    drop(other);
    fs::copy(&copy, &left).unwrap();

    assert_eq!(foreign(&left).unwrap(), Some(Foreign::OfAnother));
}

#[test]
fn a_file_with_pages_of_another_size_is_another_one() {
    let mut bench = Bench::new();
    bench.take(&Step::Commit(1, 100));
    let left = bench.left("left");
    assert_eq!(foreign(&left).unwrap(), None);

    let mut bytes = fs::read(&left).unwrap();
    bytes[16..18].copy_from_slice(&8_192_u16.to_be_bytes());
    fs::write(&left, bytes).unwrap();

    assert_eq!(foreign(&left).unwrap(), Some(Foreign::OfAnother));
}

#[test]
fn a_file_may_have_pages_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox.db");
    for page_bytes in [512, 65_536] {
        let other = Connection::open(&path).unwrap();
        other.pragma_update(None, "page_size", page_bytes).unwrap();
        other.execute_batch("VACUUM").unwrap();
        drop(other);
        let writer = open(&path);

        checkpoint(&writer);
        commits::counted(&writer, |writer| {
            writer.execute_batch("CREATE TABLE filler (bytes BLOB)")?;
            insert(writer, 1, 100)
        })
        .unwrap();

        assert_eq!(foreign(&path).unwrap(), None, "{page_bytes}");
        drop(writer);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn what_a_receiver_does_while_it_is_looked_at_is_not_held_against_it() {
    let (little, much) = (Step::Commit(1, 100), Step::Commit(1, 3 << 20));
    for (before, read_count, meanwhile) in [
        // The log is begun anew after the file was looked at, and again.
        (
            vec![&much, &Step::Checkpoint, &little],
            1,
            vec![&little, &little, &Step::Checkpoint, &little],
        ),
        // It is begun anew when only its front has been read.
        (vec![&much, &Step::Checkpoint], 2, vec![&much]),
        // What is behind its end is written to, and copied into the file.
        (
            vec![&much, &Step::Checkpoint, &little],
            2,
            vec![&little, &Step::Checkpoint],
        ),
    ] {
        let mut bench = Bench::new();
        before.into_iter().for_each(|step| bench.take(step));
        let (path, mut count) = (bench.path.clone(), 0);

        let found = foreign_amid(&path, || {
            count += 1;
            if count == read_count {
                meanwhile.iter().for_each(|step| bench.take(step));
            }
        });

        assert_eq!(found.unwrap(), None, "after {read_count}, {meanwhile:?}");
        assert!(count >= read_count);
    }
}

#[test]
fn what_is_put_there_while_it_is_looked_at_is_looked_at_too() {
    let mut bench = Bench::new();
    bench.take(&Step::Copy(CopyKind::Vacuumed));
    bench.take(&Step::Copy(CopyKind::VacuumedAndOpened));
    bench.take(&Step::Commit(1, 100));
    let left = bench.left("left");
    let [first, second] = [0, 1].map(|copy: usize| bench.copies[copy].1.clone());
    fs::copy(first, &left).unwrap();

    let found = foreign_amid(&left, || {
        fs::copy(&second, &left).unwrap();
    });

    assert_eq!(found.unwrap(), Some(Foreign::OfAnother));
}

#[test]
fn a_file_that_another_program_has_written_to_is_another_one() {
    let mut bench = Bench::new();
    let little = Step::Commit(1, 100);
    // The reader keeps the log from beginning anew, so the file is in the middle of it.
    for step in [
        &Step::Checkpoint,
        &little,
        &little,
        &Step::Read,
        &Step::Checkpoint,
    ] {
        bench.take(step);
    }
    bench.take(&Step::Copy(CopyKind::Bytes));
    bench.take(&little);
    let left = bench.left("left");
    let copy = bench.copies[0].1.clone();
    fs::copy(&copy, &left).unwrap();
    assert_eq!(foreign(&left).unwrap(), None, "the log goes on with it");

    insert(&Connection::open(&copy).unwrap(), 3, 3_000).unwrap();
    fs::copy(&copy, &left).unwrap();

    assert_eq!(foreign(&left).unwrap(), Some(Foreign::OfAnother));
}

#[test]
fn a_log_in_which_only_another_program_wrote_may_have_nothing_to_tell_it_by() {
    let mut bench = Bench::new();
    // Where the page that a row comes to has room for it, the first page stays as it is.
    for step in [
        Step::Commit(1, 4_058),
        Step::Stop,
        Step::Uncounted(1),
        Step::Copy(CopyKind::VacuumedAndOpened),
    ] {
        bench.take(&step);
    }
    let left = bench.left("left");
    assert_eq!(logged_heads(&left), [None]);

    fs::copy(&bench.copies[0].1, &left).unwrap();

    assert_eq!(foreign(&left).unwrap(), None);
    bench.check_copies();
}

#[test]
fn the_count_may_begin_anew() {
    let mut bench = Bench::new();
    let last = (commits::COUNT_MODULUS - 1) << 8 | schema::MIGRATIONS.len() as u32;
    let set = format!("PRAGMA user_version = {}", last.cast_signed());
    bench.writer().execute_batch(&set).unwrap();
    bench.take(&Step::Stop);

    bench.take(&Step::Commit(1, 100));
    assert_eq!(count(bench.writer()), 0);
    assert_eq!(foreign(&bench.left("left")).unwrap(), None);
    bench.take(&Step::Stop);
    commits::counted(bench.writer(), |writer| insert(writer, 1, 100)).unwrap();

    assert_ne!(count(bench.writer()), 0);
    assert_eq!(foreign(&bench.left("left")).unwrap(), None);
}

#[test]
fn a_file_of_much_older_tables_in_which_nothing_was_counted_is_another_one() {
    let mut bench = Bench::new();
    bench.take(&Step::Stop);
    bench.take(&Step::Copy(CopyKind::Bytes));
    bench.take(&Step::Commit(1, 100));
    let left = bench.left("left");
    let copy = Connection::open(&bench.copies[0].1).unwrap();
    let versions = schema::MIGRATIONS.len() as i32;
    for (version, found) in [
        (versions, None),
        (versions - 1, None),
        (versions - 2, Some(Foreign::OfAnother)),
        (versions + 1, Some(Foreign::OfAnother)),
    ] {
        copy.pragma_update(None, "user_version", version).unwrap();
        checkpoint(&copy);
        fs::copy(&bench.copies[0].1, &left).unwrap();

        assert_eq!(foreign(&left).unwrap(), found, "{version}");
    }
}

#[test]
fn a_log_in_the_other_order_of_bytes_is_read_too() {
    let mut bench = Bench::new();
    bench.take(&Step::Copy(CopyKind::Vacuumed));
    bench.take(&Step::Commit(1, 100));
    let left = bench.left("left");
    let log = schema::beside(&left, "-wal");
    let mut bytes = fs::read(&log).unwrap();
    // As SQLite on another processor writes it.
    let (is_big_endian, magic) = match bytes[3] {
        0x82 => (true, 0x83),
        _ => (false, 0x82),
    };
    bytes[3] = magic;
    let mut sums = add_sums((0, 0), &bytes[..24], is_big_endian);
    put_sums(&mut bytes[24..], sums);
    for frame in bytes[LOG_HEAD_BYTES..].chunks_mut(FRAME_HEAD_BYTES + 4_096) {
        sums = add_sums(sums, &frame[..8], is_big_endian);
        sums = add_sums(sums, &frame[FRAME_HEAD_BYTES..], is_big_endian);
        put_sums(&mut frame[16..], sums);
    }
    fs::write(&log, bytes).unwrap();

    assert_eq!(foreign(&left).unwrap(), None);
    let seen = bench.folder.path().join("seen.db");
    replace(&left, &seen);
    assert_eq!(content(&seen), content(&bench.path), "SQLite reads it");
    fs::copy(&bench.copies[0].1, &left).unwrap();
    assert_eq!(foreign(&left).unwrap(), Some(Foreign::OfAnother));
}

fn put_sums(bytes: &mut [u8], (first, second): (u32, u32)) {
    bytes[..4].copy_from_slice(&first.to_be_bytes());
    bytes[4..8].copy_from_slice(&second.to_be_bytes());
}
