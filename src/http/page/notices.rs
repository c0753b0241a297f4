//! What a form came to, said on the page that it leads to. The text stays here and the address has its id alone, so nobody
//! can make the page say something by a link.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

/// How many are kept, the latest ones.
const MAX_COUNT: usize = 256;

/// For how long one is said: whoever loads the page again later, or comes by a link, is told of nothing that they did.
const SAID_FOR: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Notices(Mutex<VecDeque<(Uuid, Instant, String)>>);

impl Notices {
    /// Keeps a text; gives the id by which it is found.
    pub fn keep(&self, text: String) -> Uuid {
        let id = Uuid::new_v4();
        let mut kept = self.0.lock();
        kept.truncate(MAX_COUNT - 1);
        kept.push_front((id, Instant::now(), text));
        id
    }

    /// The text of that id, if it is one, still kept and not older than a minute.
    pub fn find(&self, id: &str) -> Option<String> {
        let id = Uuid::try_parse(id).ok()?;
        let kept = self.0.lock();
        let found = kept.iter().find(|(kept, ..)| *kept == id);
        let found = found.filter(|(_, at, _)| at.elapsed() < SAID_FOR);
        found.map(|(.., text)| text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_found_by_its_id_until_many_others_came() {
        let notices = Notices::default();
        let id = notices.keep("done".to_owned()).to_string();

        assert_eq!(notices.find(&id).as_deref(), Some("done"));
        assert_eq!(notices.find("done"), None);
        for _ in 0..MAX_COUNT {
            notices.keep(String::new());
        }
        assert_eq!(notices.find(&id), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_notice_is_said_for_a_minute() {
        let notices = Notices::default();
        let id = notices.keep("done".to_owned()).to_string();

        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(notices.find(&id).as_deref(), Some("done"));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(notices.find(&id), None);
    }
}
