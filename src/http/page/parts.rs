//! What pages are made of, the same everywhere.

use std::fmt::Display;

use maud::{Markup, PreEscaped, html};

use super::begun::{FORM_ID, new_form_id};
use super::entry::{FORM_TOKEN, Viewer};
use crate::accents::{cut, thinned};
use crate::clock::Timestamp;
use crate::words::with_short_ids;

/// How much of a text of others is shown in a line, in characters.
const MAX_TEXT_CHARS: usize = 300;

/// The longest word of others that stays whole, in characters: a longer one would make its column too wide.
const MAX_WORD_CHARS: usize = 24;

/// A text of others, for a line: isolated, so that no direction of writing in it reaches what stands beside it, cut where it is
/// long, with characters that cannot be seen named and no more accents on a letter than it can have. Words stay whole but for
/// long ones.
pub fn text(shown: &str) -> Markup {
    let shown = &*thinned(shown);
    let rest = shown.chars().skip(MAX_TEXT_CHARS).count();
    // One that was cut before has more than is known here.
    let was_cut = shown.ends_with('…');
    html! {
        (isolated(&visible(shown)))
        @if rest > 0 && was_cut { span.quiet { "… (cut)" } }
        @if rest > 0 && !was_cut { span.quiet { "… (" (rest) " more characters)" } }
    }
}

/// A sentence of ours, for a line, as [`text`] but whole: at its end it says what to do. What it quotes of others is
/// [`brief`].
pub fn whole(sentence: &str) -> Markup {
    isolated(&visible_lines(sentence))
}

/// As much of a text of others as a sentence of ours quotes.
pub fn brief(quoted: &str) -> String {
    cut(&thinned(quoted), MAX_TEXT_CHARS)
}

fn isolated(seen: &str) -> Markup {
    let mut words = seen.split_whitespace();
    let has_long_word = words.any(|word| word.chars().count() > MAX_WORD_CHARS);
    html! {
        bdi class=[has_long_word.then_some("long")] { (seen) }
    }
}

/// The beginning of a text of others, with characters that cannot be seen named, for where there can be no markup.
pub fn visible(text: &str) -> String {
    let mut seen = String::new();
    for letter in thinned(text).chars().take(MAX_TEXT_CHARS) {
        put_visible(&mut seen, letter);
    }
    seen
}

/// A text of others of several lines, whole, with characters that cannot be seen named.
pub fn visible_lines(text: &str) -> String {
    let mut seen = String::new();
    for letter in thinned(&text.replace("\r\n", "\n")).chars() {
        match letter {
            '\n' | '\t' => seen.push(letter),
            _ => put_visible(&mut seen, letter),
        }
    }
    seen
}

/// Adds a character, or its name if it cannot be seen.
pub fn put_visible(text: &mut String, letter: char) {
    if is_hidden(letter) {
        text.push_str(&name(letter));
    } else {
        text.push(letter);
    }
}

/// What stands for a character that cannot be seen.
pub fn name(letter: char) -> String {
    format!("⟨U+{:04X}⟩", u32::from(letter))
}

/// Whether a character shows nothing and may change how others are shown.
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A time, for a line. The script makes it local and says how long ago it was, with UTC in the title; without it, it is UTC.
pub fn time(at: Timestamp) -> Markup {
    let whole = at.to_string();
    html! {
        time datetime=(whole) title=(whole) { (utc(&whole)) }
    }
}

/// A time with UTC beside it, where there is room.
pub fn time_whole(at: Timestamp) -> Markup {
    let whole = at.to_string();
    html! {
        time.whole datetime=(whole) title=(whole) { (utc(&whole)) }
    }
}

/// `2024-07-30T09:15:00.123456Z` for people.
pub fn utc(whole: &str) -> String {
    let seconds = whole.get(..19).unwrap_or(whole);
    format!("{} UTC", seconds.replace('T', " "))
}

/// An id, cut to what tells it from others, with all of it in the title.
pub fn id(whole: impl Display) -> Markup {
    let whole = whole.to_string();
    html! {
        code.id title=(whole) { (with_short_ids(&whole)) }
    }
}

/// An id that leads to a page.
pub fn id_link(whole: impl Display, path: &str) -> Markup {
    html! {
        a href=(path) { (id(whole)) }
    }
}

/// A word for how something stands, such as `completed`, `dead` or `stalled`; its color follows from it.
pub fn state(word: &str) -> Markup {
    html! {
        span class={ "state " (word) } { (word) }
    }
}

/// A list of names and what they are.
pub fn facts<'a>(facts: impl IntoIterator<Item = (&'a str, Markup)>) -> Markup {
    html! {
        dl.facts {
            @for (name, fact) in facts {
                div { dt { (name) } dd { (fact) } }
            }
        }
    }
}

/// A row of a [`table`], a cell a column.
pub fn row(columns: &[&str], cells: &[Markup]) -> Markup {
    numbered_row(None, columns, cells)
}

/// A row of what has a number, by which a list goes on behind it.
pub fn numbered_row(sequence: Option<u64>, columns: &[&str], cells: &[Markup]) -> Markup {
    html! {
        tr data-sequence=[sequence] {
            @for (column, cell) in columns.iter().zip(cells) {
                // One box, or on a card each piece of it would be a column.
                td data-label=(column) { div { (cell) } }
            }
        }
    }
}

/// A table, of which each row is a card where there is little room. `empty` is said where there are no rows; its body is there
/// all the same, since rows may come by themselves.
pub fn table(caption: &str, columns: &[&str], rows: &[Markup], empty: &str) -> Markup {
    html! {
        table {
            caption { (caption) }
            thead {
                tr { @for column in columns { th scope="col" { (column) } } }
            }
            tbody { @for row in rows { (row) } }
        }
        p.empty hidden[!rows.is_empty()] { (empty) }
    }
}

/// To what is older, where there is more, and back to the newest. The cursor is the API's.
pub fn pager(viewer: &Viewer, next_cursor: Option<&str>) -> Markup {
    let is_first_missing = viewer.asked("cursor").is_some();
    html! {
        // Also where it leads nowhere: the script has it lead on where rows have gone to make room.
        nav.pager aria-label="Pages" hidden[!is_first_missing && next_cursor.is_none()] {
            @if is_first_missing {
                a href=(viewer.here_with("cursor", None)) { "Newest" }
            }
            @if let Some(cursor) = next_cursor {
                a rel="next" href=(viewer.here_with("cursor", Some(cursor))) { "Older" }
            }
        }
    }
}

/// What most lists can be filtered by.
pub const EVENT: Filter<'static> = Filter::text("event", "Event", "crawling.completed");
pub const JOB: Filter<'static> = Filter::text("event_id", "Job", "its id");
pub const CHATBOT: Filter<'static> = Filter::text("chatbot_id", "Chatbot", "its id");
pub const SINCE: Filter<'static> = Filter::text("since", "Received since (UTC)", "2024-07-30T09:15:00Z");
pub const UNTIL: Filter<'static> = Filter::text("until", "Received before (UTC)", "2024-07-30T10:15:00Z");

/// One thing that a list can be filtered by. Its name is that of the API.
#[derive(Clone, Copy)]
pub struct Filter<'a> {
    pub name: &'a str,
    pub label: &'a str,
    pub kind: FilterKind<'a>,
}

impl<'a> Filter<'a> {
    /// By a text, such as `example`.
    pub const fn text(name: &'a str, label: &'a str, example: &'a str) -> Self {
        Self {
            name,
            label,
            kind: FilterKind::Text(example),
        }
    }

    /// By one of these.
    pub const fn choice(name: &'a str, label: &'a str, choices: &'a [&'a str]) -> Self {
        Self {
            name,
            label,
            kind: FilterKind::Choice(choices),
        }
    }
}

/// How a filter is given.
#[derive(Clone, Copy)]
pub enum FilterKind<'a> {
    /// As text, such as this one.
    Text(&'a str),
    /// As one of these.
    Choice(&'a [&'a str]),
}

/// A form of filters, which combine and are in the address. It shows what is asked for now.
pub fn filters(viewer: &Viewer, path: &str, filters: &[Filter<'_>]) -> Markup {
    let is_filtered = filters.iter().any(|filter| viewer.asked(filter.name).is_some());
    html! {
        form.filters action=(path) aria-label="Filters" {
            @for Filter { name, label, kind } in filters {
                p {
                    label for={ "filter-" (name) } { (label) }
                    @let asked = viewer.asked(name).unwrap_or_default();
                    @match kind {
                        FilterKind::Text(example) => {
                            input id={ "filter-" (name) } name=(name) value=(asked) placeholder=(example) autocomplete="off";
                        }
                        FilterKind::Choice(choices) => {
                            select id={ "filter-" (name) } name=(name) {
                                option value="" { "any" }
                                @for choice in *choices {
                                    option value=(choice) selected[asked == *choice] { (choice) }
                                }
                            }
                        }
                    }
                }
            }
            p {
                button { "Filter" }
                @if is_filtered { " " a href=(path) { "All" } }
            }
        }
    }
}

/// A form that changes something: with what says that it is ours, and fields that are not seen.
#[expect(clippy::needless_pass_by_value, reason = "it is made where it is handed over")]
pub fn post_form(viewer: &Viewer, action: &str, hidden: &[(&str, &str)], content: Markup) -> Markup {
    html! {
        form method="post" action=(action) {
            input type="hidden" name=(FORM_TOKEN) value=(viewer.form_token);
            @for (name, value) in hidden {
                input type="hidden" name=(name) value=(value);
            }
            (content)
        }
    }
}

/// What says on each page that its buttons cannot be pressed, and why.
pub const READ_ONLY: &str = "read-only";

/// A button that changes something, for who may; others see it and cannot press it.
pub fn button(viewer: &Viewer, action: &str, hidden: &[(&str, &str)], label: &str) -> Markup {
    if viewer.can_change() {
        post_form(viewer, action, hidden, html! { button { (label) } })
    } else {
        html! { button disabled aria-describedby=(READ_ONLY) { (label) } }
    }
}

/// The field that says that [`confirm`] was shown and pressed.
pub const CONFIRMED: &str = "confirmed";

/// The second step of what changes much: how much it is, a button that does it (the same form, with [`CONFIRMED`] in it), and
/// a way back.
///
/// Of what was asked for, `asked` has what is repeated of it.
pub fn confirm(
    viewer: &Viewer,
    action: &str,
    hidden: &[(&str, &str)],
    asked: &[(&str, &str)],
    (question, label): (&str, &str),
    back: &str,
) -> Markup {
    const SAID: [(&str, &str); 6] = [
        ("destination", "destination"),
        ("event", "event"),
        ("event_id", "job"),
        ("chatbot_id", "chatbot"),
        ("since", "received since"),
        ("until", "received before"),
    ];
    let given = |field: &str| {
        let found = asked.iter().find(|(name, _)| *name == field);
        found.map(|(_, value)| *value)
    };
    let said: Vec<_> = SAID
        .into_iter()
        .filter_map(|(field, word)| Some((word, given(field)?)))
        .collect();
    let form_id = new_form_id();
    let own = [(CONFIRMED, "true"), (FORM_ID, &*form_id)];
    let fields: Vec<_> = hidden.iter().copied().chain(own).collect();
    html! {
        div.confirm role="group" aria-label="Confirm" {
            p { strong { (question) } }
            @if !said.is_empty() {
                p { "Those with" @for (index, (word, value)) in said.iter().enumerate() {
                    (if index == 0 { " " } else { ", " }) (word) " " b { (text(value)) }
                } "." }
            }
            @if given("dead").is_some() { p { "Dead letters only." } }
            @if let Some(rate) = given("max_per_second") { p { "At most " b { (text(rate)) } " a second." } }
            (button(viewer, action, &fields, label))
            p { a href=(back) { "No, go back" } }
        }
    }
}

/// The end of a stretch of time that ends now at the latest: what comes after something was counted is not in it. What is no
/// time stays, and is refused where it is read.
pub fn up_to_now(until: Option<&str>) -> String {
    let now = Timestamp::now();
    match until.map(str::parse::<Timestamp>) {
        Some(Ok(until)) => until.min(now).to_string(),
        Some(Err(_)) => until.unwrap_or_default().to_owned(),
        None => now.to_string(),
    }
}

/// Markup that was made before.
pub fn joined(parts: &[Markup]) -> Markup {
    PreEscaped(parts.iter().map(|part| &*part.0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_others_is_isolated_cut_and_shows_what_cannot_be_seen() {
        assert_eq!(text("<b>&").into_string(), "<bdi>&lt;b&gt;&amp;</bdi>");
        assert_eq!(
            text("gpj.\u{202e}exe\0").into_string(),
            "<bdi>gpj.⟨U+202E⟩exe⟨U+0000⟩</bdi>"
        );
        let long = text(&"ü".repeat(1000)).into_string();
        assert!(
            long.ends_with("… (700 more characters)</span>") && long.len() < 800,
            "{long}"
        );
        let cut_before = text(&format!("{}…", "a".repeat(500))).into_string();
        assert!(cut_before.ends_with("… (cut)</span>"), "{cut_before}");
        assert!(cut_before.starts_with("<bdi class=\"long\">"), "{cut_before}");
        assert_eq!(
            text(&format!("Z{} y", "\u{301}".repeat(30_000))).into_string(),
            "<bdi>Z\u{301}\u{301}\u{301}\u{301}⟨29996 more accents⟩ y</bdi>"
        );
    }

    #[test]
    fn of_several_lines_each_stays_one_and_shows_what_cannot_be_seen() {
        assert_eq!(
            visible_lines("a\r\n\tb\0\u{202e}c\rd\n"),
            "a\n\tb⟨U+0000⟩⟨U+202E⟩c⟨U+000D⟩d\n"
        );
        assert_eq!(
            visible_lines(&"\u{301}".repeat(9)),
            "\u{301}\u{301}\u{301}\u{301}⟨5 more accents⟩"
        );
    }

    #[test]
    fn a_sentence_of_ours_is_whole_and_quotes_the_beginning_of_what_others_wrote() {
        let sentence = format!("app is down: {}. Mend what that says", brief(&"no ".repeat(1000)));

        let shown = whole(&sentence).into_string();

        assert!(shown.ends_with(". Mend what that says</bdi>"), "{shown}");
        assert!((300..400).contains(&shown.len()), "{shown}");
        assert_eq!(whole("a\u{202e}b").into_string(), "<bdi>a⟨U+202E⟩b</bdi>");
    }

    #[test]
    fn all_that_was_asked_for_is_repeated_before_it_is_done() {
        let viewer = Viewer::default();
        let asked = [
            ("event", "training"),
            ("until", "2024-07-30T09:15:00Z"),
            ("dead", "true"),
            ("max_per_second", "5"),
        ];

        let shown = confirm(&viewer, "/x", &[], &asked, ("Do it?", "Do it"), "/").into_string();
        // Until when it was counted is no wish of theirs.
        let nothing =
            confirm(&viewer, "/x", &[("until", "now")], &[], ("Do it?", "Do it"), "/").into_string();

        let said = "Those with event <b><bdi>training</bdi></b>, received before <b><bdi>2024-07-30T09:15:00Z</bdi></b>.";
        for words in [
            said,
            "Dead letters only.",
            "At most <b><bdi>5</bdi></b> a second.",
        ] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        assert!(!nothing.contains("Those with"), "{nothing}");
    }

    #[test]
    fn a_list_that_is_all_there_is_has_no_place_for_other_pages() {
        let (all, more) = (
            pager(&Viewer::default(), None),
            pager(&Viewer::default(), Some("7")),
        );

        assert!(
            all.into_string()
                .starts_with("<nav class=\"pager\" aria-label=\"Pages\" hidden>")
        );
        assert!(!more.into_string().contains("hidden"));
    }

    #[test]
    fn who_may_only_look_cannot_press() {
        let reading = Viewer::default();

        let shown = button(&reading, "/x", &[], "Do it").into_string();

        assert!(
            shown.starts_with("<button disabled aria-describedby=\"read-only\"") && !shown.contains("<form"),
            "{shown}"
        );
    }
}
