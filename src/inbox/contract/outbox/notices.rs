//! Promise: what a leader keeps of notices is there for whoever leads next, as it was kept last.

use super::*;

pub async fn what_is_kept_of_notices_is_what_was_kept_last(place: &impl Place) {
    let led = Led::open(place).await;
    assert_eq!(led.outbox().notices().await.expect("the store answers"), None);

    for book in [r#"{"a": 1}"#, r#"{"b": "„viele“ ☂"}"#] {
        let leader = led.leader().await;
        let kept = led.outbox().keep_notices(leader, book.to_owned()).await;
        kept.expect("the store takes what the leader says");
        let read = led.outbox().notices().await.expect("the store answers");
        assert_eq!(read.as_deref(), Some(book));
    }

    let led = led.reopen(place).await;
    let read = led.outbox().notices().await.expect("the store answers");
    assert_eq!(read.as_deref(), Some(r#"{"b": "„viele“ ☂"}"#));
}
