//! What a form came to, said on the page that it leads to. The text stays here and the address has its id alone, so nobody
//! can make the page say something by a link.

use std::collections::VecDeque;

use parking_lot::Mutex;
use uuid::Uuid;

/// How many are kept, the latest ones.
const MAX_COUNT: usize = 256;

#[derive(Default)]
pub struct Notices(Mutex<VecDeque<(Uuid, String)>>);

impl Notices {
    /// Keeps a text; gives the id by which it is found.
    pub fn keep(&self, text: String) -> Uuid {
        let id = Uuid::new_v4();
        let mut kept = self.0.lock();
        kept.truncate(MAX_COUNT - 1);
        kept.push_front((id, text));
        id
    }

    /// The text of that id, if it is one and still kept.
    pub fn find(&self, id: &str) -> Option<String> {
        let id = Uuid::try_parse(id).ok()?;
        let kept = self.0.lock();
        kept.iter()
            .find(|(kept, _)| *kept == id)
            .map(|(_, text)| text.clone())
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
}
