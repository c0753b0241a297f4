//! Promise: lists of jobs go by the numbers of receipts, and sort nothing.

use super::super::jobs::list;
use super::*;

#[tokio::test]
async fn words_of_jobs_are_found_by_number_and_in_order() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let queries = [
        list::words_sql(),
        list::open_words_sql(),
        list::OPEN_COUNT.to_owned(),
    ];
    for sql in queries {
        let plan = inbox.plan(sql.clone()).await;

        let is_by_number =
            |line: &&String| line.starts_with("SEARCH") && line.contains("INTEGER PRIMARY KEY");
        assert!(plan.iter().any(|line| is_by_number(&line)), "{sql}\n{plan:#?}");
        let is_slow = |line: &String| line.contains("TEMP B-TREE") || line.starts_with("SCAN receipt");
        assert!(!plan.iter().any(is_slow), "{sql}\n{plan:#?}");
    }
}
