//! libpq's password file: a line for each server, as `host:port:database:user:password`.
//!
//! Each of the first four may be `*`, for any; a colon or backslash in one is written with a backslash before it. The first
//! line that fits counts. It is read for each connection, so a password that is changed in it is used by the next one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tokio_postgres::config::Host;

use super::Location;

/// The password for a host, of that user.
///
/// # Errors
/// Why there is none. Nothing of any password.
pub fn password(file: &Path, location: &Location, host: usize, user: &str) -> Result<String, String> {
    let shown = file.display();
    let unreadable = |error| format!("passfile {shown} cannot be read: {error}");
    let mode = fs::metadata(file).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(format!(
            "passfile {shown} can be read by others, so it is not used, as psql does not: chmod 600 it"
        ));
    }
    let text = fs::read_to_string(file).map_err(unreadable)?;
    let name = match &location.hosts()[host] {
        Host::Tcp(name) => name.clone(),
        // As libpq has it, whichever folder the socket is in.
        Host::Unix(_) => "localhost".to_owned(),
    };
    let config = &location.config;
    let wanted = [
        name,
        location.port(host).to_string(),
        config.get_dbname().unwrap_or_default().to_owned(),
        user.to_owned(),
    ];
    let found = text.lines().find_map(|line| password_of(line, &wanted));
    found.ok_or_else(|| {
        let [name, port, database, user] = wanted;
        format!("passfile {shown} has no line for {name}:{port}:{database}:{user}")
    })
}

/// The password of a line, if the line is for this server.
fn password_of(line: &str, wanted: &[String; 4]) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let is_last = fields.len() > wanted.len();
        let field = fields.last_mut().expect("there is always one");
        match character {
            // One at the end of a line stands for itself.
            '\\' => field.push(characters.next().unwrap_or('\\')),
            ':' if !is_last => fields.push(String::new()),
            other => field.push(other),
        }
    }
    let password = fields.pop().filter(|_| fields.len() == wanted.len())?;
    let fits = |(field, wanted): (&String, &String)| field == "*" || field == wanted;
    fields.iter().zip(wanted).all(fits).then_some(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> [String; 4] {
        ["db", "5432", "in:box", "me"].map(str::to_owned)
    }

    #[test]
    fn a_line_is_for_the_server_whose_parts_it_has() {
        let cases = [
            (r"db:5432:in\:box:me:secret", Some("secret")),
            ("*:*:*:*:secret", Some("secret")),
            (r"db:*:in\:box:*:se\:c\\ret", Some(r"se:c\ret")),
            ("db:*:*:*:with:colons", Some("with:colons")),
            ("other:*:*:*:secret", None),
            ("db:5433:*:*:secret", None),
            ("*:*:*:*", None),
            ("#*:*:*:*:secret", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(password_of(line, &wanted()).as_deref(), expected, "{line}");
        }
    }
}
