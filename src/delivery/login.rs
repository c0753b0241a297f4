//! Who a queue is told that we are.

use secrecy::{ExposeSecret, SecretString};

use crate::rotating::Rotating;

/// A user and a password, each of which there may not be.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user.
    pub user: Option<String>,
    /// The password. Connections that are made from now on use what it is then.
    pub password: Rotating<Option<SecretString>>,
}

/// The shortest password that is struck out where it is told back, and the least that is known by: a shorter one is in every text.
const MIN_HIDDEN_BYTES: usize = 8;

impl Login {
    /// A text of the other side's without the password, which servers tell back in what they did not understand, and cut there.
    pub fn hide(&self, text: &str) -> String {
        let held = self.password.get();
        let password = held
            .as_ref()
            .as_ref()
            .map_or("", |password| password.expose_secret());
        let beginning =
            (MIN_HIDDEN_BYTES..).find(|end| password.is_char_boundary(*end) || *end > password.len());
        let Some(beginning) = beginning.and_then(|end| password.get(..end)) else {
            return text.to_owned();
        };
        let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(at) = rest.find(beginning) {
            let same = rest[at..].chars().zip(password.chars());
            let same = same.take_while(|(found, secret)| found == secret);
            shown += &rest[..at];
            shown += "[hidden]";
            rest = &rest[at + same.map(|(found, _)| found.len_utf8()).sum::<usize>()..];
        }
        shown + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_struck_out_also_where_it_is_cut() {
        let hidden = |password: Option<&str>, text: &str| {
            let password = Rotating::new(password.map(SecretString::from));
            Login { user: None, password }.hide(text)
        };
        let some = Some("hunter2-é-of-the-queue");

        assert_eq!(
            hidden(
                some,
                "unknown `AUTH` `hunter2-é-of-the-queue`, `hunter2-é-o`, hunter2"
            ),
            "unknown `AUTH` `[hidden]`, `[hidden]`, hunter2"
        );
        // Its eighth byte is in the middle of a character.
        assert_eq!(hidden(Some("hunter2é"), "hunter2é!"), "[hidden]!");
        assert_eq!(hidden(Some("hunter2"), "hunter2"), "hunter2");
        assert_eq!(hidden(None, "nobody"), "nobody");
    }
}
