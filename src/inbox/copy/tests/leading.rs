//! Promise: nobody delivers from the second inbox while a copy is made: the copy leads there, or is not made.

use super::*;
use crate::inbox::{Candidate, LEASE, Leadership};

fn receiver() -> Candidate {
    Candidate {
        id: uuid::Uuid::new_v4(),
        name: "a receiver".to_owned(),
    }
}

#[tokio::test]
async fn a_copy_into_a_database_on_which_a_receiver_leads_is_refused() {
    let moving = Move::new(database!()).await;
    moving.from.accept(mixture()).await;
    let (to, receiver) = (moving.to().await, receiver());
    assert_eq!(to.lead(&receiver).await.unwrap(), Leadership::Leader);

    let renewing = async {
        loop {
            to.lead(&receiver).await.unwrap();
            tokio::time::sleep(LEASE / 6).await;
        }
    };
    let refusal = tokio::select! {
        copied = moving.copy() => copied.unwrap_err(),
        () = renewing => unreachable!("it goes on"),
    };

    assert_eq!(
        refusal.to_string(),
        "a receiver leads on the second inbox, and would deliver from it what is being copied; stop the receivers that \
         use it, and start them again after the copy"
    );
    assert_eq!(to.all().await, []);
    to.resign(&receiver).await.unwrap();
    moving.copy().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_leads_during_a_copy_and_anybody_after_it() {
    let moving = Move::new(database!()).await;
    moving
        .from
        .accept((0..1_100).map(|_| crawled(&Ids::fresh())).collect())
        .await;
    let (to, receiver) = (moving.to().await, receiver());
    let mut answers = Vec::new();

    moving
        .copy_while(async || answers.push(to.lead(&receiver).await.unwrap()))
        .await
        .unwrap();

    assert!(!answers.is_empty());
    for answer in answers {
        let Leadership::Follower { leader, .. } = answer else {
            panic!("somebody else led: {answer:?}");
        };
        assert!(leader.starts_with("inbox copy on "), "{leader}");
    }
    // It has given the lease back, and not only let it end.
    assert_eq!(to.lead(&receiver).await.unwrap(), Leadership::Leader);
}

#[tokio::test]
async fn a_copy_that_fails_gives_the_lease_back() {
    let moving = Move::new(database!()).await;
    moving.from.accept(mixture()).await;
    let (to, receiver) = (moving.to().await, receiver());
    to.accept_one(crawled(&Ids::fresh())).await;

    let refusal = moving.copy().await.unwrap_err();

    assert!(matches!(refusal, CopyError::NotACopy(_)), "{refusal}");
    assert_eq!(to.lead(&receiver).await.unwrap(), Leadership::Leader);
}
