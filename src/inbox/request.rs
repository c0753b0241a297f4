//! What names a request.

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::event::id;

id!(
    /// Names one HTTP request, in answers, logs and the quarantine: a UUIDv7 that says when it came, to the microsecond. By that
    /// its receipt is found, which has the same time, and need not keep the id.
    RequestId
);

/// How many steps a millisecond has in an id: as many as the 12 bits behind it tell apart (RFC 9562, section 6.2, method 3).
const STEPS: i64 = 1 << 12;

impl RequestId {
    /// A new one, of a request that came at that time; what came before 1970 says 1970.
    pub fn at(time: Timestamp) -> Self {
        const VERSION: u128 = 7 << 76;
        let micros = time.as_micros().max(0);
        let millis = (micros / 1000) as u128;
        let steps = (micros % 1000 * STEPS / 1000) as u128;
        // With the variant, which all versions have.
        let random = u128::from(Uuid::new_v4().as_u128() as u64);
        Self::new(Uuid::from_u128(millis << 80 | VERSION | steps << 64 | random))
    }

    /// When the request came; `None` if no request has such an id.
    pub fn came_at(self) -> Option<Timestamp> {
        if self.uuid().get_version_num() != 7 {
            return None;
        }
        let id = self.uuid().as_u128();
        let (millis, steps) = ((id >> 80) as i64, i64::from((id >> 64) as u16) % STEPS);
        // The only microsecond whose step this is.
        let micros = (steps * 1000 + STEPS - 1) / STEPS;
        Some(Timestamp::from_micros(millis * 1000 + micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_when_its_request_came_to_the_microsecond() {
        let second = Timestamp::now().as_micros() / 1_000_000 * 1_000_000;
        for micros in (second..second + 2_000).chain([0, Timestamp::MAX.as_micros()]) {
            let time = Timestamp::from_micros(micros);
            let id = RequestId::at(time);
            assert_eq!(id.came_at(), Some(time), "{id}");
        }
    }

    #[test]
    fn ids_of_one_moment_differ_and_those_of_later_ones_are_greater() {
        let moment = Timestamp::now();
        let (first, second) = (RequestId::at(moment), RequestId::at(moment));
        assert_ne!(first, second);
        let later = RequestId::at(Timestamp::from_micros(moment.as_micros() + 1));
        assert!(later > first.max(second), "{later}");
        let variant = first.uuid().get_variant();
        assert_eq!(variant, uuid::Variant::RFC4122, "{first}");
    }

    #[test]
    fn other_ids_say_nothing_of_a_time() {
        for other in [Uuid::nil(), Uuid::new_v4(), Uuid::max()] {
            assert_eq!(RequestId::new(other).came_at(), None, "{other}");
        }
        let before_1970 = RequestId::at(Timestamp::MIN);
        assert_eq!(before_1970.came_at(), Some(Timestamp::from_micros(0)));
    }
}
