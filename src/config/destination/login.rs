//! Who a queue is told that we are.

use secrecy::SecretString;

use super::Member;
use crate::config::layers::Sources;
use crate::config::reader::{Reader, visible};
use crate::delivery::login::Login;
use crate::rotating::Rotating;

/// The user, and the password, given or in a file.
pub fn read(reader: &mut Reader, member: Member, sources: &Sources) -> Login {
    let user = reader.optional(&member.key("user"), |text| Some(text.to_owned()));
    let given = reader.optional(&member.key("password"), visible);
    Login {
        user,
        password: Rotating::new(password(reader, member, sources, given)),
    }
}

fn password(
    reader: &mut Reader,
    member: Member,
    sources: &Sources,
    given: Option<SecretString>,
) -> Option<SecretString> {
    let key_of_file = member.key("password_file");
    let Some(path) = reader.optional(&key_of_file, |text| Some(text.to_owned())) else {
        return given;
    };
    if reader.is_there(&member.key("password")) {
        reader.note(&key_of_file, "a password is given by `password` too");
    }
    let reason = match sources.files.get(&path) {
        Some(Ok(content)) => match visible(content.trim()) {
            Some(password) => return Some(password),
            None => "expected visible ASCII characters, found nothing or another text (hidden)",
        },
        Some(Err(error)) => error,
        None => "the file was not read",
    };
    reader.note(&key_of_file, &format!("{path}: {reason}"));
    given
}
