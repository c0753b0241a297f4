//! What CaiGunn posts, documents and might post one day.

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use serde_json::json;
use uuid::Uuid;

use crate::harness::{EVENT_NAMES, json, sample_with};

/// Values for `data` of an event that is not documented, which a CloudEvent has as they are.
fn plain() -> Vec<String> {
    [
        r#"{"chatbot_id":"3fa85f64-5717-4562-b3fc-2c963f66afa6","pages":[{"url":"https://例え.jp/ä?a=b&c","done":true}]}"#,
        "{}", "[]", "\"\"", "0", "false", "{\"a\":null}", "[[],{},\"\",0,false,null]",
        "9007199254740991", "[-9007199254740991,0.30000000000000004,-1.5e-7,1e22,1.7976931348623157e308,5e-324,0.0,-0.0]",
        r#"{"\ud800":["\udfff","\ud83d\ude00","a\u0000b\\ud800"]}"#,
        r#"{"__proto__":{"a":1},"constructor":7,"data_base64":"AAAA","specversion":"0.3","toString":null}"#,
        r#"{"a" : 1,	"b" : 2, "": "é\u00e9é" }"#,
        "[\"\u{2028}\u{2029}\u{7f}\u{feff}\u{10ffff}\"]",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([nested(98), nested(100), objects(100), format!("[\"{}\"]", "é".repeat(500_000))])
    .collect()
}

/// Values that some readers would refuse, or take for something else.
fn hard() -> Vec<String> {
    [
        "9007199254740993",
        "{\"id\":18446744073709551615}",
        "[-9223372036854775808]",
        "1e400",
        "-1E+400",
        "1e-400",
        "999999999999999.99",
        "3.141592653589793238462643383279",
        "[1,[\"\\ud800\",123456789012345678901234567890]]",
        r#"{"a" : 1,	"a" : 2}"#,
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([
        "7".repeat(5_000),
        nested(101),
        objects(101),
        nested(2_000),
        nested(200_000),
    ])
    .collect()
}

fn nested(depth: usize) -> String {
    "[".repeat(depth) + &*"]".repeat(depth)
}

fn objects(depth: usize) -> String {
    r#"{"a":"#.repeat(depth) + "1" + &*"}".repeat(depth)
}

/// A body, and where its CloudEvent has what is not documented.
pub struct Body {
    pub text: String,
    /// `raw` or `raw_text`; `None` of an event that is documented, or without data.
    pub member: Option<&'static str>,
}

impl Body {
    fn documented(text: String) -> Self {
        Self { text, member: None }
    }

    fn undocumented(name: (&str, &str), data: &str, member: Option<&'static str>) -> Self {
        let head = json!({"event": name.0, "status": name.1, "event_id": Uuid::now_v7()}).to_string();
        let head = head.strip_suffix('}').expect("it is an object");
        Self {
            text: format!("{head},\"data\":{data}}}"),
            member,
        }
    }
}

/// All of them, each of a job of its own.
pub fn all() -> Vec<Body> {
    let mut all = Vec::new();
    for wire in [Wire::V2024_01, Wire::V2024_07] {
        for name in EVENT_NAMES {
            let sample = json(&sample_with(name, &Ids::fresh(), wire));
            all.push(Body::documented(sample.to_string()));
        }
    }
    let id = Uuid::now_v7();
    all.push(Body::documented(format!(
        "\u{feff}{{\"event\":\"crawling\",\"status\":\"failed\",\"event_id\":\"{id}\",\"data\":{{\"chatbot_id\":\"{id}\",\
         \"detail\":{{\"loc\":[\"\\ud800\",1e400]}}}}}}"
    )));
    let id = Uuid::now_v7();
    all.push(Body::documented(format!(
        "{{\"event\":\"uploading\",\"status\":\"completed\",\"event_id\":\"{id}\",\"data\":{{\"chatbot_id\":\"{id}\",\
         \"x\":{},\"training_data_ids\":[{{\"id\":\"{id}\",\"filename\":\"写真 \\ud83d.jpg\"}},{{\"id\":\"{id}\",\"status\":7}}]}}}}",
        nested(5_000)
    )));
    for name in [
        ("crawling", "paused"),
        ("größe", "geändert 100%"),
        ("a.b/c?d#e", "\"f\\g'"),
        ("\u{1f578}", "网页"),
        (" ", " x "),
    ] {
        all.push(Body::undocumented(name, r#"{"n":1}"#, Some("raw")));
        all.push(Body::undocumented(name, "null", None));
    }
    let undocumented =
        |member| move |data: String| Body::undocumented(("billing", "due"), &data, Some(member));
    all.extend(plain().into_iter().map(undocumented("raw")));
    all.extend(hard().into_iter().map(undocumented("raw_text")));
    all
}
