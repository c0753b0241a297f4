//! An event or status that nobody has documented: kept, whatever it says.

use serde_json::value::RawValue;
use uuid::Uuid;

use super::Twice;
use super::fault::Faults;
use super::members::{parse_uuid, shown};
use crate::accents::cut;
use crate::event::{ChatbotId, Event, EventId, IdTexts, Json, Name, Notification};
use crate::json::{Member, Members};

/// How much is kept of what stands in the place of an id and is none, in characters: as much as a log line shows.
const MAX_ID_TEXT_CHARS: usize = 200;

/// Keeps an event of which only the names are known. Whatever else it says is no fault.
pub fn unrecognized(
    name: Name,
    top: [Member<'_>; 6],
    data: Option<&RawValue>,
    faults: &mut Faults,
) -> Notification {
    let [_, _, event_id, chatbot_id, _, _] = top;
    let members = data.and_then(|data| Members(["chatbot_id"]).find(data.get()).ok());
    let [data_chatbot_id] = members.unwrap_or_default();
    let chatbot = Twice {
        top: stated(chatbot_id, faults),
        data: stated(data_chatbot_id, faults),
    };
    let wire = chatbot.wire();
    let chatbot_id = match chatbot {
        // Two chatbots are none; the one of today's place is shown.
        Twice {
            top: Some(top),
            data: Some(data),
        } if top != data => {
            faults.has_tolerated = true;
            Some(Err(data.map_or_else(|text| text, |uuid| uuid.to_string())))
        }
        Twice { top, data } => data.or(top),
    };
    let (event_id, event_id_text) = split(stated(event_id, faults));
    let (chatbot_id, chatbot_id_text) = split(chatbot_id);
    Notification {
        wire,
        event_id: event_id.map(EventId::new),
        chatbot_id: chatbot_id.map(ChatbotId::new),
        event: Event::Unrecognized {
            name,
            data: data.map(|data| Json(data.to_owned())),
            id_texts: IdTexts {
                event_id: event_id_text,
                chatbot_id: chatbot_id_text,
            },
        },
    }
}

/// What stands in the place of an id where nobody knows whether one must: an id, or something else, as it is shown.
fn stated(member: Member<'_>, faults: &mut Faults) -> Option<Result<Uuid, String>> {
    match member.value.and_then(parse_uuid) {
        Some(uuid) if !member.is_repeated => Some(Ok(uuid)),
        Some(_) | None => {
            let text = shown(member, faults)?;
            faults.has_tolerated = true;
            Some(Err(cut(&text, MAX_ID_TEXT_CHARS)))
        }
    }
}

fn split(stated: Option<Result<Uuid, String>>) -> (Option<Uuid>, Option<String>) {
    match stated {
        None => (None, None),
        Some(Ok(uuid)) => (Some(uuid), None),
        Some(Err(text)) => (None, Some(text)),
    }
}
