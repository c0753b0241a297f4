//! Who a queue is told that we are.

use secrecy::SecretString;

use super::Member;
use crate::config::reader::{Reader, visible};
use crate::config::sources::Sources;
use crate::config::value::text;
use crate::delivery::login::Login;
use crate::rotating::Rotating;

/// The user, and the password, given or in a file.
pub fn read(reader: &mut Reader, member: Member, sources: &Sources) -> Login {
    let user = reader.optional(&member.key("user"), |text| Some(text.to_owned()));
    Login {
        user,
        password: Rotating::new(secret(reader, member, "password", sources)),
    }
}

/// Warns of a password that can be read on the way, if there is one.
pub fn warn_of_open_way(reader: &mut Reader, member: Member, login: &Login, advice: &'static str) {
    if login.password.get().is_none() {
        return;
    }
    let named = reader.sourced(&member.key("name"));
    let name = named
        .and_then(|sourced| text(&sourced.value).ok())
        .unwrap_or_default();
    let found = format!("destination {name} is shown its password over a way that is not encrypted");
    reader.warn(found, advice);
}

/// A secret by that key, or in the file that the key with `_file` behind it names.
pub fn secret(reader: &mut Reader, member: Member, name: &str, sources: &Sources) -> Option<SecretString> {
    let given = reader.optional(&member.key(name), visible);
    let (key, key_of_file) = (member.key(name), member.key(&format!("{name}_file")));
    let said = format!("`{name}` is given too");
    let in_file = reader.in_file((&key, &key_of_file), &said, sources, |content| {
        let reason = "expected visible ASCII characters, found nothing or another text (hidden)";
        visible(content.trim()).ok_or(reason)
    });
    in_file.flatten().or(given)
}
