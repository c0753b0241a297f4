//! Where the requests of a connection begin and end, found by one pass over all of its bytes: slow, plain, and by RFC 9112
//! alone. The one liberty is that a line of a head may end with a bare LF.

/// A request, as far as it goes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub method: String,
    /// In its normal spelling.
    pub target: String,
    /// Its decoded body, as far as it is there.
    pub body: Vec<u8>,
    /// Whether all of it is there, and none of it is to be refused.
    pub is_whole: bool,
    /// Whether nobody has a reason to refuse it.
    pub is_plain: bool,
}

/// The requests that a handler may see: up to the first that no reader should guess at, or that is cut off.
pub fn requests(mut bytes: &[u8]) -> Vec<Wanted> {
    let mut requests = Vec::new();
    loop {
        while let Some(rest) = bytes.strip_prefix(b"\r\n").or(bytes.strip_prefix(b"\n")) {
            bytes = rest;
        }
        let Some((head, rest)) = split_head(bytes) else {
            return requests;
        };
        let Some((mut wanted, framing)) = read_head(head) else {
            return requests;
        };
        let end = match framing {
            Framing::Length(length) => {
                let there = rest.len().min(usize::try_from(length).unwrap_or(usize::MAX));
                wanted.body = rest[..there].to_vec();
                (there as u64 == length).then_some(&rest[there..])
            }
            Framing::Chunks => read_chunks(rest, &mut wanted),
        };
        wanted.is_whole = end.is_some();
        requests.push(wanted);
        let Some(end) = end else {
            return requests;
        };
        bytes = end;
    }
}

enum Framing {
    Length(u64),
    Chunks,
}

/// A head with its empty line, and what follows.
fn split_head(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = 0;
    loop {
        end += bytes[end..].iter().position(|byte| *byte == b'\n')? + 1;
        for empty in [&b"\n"[..], b"\r\n"] {
            if bytes[end..].starts_with(empty) {
                return Some(bytes.split_at(end + empty.len()));
            }
        }
    }
}

/// A request without its body, if it has one framing at most and a target without a fragment.
fn read_head(head: &[u8]) -> Option<(Wanted, Framing)> {
    let text: String = head.iter().map(|byte| char::from(*byte)).collect();
    let mut lines = text
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    let start = lines.next()?;
    let mut parts = start.split(' ');
    let method = parts.next()?.to_owned();
    let target = parts.next().unwrap_or_default();
    if target.contains('#') {
        return None;
    }
    // A target is ASCII, but a reader may take it as UTF-8, and find nothing there.
    let target: Vec<u8> = target.chars().map(|byte| byte as u8).collect();
    let target = normal(&String::from_utf8_lossy(&target));
    let is_usual = ["HTTP/1.1"].map(Some) == [parts.next()] && parts.next().is_none();
    let is_path = |target: &str| {
        target.starts_with('/')
            && target
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'/')
    };
    let mut is_plain = is_usual && ["GET", "POST"].contains(&&*method) && is_path(&target);
    let (mut lengths, mut codings, mut host_count) = (Vec::new(), Vec::new(), 0);
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.trim_matches([' ', '\t', '\r', '\x0c']);
        match &*name.to_ascii_lowercase() {
            "content-length" => lengths.push(value.to_owned()),
            "transfer-encoding" => codings.push(value.to_ascii_lowercase()),
            "host" => host_count += if value == "a" { 1 } else { 2 },
            // What else hyper acts upon: whether there is another request, and whether a body is waited for.
            "connection" | "expect" | "upgrade" => is_plain = false,
            _ => {}
        }
        let is_word = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        is_plain &=
            is_word(name) && line.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && line.contains(':');
    }
    is_plain &= host_count == 1 && head.len() < 4096;
    let wanted = Wanted {
        method,
        target,
        is_plain,
        ..Wanted::default()
    };
    match (&*codings, &*lengths) {
        ([], []) => Some((wanted, Framing::Length(0))),
        ([], [length, ..]) => {
            let number = |text: &String| {
                let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
                text.parse::<u64>()
                    .ok()
                    .filter(|number| is_number && *number < 1 << 63)
            };
            let is_one = lengths.iter().all(|other| number(other) == number(length));
            is_one.then_some((wanted, Framing::Length(number(length)?)))
        }
        ([coding], []) if coding == "chunked" => Some((wanted, Framing::Chunks)),
        (_, _) => None,
    }
}

/// A target in its normal spelling (RFC 3986, section 6.2): in absolute form the scheme is in lower case, and there is a path.
pub fn normal(target: &str) -> String {
    match target.split_once("://") {
        Some((scheme, rest)) if !target.starts_with('/') => {
            let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            let slash = if path.starts_with('/') { "" } else { "/" };
            format!("{}://{host}{slash}{path}", scheme.to_ascii_lowercase())
        }
        _ => target.to_owned(),
    }
}

/// Adds the chunks of a body to a request; what follows them, if all are there and well formed.
fn read_chunks<'a>(mut bytes: &'a [u8], wanted: &mut Wanted) -> Option<&'a [u8]> {
    loop {
        let line = split_line(&mut bytes)?;
        let digits = line.bytes().take_while(u8::is_ascii_hexdigit).count();
        let size = u64::from_str_radix(&line[..digits], 16).ok()?;
        wanted.is_plain &= digits == line.len() && digits < 9;
        if !is_extensions(&line[digits..]) {
            return None;
        }
        if size == 0 {
            break;
        }
        let there = bytes.len().min(usize::try_from(size).unwrap_or(usize::MAX));
        wanted.body.extend(&bytes[..there]);
        if (there as u64) < size {
            return None;
        }
        bytes = bytes[there..].strip_prefix(b"\r\n")?;
    }
    loop {
        let line = split_line(&mut bytes)?;
        if line.is_empty() {
            return Some(bytes);
        }
        wanted.is_plain = false;
    }
}

/// The first line, which ends with CR LF, as Latin 1.
fn split_line(bytes: &mut &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = bytes[..end].strip_suffix(b"\r")?;
    *bytes = &bytes[end + 1..];
    Some(line.iter().map(|byte| char::from(*byte)).collect())
}

/// Whether a text is `*( BWS ";" BWS name [ BWS "=" BWS value ] )` (RFC 9112, section 7.1.1).
fn is_extensions(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let Some(name) = blank(rest).strip_prefix(';') else {
            return false;
        };
        let Some(after_name) = token(blank(name)) else {
            return false;
        };
        rest = after_name;
        if let Some(value) = blank(rest).strip_prefix('=') {
            let value = blank(value);
            let after = value.strip_prefix('"').map_or_else(|| token(value), quoted);
            let Some(after) = after else { return false };
            rest = after;
        }
    }
    true
}

fn blank(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn token(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|character: char| {
        character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
    });
    (rest.len() < text.len()).then_some(rest)
}

/// What follows the rest of a quoted string.
fn quoted(text: &str) -> Option<&str> {
    let is_text = |character: char| character == '\t' || (character >= ' ' && character != '\x7f');
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some(characters.as_str()),
            '\\' => is_text(characters.next()?).then_some(())?,
            other => is_text(other).then_some(())?,
        }
    }
}
