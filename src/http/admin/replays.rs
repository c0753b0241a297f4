//! `/api/v1/replays`

use std::borrow::Cow;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use utoipa::PartialSchema;
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

use super::super::problem::{Kind, Problem};
use super::super::receive::check_content_type;
use super::super::routes::{About, Routes};
use super::told::{Followed, Given, NOT_YET, NoQuery, NotYet, follow, not_yet};
use super::{Answer, Api, Asked, Named, id_of, page};
use crate::accents::cut;
use crate::clock::{A_TIME, Timestamp};
use crate::delivery::instruction::Shown;
use crate::delivery::view;
use crate::event::{EVENT_FILTER, Fault, event_filter};
use crate::inbox::ReceiptId;
use crate::inbox::instruction::{Instruction, MAX_RECEIPT_IDS, REPLAY_RATES, Replay};
use crate::json;

pub fn routes() -> Routes<Api> {
    let begun = || {
        About::guarded("Sends receipts once more, in the background")
            .query::<NoQuery>()
            .request(replay_schema())
            .answers_with::<ReplayBegun>(StatusCode::ACCEPTED, "It will be gone through.")
            .refuses(&[Kind::InvalidReplay, Kind::InstructionFailed])
    };
    let list = || {
        About::guarded("Lists the latest replays, newest first")
            .query::<ReplaysQuery>()
            .answers::<Replays>("Those that do not only count.")
    };
    let one = || About::guarded("Shows a replay and how far it is").answers::<WholeReplay>("The replay.");
    let ended = || {
        About::guarded("Goes no further with a replay; what it has made pending is sent")
            .query::<NoQuery>()
            .answers::<ReplayTold>("It is ended.")
            .answers_with::<NotYet>(StatusCode::ACCEPTED, NOT_YET)
            .refuses(&[Kind::InstructionFailed])
    };
    Routes::new()
        .get("/api/v1/replays", replays, list)
        .post("/api/v1/replays", begin, begun)
        .get("/api/v1/replays/{id}", replay, one)
        .post("/api/v1/replays/{id}/end", end, ended)
}

/// What is taken of a replay, with what its members may be.
fn replay_schema() -> RefOr<Schema> {
    let mut schema = Replay::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        // Answers have them always.
        object.required.clear();
        object.properties.values_mut().for_each(never_null);
        if let Some(RefOr::T(Schema::Array(ids))) = object.properties.get_mut("receipt_ids") {
            (ids.min_items, ids.max_items) = (Some(1), Some(MAX_RECEIPT_IDS));
        }
        if let Some(RefOr::T(Schema::Object(rate))) = object.properties.get_mut("max_per_second") {
            rate.minimum = Some((*REPLAY_RATES.start()).into());
            rate.maximum = Some((*REPLAY_RATES.end()).into());
        }
    }
    schema
}

/// Takes `null` from what may be.
fn never_null(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            if let SchemaType::Array(kinds) = &object.schema_type
                && let Some(kind) = kinds.iter().find(|kind| **kind != Type::Null)
            {
                object.schema_type = SchemaType::Type(kind.clone());
            }
        }
        RefOr::T(Schema::OneOf(choice)) => {
            let named = choice.items.drain(..).find(|item| matches!(item, RefOr::Ref(_)));
            *schema = named.expect("what may be null is something else too");
        }
        _ => {}
    }
}

/// The longest body: that many ids, written as wide as anybody does.
const MAX_BODY_BYTES: usize = 128 << 10;

/// How long a body may take to arrive.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How many faults of one body are reported.
const MAX_FAULTS: usize = 20;

/// How much of an unexpected value a fault quotes, in characters.
const MAX_QUOTE_CHARS: usize = 60;

/// A replay that has been asked for.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ReplayBegun {
    replay: Given,
}

pub async fn begin(
    State(api): State<Api>,
    // `dry_run` in the wrong place must not send everything.
    _: Asked<NoQuery>,
    request: Request,
) -> Result<Response, Problem> {
    check_content_type(request.headers())?;
    let reading = timeout(BODY_TIMEOUT, to_bytes(request.into_body(), MAX_BODY_BYTES));
    let body = reading
        .await
        .map_err(|_| Problem::body_timeout(BODY_TIMEOUT))?
        .map_err(|error| Problem::unread_body(&error, MAX_BODY_BYTES))?;
    let replay = read(&body)?;
    let destination = replay.destination.clone();
    let id = api
        .deliveries
        .instruct(&Instruction::Replay(replay))
        .await
        .map_err(|error| match error {
            view::Error::NoDestination(..) => Problem::invalid_replay(
                error.to_string(),
                vec![fault(
                    "/destination",
                    "a destination that is configured",
                    &json!(destination),
                )],
            ),
            other => other.into(),
        })?;
    let replay = Given::of(id, api.deliveries.instruction(id).await?);
    Ok((StatusCode::ACCEPTED, Answer(ReplayBegun { replay })).into_response())
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ReplaysQuery {
    /// How many: 50 unless asked otherwise.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500)]
    limit: Option<String>,
}

/// The latest replays but those that only counted, newest first, with the number of the receipts that each names in place of
/// their ids.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Replays {
    replays: Vec<Shown>,
}

pub async fn replays(
    State(api): State<Api>,
    Asked(query): Asked<ReplaysQuery>,
) -> Result<Answer<Replays>, Problem> {
    let page = page(None, query.limit)?;
    let replays = api.deliveries.replays(page.limit).await?;
    Ok(Answer(Replays { replays }))
}

/// A replay, and how far it is.
#[derive(Serialize, utoipa::ToSchema)]
pub struct WholeReplay {
    replay: Shown,
}

pub async fn replay(State(api): State<Api>, id: Named) -> Result<Answer<WholeReplay>, Problem> {
    let replay = found(&api, id).await?;
    Ok(Answer(WholeReplay { replay }))
}

pub async fn found(api: &Api, id: Named) -> Result<Shown, Problem> {
    let id = id_of(id, "replay")?;
    let found = api.deliveries.instruction(id).await?;
    let found = found.filter(Shown::is_replay);
    found.ok_or_else(|| Problem::nothing_named("replay", id))
}

/// An instruction to end a replay that is done, and the replay since.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ReplayTold {
    instruction: Shown,
    replay: Shown,
}

pub async fn end(State(api): State<Api>, id: Named, _: Asked<NoQuery>) -> Result<Response, Problem> {
    let replay = found(&api, id).await?;
    let id = replay.id;
    Ok(match follow(&api, Instruction::EndReplay { id }).await? {
        Followed::NotYet(instruction) => not_yet(instruction),
        Followed::Done(instruction) => {
            let ended = api.deliveries.instruction(id).await?;
            let replay = ended.unwrap_or(replay);
            Answer(ReplayTold {
                instruction: *instruction,
                replay,
            })
            .into_response()
        }
    })
}

/// Reads a replay, or says all that is wrong with it.
pub fn read(body: &[u8]) -> Result<Replay, Problem> {
    if body.trim_ascii().is_empty() {
        return Err(Problem::not_json("it is empty"));
    }
    let text = std::str::from_utf8(body).map_err(Problem::not_json)?;
    let members = match serde_json::from_str(text).map_err(Problem::not_json)? {
        // Of a `dry_run` that stands there twice the wrong one might count.
        object @ Value::Object(_) if json::repeats_a_member(text) => {
            return Err(invalid(vec![fault("", "each member once", &object)]));
        }
        Value::Object(members) => members,
        other => return Err(invalid(vec![fault("", "an object", &other)])),
    };
    let mut members = Members {
        members,
        faults: Vec::new(),
    };
    let replay = Replay {
        receipt_ids: members.receipt_ids(),
        destination: members.value("destination", "a text"),
        event: members.member("event", EVENT_FILTER, |value| {
            value.as_str().and_then(event_filter)
        }),
        event_id: members.value("event_id", "a uuid"),
        chatbot_id: members.value("chatbot_id", "a uuid"),
        since: members.value("since", A_TIME),
        until: members.value("until", A_TIME),
        dead: members.value("dead", "true or false").unwrap_or_default(),
        dry_run: members.value("dry_run", "true or false").unwrap_or_default(),
        max_per_second: members.member(
            "max_per_second",
            format!("a number from {} to {}", REPLAY_RATES.start(), REPLAY_RATES.end()),
            |value| value.as_f64().filter(|rate| REPLAY_RATES.contains(rate)),
        ),
    };
    members.refuse_empty_time(replay.since, replay.until);
    members.refuse_unknown();
    match members.faults {
        faults if faults.is_empty() => Ok(replay),
        faults => Err(invalid(faults)),
    }
}

fn invalid(mut faults: Vec<Fault>) -> Problem {
    let detail = match &faults[..] {
        [only] => format!("the body is JSON but not a replay: {only}"),
        [first, rest @ ..] => format!(
            "the body is JSON but not a replay: {first} (and {} more)",
            rest.len()
        ),
        [] => unreachable!("there is a fault"),
    };
    faults.truncate(MAX_FAULTS);
    Problem::invalid_replay(detail, faults)
}

/// The members of a body that are not read yet, and what is wrong with the others.
struct Members {
    members: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Members {
    /// A member, if it is there and right. `null` is not: of whoever fills in a variable that is empty, it would have everything
    /// sent in place of a part.
    fn member<T>(
        &mut self,
        name: &str,
        expected: impl Into<Cow<'static, str>>,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.members.remove(name)?;
        let read = read(&value);
        if read.is_none() {
            self.faults.push(fault(&format!("/{name}"), expected, &value));
        }
        read
    }

    /// As [`Members::member`], of what its type alone tells.
    fn value<T: DeserializeOwned>(&mut self, name: &str, expected: &'static str) -> Option<T> {
        self.member(name, expected, |value| T::deserialize(value).ok())
    }

    fn receipt_ids(&mut self) -> Vec<ReceiptId> {
        let allowed = format!("an array of 1 to {MAX_RECEIPT_IDS} ids");
        let is_allowed = |ids: &&Vec<Value>| (1..=MAX_RECEIPT_IDS).contains(&ids.len());
        let ids = self.member("receipt_ids", allowed, |value| {
            value.as_array().filter(is_allowed).cloned()
        });
        let mut read = Vec::new();
        for (index, id) in ids.unwrap_or_default().iter().enumerate() {
            match ReceiptId::deserialize(id) {
                Ok(id) => read.push(id),
                Err(_) => self
                    .faults
                    .push(fault(&format!("/receipt_ids/{index}"), "a uuid", id)),
            }
        }
        read
    }

    fn refuse_empty_time(&mut self, since: Option<Timestamp>, until: Option<Timestamp>) {
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            let expected = format!("a time after since, {since}");
            self.faults.push(fault("/until", expected, &json!(until)));
        }
    }

    fn refuse_unknown(&mut self) {
        let expected = "no member but receipt_ids, destination, event, event_id, chatbot_id, since, until, dead, dry_run \
                        and max_per_second";
        let unknown = self.members.keys().map(|name| fault("", expected, &json!(name)));
        self.faults.extend(unknown);
    }
}

/// A fault, with the start of what was found.
fn fault(pointer: &str, expected: impl Into<Cow<'static, str>>, found: &Value) -> Fault {
    let found = match found {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(items) => format!("an array of {}", items.len()),
        scalar => cut(&scalar.to_string(), MAX_QUOTE_CHARS),
    };
    Fault {
        pointer: pointer.to_owned(),
        expected: expected.into(),
        found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0192f0c1-2b3c-7d4e-8f50-61728394a5b6";

    fn detail(body: &Value) -> String {
        read(body.to_string().as_bytes())
            .expect_err("it is refused")
            .detail()
            .to_owned()
    }

    #[test]
    fn every_member_is_read() {
        let body = json!({
            "receipt_ids": [ID],
            "destination": "app",
            "event": "crawling",
            "event_id": ID,
            "chatbot_id": ID,
            "since": "2024-07-30T09:15:00Z",
            "until": "2024-07-30T11:15:00.000001+02:00",
            "dead": true,
            "dry_run": true,
            "max_per_second": 2.5,
        });

        let replay = read(body.to_string().as_bytes()).unwrap();

        let expected = Replay {
            receipt_ids: vec![ID.parse().unwrap()],
            destination: Some("app".to_owned()),
            event: Some("crawling".to_owned()),
            event_id: Some(ID.parse().unwrap()),
            chatbot_id: Some(ID.parse().unwrap()),
            since: Some("2024-07-30T09:15:00Z".parse().unwrap()),
            until: Some("2024-07-30T09:15:00.000001Z".parse().unwrap()),
            dead: true,
            dry_run: true,
            max_per_second: Some(2.5),
        };
        assert_eq!(replay, expected);
        assert_eq!(read(b"{}").unwrap(), Replay::default());
    }

    #[test]
    fn each_fault_is_said_with_its_place_and_what_is_allowed() {
        let too_many = vec![ID; 1001];
        let cases = [
            (json!([]), "the body: expected an object, found an array of 0"),
            (
                json!({"receipt_ids": []}),
                "/receipt_ids: expected an array of 1 to 1000 ids, found an array of 0",
            ),
            (
                json!({"receipt_ids": too_many}),
                "/receipt_ids: expected an array of 1 to 1000 ids, found an array of 1001",
            ),
            (
                json!({"receipt_ids": [ID, 7]}),
                "/receipt_ids/1: expected a uuid, found 7",
            ),
            (
                json!({"destination": 7}),
                "/destination: expected a text, found 7",
            ),
            (
                json!({"event": "cr*"}),
                "/event: expected an event or an event name, such as crawling, crawling.* or crawling.completed, found \
                 \"cr*\"",
            ),
            (
                json!({"event": ""}),
                "/event: expected an event or an event name, such as crawling, crawling.* or crawling.completed, found \"\"",
            ),
            (
                json!({"event_id": "x"}),
                "/event_id: expected a uuid, found \"x\"",
            ),
            (
                json!({"chatbot_id": "x"}),
                "/chatbot_id: expected a uuid, found \"x\"",
            ),
            (
                json!({"since": "yesterday"}),
                "/since: expected a time such as 2024-07-30T09:15:00Z, found \"yesterday\"",
            ),
            (
                json!({"until": 5}),
                "/until: expected a time such as 2024-07-30T09:15:00Z, found 5",
            ),
            (
                json!({"since": "2024-07-30T09:15:00Z", "until": "2024-07-30T09:15:00Z"}),
                "/until: expected a time after since, 2024-07-30T09:15:00.000000Z, found \"2024-07-30T09:15:00.000000Z\"",
            ),
            (json!({"dead": 1}), "/dead: expected true or false, found 1"),
            (
                json!({"max_per_second": 0}),
                "/max_per_second: expected a number from 0.001 to 10000, found 0",
            ),
            (
                json!({"max_per_second": 10_001}),
                "/max_per_second: expected a number from 0.001 to 10000, found 10001",
            ),
            (
                json!({"colour": "red"}),
                "the body: expected no member but receipt_ids, destination, event, event_id, chatbot_id, since, until, \
                 dead, dry_run and max_per_second, found \"colour\"",
            ),
            (
                json!({"dead": 1, "dry_run": 2}),
                "/dead: expected true or false, found 1 (and 1 more)",
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(
                detail(&body),
                format!("the body is JSON but not a replay: {expected}")
            );
        }
    }

    #[test]
    fn a_member_that_is_null_is_no_member_that_is_left_out() {
        let whole = serde_json::to_value(Replay {
            receipt_ids: vec![ID.parse().unwrap()],
            destination: Some("app".to_owned()),
            event: Some("crawling".to_owned()),
            event_id: Some(ID.parse().unwrap()),
            chatbot_id: Some(ID.parse().unwrap()),
            since: Some(Timestamp::MIN),
            until: Some(Timestamp::MAX),
            dead: true,
            dry_run: true,
            max_per_second: Some(1.0),
        });
        let document: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
        let schema = document.pointer(
            "/paths/~1api~1v1~1replays/post/requestBody/content/application~1json/schema/properties",
        );
        for (name, value) in whole.unwrap().as_object_mut().unwrap() {
            *value = Value::Null;
            let expected = format!("the body is JSON but not a replay: /{name}: expected ");
            let said = detail(&json!({ name: value }));
            assert!(
                said.starts_with(&expected) && said.ends_with(", found null"),
                "{said}"
            );
            let allowed = schema.unwrap()[name].to_string();
            assert!(
                allowed.contains("description") && !allowed.contains("null"),
                "{name}: {allowed}"
            );
        }
    }

    #[test]
    fn a_member_that_stands_there_twice_is_refused() {
        let problem = read(br#"{"dry_run":true,"destination":"app","dry_run":false}"#).unwrap_err();

        let expected =
            "the body is JSON but not a replay: the body: expected each member once, found an object";
        assert_eq!(problem.detail(), expected);
    }

    #[test]
    fn faults_are_quoted_and_listed_in_part() {
        let body = json!({"event_id": "x".repeat(100), "receipt_ids": vec![7; 100]});

        let problem = read(body.to_string().as_bytes()).unwrap_err();

        let found = fault("", "", &json!("x".repeat(100))).found;
        assert_eq!(found, format!("\"{}…", "x".repeat(59)));
        assert!(
            problem.detail().ends_with(", found 7 (and 100 more)"),
            "{}",
            problem.detail()
        );
    }
}
