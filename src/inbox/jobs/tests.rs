use uuid::Uuid;

use super::*;
use crate::event::{Name, Wire};
use crate::inbox::{Origin, ReceiptId};

#[test]
fn a_job_is_what_its_last_ending_says_wherever_initial_came() {
    let cases: [(&[&str], JobState); 11] = [
        (&["initial"], JobState::Running),
        (&["initial", "completed"], JobState::Completed),
        (&["initial", "failed"], JobState::Failed),
        (&["completed"], JobState::Completed),
        (&["completed", "initial"], JobState::Completed),
        (&["failed", "initial"], JobState::Failed),
        (&["initial", "failed", "completed"], JobState::Completed),
        (&["initial", "completed", "failed"], JobState::Failed),
        (&["initial", "progressing"], JobState::Running),
        (&["completed", "archived"], JobState::Completed),
        (&["progressing", "paused"], JobState::Unknown),
    ];
    for (statuses, state) in cases {
        let receipts: Vec<_> = (1..)
            .zip(statuses)
            .map(|(sequence, status)| receipt_of(sequence, status))
            .collect();

        let long_ago = Timestamp::from_micros(0);
        assert_eq!(JobState::of(&receipts, long_ago), state, "{statuses:?}");
        let is_open = state == JobState::Running;
        let stalled = if is_open { JobState::Stalled } else { state };
        assert_eq!(
            JobState::of(&receipts, Timestamp::from_micros(1)),
            stalled,
            "{statuses:?}"
        );
    }
}

fn receipt_of(sequence: u64, status: &'static str) -> Receipt {
    Receipt {
        id: ReceiptId::new(Uuid::from_u128(sequence.into())),
        sequence,
        received_at: Timestamp::from_micros(0),
        event: Name {
            event: "crawling".into(),
            status: status.into(),
        },
        event_id: Some(EventId::new(Uuid::nil())),
        chatbot_id: None,
        wire: Wire::V2024_07,
        origin: Origin::Webhook,
        body_bytes: 0,
        trace: None,
        damage: None,
    }
}
