//! Where a notification stands in a trace of its sender's: the headers `traceparent` and `tracestate` of W3C Trace Context
//! (<https://www.w3.org/TR/trace-context/>), which are kept with the receipt and handed on.
//!
//! This program makes no spans, so what it hands on names the sender's span as the parent, as who takes no part in a trace does.
//! What is no valid header is passed over: nothing is refused for it.

use std::fmt;
use std::str::FromStr;

use axum::http::HeaderMap;
use serde::{Deserialize, Deserializer, Serialize, de};

/// The header that names trace and span.
pub const PARENT: &str = "traceparent";

/// The header with what tracing systems say besides.
pub const STATE: &str = "tracestate";

/// How long the header of version 00 is: that, a trace of 32 digits, a span of 16 and flags of 2, with hyphens between them.
const PARENT_BYTES: usize = 55;

/// The longest `tracestate` that is kept, in bytes: so much is to be handed on at least, says section 3.3.1.5.
const MAX_STATE_BYTES: usize = 512;

/// The most members of a `tracestate` (section 3.3.1.1).
const MAX_MEMBERS: usize = 32;

/// The longest key and the longest value in it.
const MAX_MEMBER_BYTES: usize = 256;

/// A place in a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Trace {
    /// The header `traceparent`, in version 00.
    traceparent: Box<str>,
    /// The header `tracestate`, if there was a valid one of at most 512 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<Box<str>>,
}

impl Trace {
    /// What a request says; `None` if it says nothing, or nothing valid.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(PARENT).iter();
        let first = parents.next()?;
        let found = match (first.to_str(), parents.next()) {
            (Ok(parent), None) => read_parent(parent),
            // Of two, neither is to be believed.
            (Err(_), _) | (_, Some(_)) => None,
        };
        let Some(traceparent) = found else {
            tracing::debug!("a traceparent that is none is passed over");
            return None;
        };
        let states = headers.get_all(STATE).iter().map(|state| state.to_str());
        let states = states.collect::<Result<Vec<_>, _>>();
        let tracestate = states.ok().and_then(|states| read_state(&states.join(",")));
        if tracestate.is_none() && headers.contains_key(STATE) {
            tracing::debug!("a tracestate that is none, is empty or is too long is passed over");
        }
        Some(Self {
            traceparent,
            tracestate,
        })
    }

    /// The header `traceparent`.
    pub fn parent(&self) -> &str {
        &self.traceparent
    }

    /// The header `tracestate`.
    pub fn state(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }

    /// By which tracing systems find the trace: 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.traceparent[3..35]
    }

    /// Both headers by their names.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let state = self.state().map(|state| (STATE, state));
        std::iter::once((PARENT, self.parent())).chain(state)
    }
}

/// As stores keep it: `traceparent`, and behind a blank `tracestate`.
impl fmt::Display for Trace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.traceparent)?;
        match &self.tracestate {
            Some(state) => write!(formatter, " {state}"),
            None => Ok(()),
        }
    }
}

/// Reads what stores keep.
impl FromStr for Trace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (parent, state) = text
            .split_once(' ')
            .map_or((text, None), |(parent, state)| (parent, Some(state)));
        let traceparent = read_parent(parent).ok_or_else(|| format!("{parent:?} is no traceparent"))?;
        Ok(Self {
            traceparent,
            tracestate: state.and_then(read_state),
        })
    }
}

/// Reads what another receiver shows, by the same rules.
impl<'de> Deserialize<'de> for Trace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Shown {
            traceparent: String,
            #[serde(default)]
            tracestate: String,
        }
        let Shown {
            traceparent,
            tracestate,
        } = Shown::deserialize(deserializer)?;
        let trace = format!("{traceparent} {tracestate}").parse();
        trace.map_err(de::Error::custom)
    }
}

/// A `traceparent` (section 3.2), in version 00 whatever version it came in: later ones begin as that does, and of their flags
/// only those are known that it has.
fn read_parent(text: &str) -> Option<Box<str>> {
    let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_something = |part: &str| is_hex(part) && part.bytes().any(|byte| byte != b'0');
    let text = text.trim_matches([' ', '\t']);
    let (known, rest) = text.split_at_checked(PARENT_BYTES)?;
    let mut parts = known.split('-');
    let [version, trace, span, flags] = [(); 4].map(|()| parts.next().unwrap_or_default());
    let lengths = [version, trace, span, flags].map(str::len);
    let is_shaped = lengths == [2, 32, 16, 2] && is_hex(version) && is_hex(flags);
    if !is_shaped || !is_something(trace) || !is_something(span) {
        return None;
    }
    match (version, rest) {
        ("00", "") => Some(known.into()),
        ("00" | "ff", _) => None,
        (_, rest) if rest.is_empty() || rest.starts_with('-') => {
            let known_flags = u8::from_str_radix(flags, 16).ok()? & 0b11;
            Some(format!("00-{trace}-{span}-{known_flags:02x}").into())
        }
        _ => None,
    }
}

/// A `tracestate` (section 3.3), without blanks around its members and without empty ones; `None` if nothing is left.
fn read_state(text: &str) -> Option<Box<str>> {
    let members = text.split(',').map(|member| member.trim_matches([' ', '\t']));
    let members: Vec<_> = members.filter(|member| !member.is_empty()).collect();
    let keys = members.iter().map(|member| read_key(member));
    let mut keys = keys.collect::<Option<Vec<_>>>()?;
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    let state = members.join(",");
    let is_valid = (1..=MAX_MEMBERS).contains(&count) && keys.len() == count;
    (is_valid && state.len() <= MAX_STATE_BYTES).then(|| state.into())
}

/// The key of a member, if that is one.
fn read_key(member: &str) -> Option<&str> {
    let (key, value) = member.split_once('=')?;
    let begins = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_key = key.bytes().next().is_some_and(begins)
        && key.bytes().all(|byte| begins(byte) || b"_-*/@".contains(&byte));
    let is_value = !value.is_empty()
        && value
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b'=');
    let are_short = key.len() <= MAX_MEMBER_BYTES && value.len() <= MAX_MEMBER_BYTES;
    (is_key && is_value && are_short).then_some(key)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const PLAIN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(parents: &[&str], states: &[&str]) -> Option<Trace> {
        let mut headers = HeaderMap::new();
        for (name, values) in [(PARENT, parents), (STATE, states)] {
            for value in values {
                headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
        }
        Trace::of(&headers)
    }

    #[test]
    fn a_traceparent_is_taken_as_it_came_and_one_of_a_later_version_as_far_as_it_is_known() {
        let trace = of(&[PLAIN], &[]).unwrap();

        assert_eq!((trace.parent(), trace.state()), (PLAIN, None));
        assert_eq!(trace.id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        for (given, expected) in [
            (format!("{PLAIN} "), PLAIN.to_owned()),
            (PLAIN.replace("00-4", "cc-4"), PLAIN.to_owned()),
            (format!("cc{}-what-comes", &PLAIN[2..]), PLAIN.to_owned()),
            (format!("cc{}f7", &PLAIN[2..53]), format!("{}03", &PLAIN[..53])),
        ] {
            let taken = of(&[&given], &[]).unwrap();
            assert_eq!(taken.parent(), expected, "{given}");
        }
    }

    #[test]
    fn what_is_no_traceparent_is_passed_over_with_the_tracestate() {
        let zeros = |count| "0".repeat(count);
        for parent in [
            String::new(),
            PLAIN.to_uppercase(),
            PLAIN[..54].to_owned(),
            format!("{PLAIN}-more"),
            format!("{PLAIN}0"),
            PLAIN.replacen("00-", "ff-", 1),
            PLAIN.replacen("00-", "0g-", 1),
            PLAIN.replace("-01", "-0x"),
            format!("cc{}.more", &PLAIN[2..]),
            format!("00-{}-00f067aa0ba902b7-01", zeros(32)),
            format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01", zeros(16)),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa-0ba902b7-1".to_owned(),
            "\u{e9}".repeat(40),
            PLAIN.replace("4bf9", "4b\u{e9}"),
        ] {
            assert_eq!(of(&[&parent], &["a=1"]), None, "{parent}");
        }
        assert_eq!(of(&[PLAIN, PLAIN], &[]), None);
        assert_eq!(of(&[], &["a=1"]), None);
    }

    #[test]
    fn a_tracestate_comes_along_where_it_is_valid_and_short() {
        let long = |bytes: usize| format!("a={}", "x".repeat(bytes - 2));
        let many = |count: usize| {
            let members = (0..count).map(|number| format!("k{number}=1"));
            members.collect::<Vec<_>>().join(",")
        };
        for (states, expected) in [
            (
                vec!["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"],
                Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
            ),
            (
                vec!["a=1 2 ,\t, b@c=~!", "0/d*_-=x"],
                Some("a=1 2,b@c=~!,0/d*_-=x"),
            ),
            (vec![&*many(32)], Some(&*many(32))),
            (vec![&*many(33)], None),
            (vec![""], None),
            (vec![" , "], None),
            (vec!["a"], None),
            (vec!["a="], None),
            (vec!["=1"], None),
            (vec!["A=1"], None),
            (vec!["_a=1"], None),
            (vec!["a=b=c"], None),
            (vec!["a=1", "a=2"], None),
            (vec!["a=\u{e9}"], None),
            (vec!["a=1\t2"], None),
            (vec![&*long(258)], Some(&*long(258))),
            (vec![&*long(259)], None),
            (
                vec![&*long(256), &*long(255).replace("a=", "b=")],
                Some(&*format!("{},{}", long(256), long(255).replace("a=", "b="))),
            ),
            (vec![&*long(256), &*long(256).replace("a=", "b=")], None),
        ] {
            let trace = of(&[PLAIN], &states).expect("the other header is valid");
            assert_eq!(trace.state(), expected, "{states:?}");
        }
    }

    #[test]
    fn what_is_kept_or_shown_is_read_as_what_it_was() {
        for states in [&[][..], &["a=1 2,b=3"]] {
            let trace = of(&[PLAIN], states).unwrap();
            let shown = serde_json::to_value(&trace).unwrap();
            assert_eq!(serde_json::from_value::<Trace>(shown).unwrap(), trace);
            assert_eq!(trace.to_string().parse(), Ok(trace));
        }
        assert!("none".parse::<Trace>().is_err());
        let none = serde_json::json!({"traceparent": "none"});
        assert!(serde_json::from_value::<Trace>(none).is_err());
    }
}
