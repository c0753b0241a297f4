//! Promise: where a notification stands in a trace of its sender's is kept with its receipt and comes with it.

use super::outbox::Led;
use super::*;
use crate::trace::Trace;

fn trace(text: &str) -> Option<Box<Trace>> {
    Some(Box::new(text.parse().expect("the test gives one")))
}

const WITH_STATE: &str =
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 rojo=00f067aa0ba902b7,congo=t 61";

const ALONE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

fn traced(ids: &Ids, text: &str) -> NewReceipt {
    NewReceipt {
        trace: trace(text),
        ..crawled(ids)
    }
}

pub async fn a_trace_comes_with_its_receipt_wherever_that_is_read(place: &impl Place) {
    let led = Led::open(place).await;
    let destination = led.add("app").await;
    let ids = Ids::fresh();
    let new = vec![
        traced(&ids, WITH_STATE),
        crawled(&Ids::fresh()),
        traced(&Ids::fresh(), ALONE),
    ];
    let receipt_ids = led.inbox.accept(new).await;
    let expected = [trace(WITH_STATE), None, trace(ALONE)];

    let mut read = Vec::new();
    for id in &receipt_ids {
        let (receipt, _) = led.inbox.receipt(*id).await.unwrap().unwrap();
        read.push(receipt);
    }

    let traces: Vec<_> = read.iter().map(|receipt| receipt.trace.clone()).collect();
    assert_eq!(traces, expected);
    let mut listed = led.inbox.all().await;
    listed.reverse();
    assert_eq!(listed, read);
    assert_eq!(led.inbox.job(ids.event_id).await.unwrap(), read[..1]);
    let exported = led.inbox.export(0, 10).await.unwrap();
    let exported: Vec<_> = exported.into_iter().map(|(receipt, _)| receipt).collect();
    assert_eq!(exported, read);
    assert_eq!(led.outbox().receipts_after(0, 10).await.unwrap(), read);
    let undelivered = led.outbox().undelivered(destination.id, 0, 10).await.unwrap();
    assert_eq!(
        (undelivered.receipts, undelivered.bodies.len()),
        (read.clone(), 3)
    );
    let loaded = led.outbox().load(vec![read[0].sequence]).await.unwrap();
    assert_eq!(loaded[0].0, read[0]);
}

pub async fn a_receipt_has_the_trace_of_the_first_and_not_of_a_repeat(place: &impl Place) {
    let inbox = place.open(settings()).await;
    let (traced_ids, plain_ids) = (Ids::fresh(), Ids::fresh());
    inbox
        .accept(vec![traced(&traced_ids, ALONE), crawled(&plain_ids)])
        .await;

    inbox
        .store(vec![crawled(&traced_ids), traced(&plain_ids, WITH_STATE)])
        .await;
    let inbox = reopen(place, inbox).await;

    let traces: Vec<_> = inbox
        .all()
        .await
        .into_iter()
        .map(|receipt| receipt.trace)
        .collect();
    assert_eq!(traces, [None, trace(ALONE)]);
}
