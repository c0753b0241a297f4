//! Tables: as wide as they need be for pipes, and fitted to a terminal for people.

use std::collections::HashMap;

use caigunn_webhook::words::with_short_ids;
use jiff::Zoned;
use jiff::tz::TimeZone;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::output::{printable, text, time};

/// What stands between two columns.
const GAP: &str = "  ";

/// So many characters are left of a text before columns are left out for it.
const SHORT_TEXT: usize = 24;

/// So many of one for which a list is looked at.
const WANTED_TEXT: usize = 60;

/// Rows under headers, if there are any, the columns as wide as they need be.
pub fn plain<'a, R: IntoIterator<Item = String>>(
    headers: impl IntoIterator<Item = &'a str>,
    rows: impl IntoIterator<Item = R>,
) -> String {
    let headers: Vec<_> = headers.into_iter().map(str::to_owned).collect();
    let cells = rows
        .into_iter()
        .map(|row| row.into_iter().map(|cell| printable(&cell)).collect());
    let lines: Vec<Vec<String>> = (!headers.is_empty())
        .then_some(headers)
        .into_iter()
        .chain(cells)
        .collect();
    lay_out(&lines)
}

/// A column of a table of objects.
struct Column<'a> {
    header: &'a str,
    /// Where its cell is in an object, as a JSON pointer without the first slash.
    member: &'a str,
    /// Where there is no room those with the greatest rank are left out first, and those without one never.
    rank: Option<u32>,
    /// Whether others are left out before its texts are cut.
    is_wanted: bool,
}

impl<'a> Column<'a> {
    /// Reads `ID id | BEGUN created_at | MATCHED progress/matched_count ?2 | WHY why !`.
    fn read_all(columns: &'a str) -> Vec<Self> {
        let read = |column: &'a str| {
            let wanted = column.strip_suffix(" !");
            let (column, is_wanted) = (wanted.unwrap_or(column), wanted.is_some());
            let (column, rank) = match column.rsplit_once(" ?") {
                Some((column, rank)) => (column, rank.parse().ok()),
                None => (column, None),
            };
            let (header, member) = column.rsplit_once(' ')?;
            Some(Self {
                header,
                member,
                rank,
                is_wanted,
            })
        };
        columns.split(" | ").filter_map(read).collect()
    }

    fn is_time(&self) -> bool {
        self.member.ends_with("_at")
    }

    /// One of its cells in no more than so many columns: of a delivery's id, `app/…8394a5b6`, the name gives way first.
    fn cut(&self, cell: &str, width: usize) -> String {
        match cell.rsplit_once('/') {
            Some((name, id)) if self.member == "id" && cell.width() > width => {
                let name = cut(name, width.saturating_sub(id.width() + 1));
                cut(&format!("{name}/{id}"), width)
            }
            _ => cut(cell, width),
        }
    }
}

/// Members of objects as a table: `ID id | BEGUN created_at | MATCHED progress/matched_count ?1 | WHY why !`. Times are those
/// whose names end so. With a width it is fitted to that: times are short and local, ids cut, texts cut, and columns
/// left out by their ranks.
pub fn of_objects(columns: &str, objects: &[Value], width: Option<usize>) -> String {
    let columns = Column::read_all(columns);
    let cells = |object: &Value, show_time: &dyn Fn(&Value) -> String| -> Vec<String> {
        let cell = |column: &Column<'_>| {
            let value = object
                .pointer(&format!("/{}", column.member))
                .unwrap_or(&Value::Null);
            printable(&if column.is_time() {
                show_time(value)
            } else {
                text(value)
            })
        };
        columns.iter().map(cell).collect()
    };
    let rows = |show_time: &dyn Fn(&Value) -> String| -> Vec<Vec<String>> {
        objects.iter().map(|object| cells(object, show_time)).collect()
    };
    match width {
        None => plain(columns.iter().map(|column| column.header), rows(&time)),
        Some(width) => {
            let now = Zoned::now();
            fitted(&columns, rows(&|value| short_time(value, &now)), width)
        }
    }
}

/// A time as it is seen from `now`: without what is the same.
pub fn short_time(value: &Value, now: &Zoned) -> String {
    let read = value
        .as_str()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let Some(at) = read else { return text(value) };
    let at = at.to_zoned(TimeZone::clone(now.time_zone()));
    let form = match () {
        () if at.date() == now.date() => "%H:%M:%S",
        () if at.year() == now.year() => "%b %d %H:%M",
        () => "%Y-%m-%d",
    };
    at.strftime(form).to_string()
}

fn fitted(columns: &[Column<'_>], mut rows: Vec<Vec<String>>, width: usize) -> String {
    let headers: Vec<_> = columns.iter().map(|column| column.header.to_owned()).collect();
    let natural = |rows: &[Vec<String>], index: usize| {
        let cells = rows.iter().map(|row| row[index].width());
        cells.chain([headers[index].width()]).max().unwrap_or(0)
    };
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let widths = |rows: &[Vec<String>], shown: &[usize]| -> Vec<usize> {
        shown.iter().map(|index| natural(rows, *index)).collect()
    };
    let (mut has_cut, mut whole) = (false, Vec::new());
    if total(&widths(&rows, &shown)) > width {
        for index in &shown {
            match cut_ids(&mut rows, *index) {
                Some(cut_any) => has_cut |= cut_any,
                None => whole.push(*index),
            }
        }
    }
    let least = |rows: &[Vec<String>], shown: &[usize]| -> Vec<usize> {
        let least = |index: &usize| match natural(rows, *index) {
            natural if whole.contains(index) && natural <= WANTED_TEXT => natural,
            natural => least(&columns[*index], natural),
        };
        shown.iter().map(least).collect()
    };
    // What says nothing goes before what does.
    let is_empty = |rows: &[Vec<String>], index: usize| rows.iter().all(|row| row[index] == "-");
    let mut left_out = Vec::new();
    while total(&least(&rows, &shown)) > width
        && let Some(place) = (0..shown.len())
            .filter(|place| columns[shown[*place]].rank.is_some())
            .max_by_key(|place| (is_empty(&rows, shown[*place]), columns[shown[*place]].rank))
    {
        left_out.push(headers[shown.remove(place)].clone());
    }
    let is_whole = |place: usize| whole.contains(&shown[place]);
    let widths = narrowed(widths(&rows, &shown), &least(&rows, &shown), width, is_whole);
    let lines = std::iter::once(&headers).chain(&rows);
    let lines = lines.map(|row| {
        let cells = shown.iter().zip(&widths);
        let cut = |(index, width): (&usize, &usize)| columns[*index].cut(&row[*index], *width);
        cells.map(cut).collect()
    });
    let table = lay_out(&lines.collect::<Vec<_>>());
    let is_cut = |(index, width): (&usize, &usize)| rows.iter().any(|row| row[*index].width() > *width);
    let has_cut_text = shown.iter().zip(&widths).any(is_cut);
    let said = said(has_cut, has_cut_text, &left_out);
    let fits = said.width() <= width;
    table + if fits { &said } else { "(--wide shows all)\n" }
}

/// Widths with which columns fit: texts give way first, the widest of them, and last ids that stay whole.
fn narrowed(
    mut widths: Vec<usize>,
    least: &[usize],
    width: usize,
    is_whole: impl Fn(usize) -> bool,
) -> Vec<usize> {
    while total(&widths) > width {
        let can_give = |place: &usize| widths[*place] > least[*place];
        let widest = (0..widths.len())
            .filter(can_give)
            .max_by_key(|place| widths[*place]);
        let gives = |place: &usize| (widths[*place] > 1 && !is_whole(*place), widths[*place]);
        let widest = widest.or_else(|| (0..widths.len()).max_by_key(gives));
        match widest {
            Some(place) if widths[place] > 1 => widths[place] -= 1,
            _ => break,
        }
    }
    widths
}

/// How narrow a column may be for others to stay.
fn least(column: &Column<'_>, natural: usize) -> usize {
    let text = if column.is_wanted { WANTED_TEXT } else { SHORT_TEXT };
    match column.is_time() {
        true => natural,
        false => natural.min(text.max(column.header.width())),
    }
}

/// What is not shown.
fn said(has_cut: bool, has_cut_text: bool, left_out: &[String]) -> String {
    let left_out = left_out.join(", ");
    match (has_cut, has_cut_text, &*left_out) {
        (false, false, "") => String::new(),
        (true, false, "") => "(--wide shows whole ids)\n".to_owned(),
        (false, true, "") => "(--wide shows whole texts)\n".to_owned(),
        (true, true, "") => "(--wide shows whole ids and texts)\n".to_owned(),
        (_, _, left_out) => format!("(--wide shows {left_out} too, and whole ids)\n"),
    }
}

/// How wide columns are together.
fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1)
}

/// Cells in columns that are as wide as their widest.
fn lay_out(lines: &[Vec<String>]) -> String {
    let mut widths = Vec::new();
    for line in lines {
        widths.resize(widths.len().max(line.len()), 0);
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.width().max(*width);
        }
    }
    let line = |cells: &Vec<String>| {
        let cells = cells.iter().zip(&widths);
        let padded = cells.map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width())));
        format!("{}\n", padded.collect::<Vec<_>>().join(GAP).trim_end())
    };
    lines.iter().map(line).collect()
}

/// A text in no more than so many columns.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut beginning = String::new();
    for character in text.chars() {
        let longer = format!("{beginning}{character}");
        if longer.width() >= width {
            break;
        }
        beginning = longer;
    }
    format!("{}…", beginning.trim_end())
}

/// Cuts the ids in a column; whether any was cut, or `None` where cells that differ would look the same, so that they stay whole.
fn cut_ids(rows: &mut [Vec<String>], index: usize) -> Option<bool> {
    let short: Vec<_> = rows.iter().map(|row| with_short_ids(&row[index])).collect();
    let mut shown = HashMap::new();
    let mut cells = rows.iter().map(|row| &row[index]).zip(&short);
    if !cells.all(|(cell, short)| *shown.entry(short).or_insert(cell) == cell) {
        return None;
    }
    let mut has_cut = false;
    for (row, short) in rows.iter_mut().zip(short) {
        has_cut |= row[index] != short;
        row[index] = short;
    }
    Some(has_cut)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: &str =
        "RECEIVED received_at | EVENT event | ID id | JOB event_id ?1 | WHY why ?2 | BYTES bytes ?3";

    fn object(id: &str, why: &str) -> Value {
        json!({
            "received_at": "2024-07-30T09:15:00.123456Z",
            "event": "crawling.failed",
            "id": id,
            "event_id": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
            "why": why,
            "bytes": 412,
        })
    }

    fn objects() -> Vec<Value> {
        vec![
            object("0190b5c4-1111-7000-8000-000000000001", "Character limit exceeded"),
            object(
                "0190b5c4-2222-7000-8000-000000000002",
                &"a long reason ".repeat(20),
            ),
        ]
    }

    #[test]
    fn without_a_width_nothing_is_cut_and_times_are_utc() {
        let table = of_objects(COLUMNS, &objects()[..1], None);

        assert_eq!(
            table,
            "RECEIVED              EVENT            ID                                    \
             JOB                                   WHY                       BYTES\n\
             2024-07-30T09:15:00Z  crawling.failed  0190b5c4-1111-7000-8000-000000000001  \
             3fa85f64-5717-4562-b3fc-2c963f66afa6  Character limit exceeded  412\n"
        );
    }

    #[test]
    fn an_empty_first_cell_keeps_its_place() {
        let table = of_objects(
            "FAILED FILE filename | WHY detail",
            &[json!({"filename": "", "detail": "too large"})],
            None,
        );

        assert_eq!(table, "FAILED FILE  WHY\n             too large\n");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_however_narrow_it_is() {
        for width in 20..=300 {
            let table = of_objects(COLUMNS, &objects(), Some(width));

            for line in table.lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn ids_are_cut_only_where_room_is_short() {
        let table = of_objects(COLUMNS, &objects(), Some(100));
        assert!(
            table.contains(" …00000001  3fa85f64…  Character limit exceeded"),
            "{table}"
        );

        let table = of_objects(COLUMNS, &objects()[..1], Some(200));
        assert!(table.contains("3fa85f64-5717-4562-b3fc-2c963f66afa6"), "{table}");
        assert!(!table.contains("--wide"), "{table}");
    }

    #[test]
    fn columns_go_by_their_ranks() {
        let header = |width| {
            let table = of_objects(COLUMNS, &objects(), Some(width));
            let header = table.lines().next().unwrap_or_default();
            header.split_whitespace().collect::<Vec<_>>().join(" ")
        };

        assert_eq!(header(120), "RECEIVED EVENT ID JOB WHY BYTES");
        assert_eq!(header(80), "RECEIVED EVENT ID JOB WHY");
        assert_eq!(header(60), "RECEIVED EVENT ID JOB");
        assert_eq!(header(45), "RECEIVED EVENT ID");
        let table = of_objects(COLUMNS, &objects(), Some(60));
        assert!(
            table.ends_with("(--wide shows BYTES, WHY too, and whole ids)\n"),
            "{table}"
        );
    }

    #[test]
    fn ids_that_would_look_the_same_stay_whole() {
        let objects = [
            object("0190b5c4-1111-7000-8000-0000a1b2c3d4", ""),
            object("0190b5c4-2222-7000-8000-0000a1b2c3d4", ""),
        ];

        let table = of_objects(COLUMNS, &objects, Some(90));

        assert!(
            table.contains("  0190b5c4-1111-7000-8000-0000a1b2c3d4  3fa85f64…"),
            "{table}"
        );
    }

    #[test]
    fn for_ids_that_stay_whole_others_are_left_out_and_cut() {
        let chatbot = |end: &str| {
            json!({
                "id": format!("0f4e2f0a-1b2c-4d3e-8f50-61728394{end}"),
                "url": "https://hooks.example.com/webhook/[token]",
                "last_at": null,
            })
        };
        let table = |width| {
            let chatbots = [chatbot("2a11"), chatbot("2a12")];
            of_objects("ID id | URL url | LAST last_at ?1", &chatbots, Some(width))
        };

        for width in [50, 66] {
            let table = table(width);
            assert!(table.contains("-617283942a11 "), "{table}");
            assert!(table.lines().all(|line| line.width() <= width), "{table}");
        }
        assert!(!table(66).lines().next().unwrap_or_default().contains("LAST"));
    }

    #[test]
    fn a_column_that_says_nothing_is_left_out_before_one_that_does() {
        let object = json!({"id": "app", "next_at": null, "state": "dead", "why": "x".repeat(60)});

        let table = of_objects(
            "ID id | NEXT next_at ?1 | STATE state ?2 | WHY why !",
            &[object],
            Some(72),
        );

        assert!(table.starts_with("ID   STATE  WHY"), "{table}");
    }

    #[test]
    fn of_a_destination_before_its_receipts_id_the_name_gives_way() {
        let of_app = [json!({"id": "app/0190b5c4-1111-7000-8000-000000000001"})];
        let of_long =
            [json!({"id": "orders-of-europe-and-asia/0190b5c4-1111-7000-8000-000000000001", "why": "x"})];

        assert_eq!(
            of_objects("ID id", &of_app, Some(20)),
            "ID\napp/…00000001\n(--wide shows all)\n"
        );
        assert_eq!(
            of_objects("ID id | WHY why !", &of_long, Some(30)),
            "ID                         WHY\norders-of-euro…/…00000001  x\n(--wide shows all)\n"
        );
    }

    #[test]
    fn columns_are_left_out_before_a_text_that_is_wanted_is_cut_and_an_id_at_its_end_is_cut_as_an_id() {
        let columns = "ID id | STATE state ?1 | WHY why !";
        let id = "0190b5c4-1111-7000-8000-000000000001";
        let object = json!({
            "id": format!("app/{id}"),
            "state": "pending",
            "why": format!("waits for the first of its job, which is app/{id}"),
        });

        let table = of_objects(columns, &[object], Some(74));

        assert_eq!(
            table,
            "ID             WHY\napp/…00000001  waits for the first of its job, which is app/…00000001\n\
             (--wide shows STATE too, and whole ids)\n"
        );
    }

    #[test]
    fn a_text_that_is_cut_is_told_of_also_where_nothing_else_is() {
        let objects = [json!({"notice": "chat", "said": "answered 301: redirects are not followed"})];
        let table = |width| of_objects("NOTICE notice | SAID said !", &objects, Some(width));

        let narrow = table(40);
        assert!(
            narrow.ends_with("are not…\n(--wide shows whole texts)\n"),
            "{narrow}"
        );
        assert!(!table(80).contains("--wide"), "{}", table(80));
    }

    #[test]
    fn wide_characters_count_as_what_they_take() {
        let objects = [json!({"title": "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字"})];

        let table = of_objects("TITLE title", &objects, Some(21));

        assert_eq!(table, "TITLE\n漢字漢字漢字漢字漢字…\n(--wide shows all)\n");
    }

    #[test]
    fn a_time_is_local_and_without_what_is_the_same_as_now() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let now: jiff::Timestamp = "2024-07-30T12:00:00Z".parse().unwrap();
        let now = now.to_zoned(zone);
        for (at, expected) in [
            ("2024-07-30T09:15:00.123456Z", "11:15:00"),
            ("2024-07-29T22:00:00.000000Z", "00:00:00"),
            ("2024-07-29T21:59:00.000000Z", "Jul 29 23:59"),
            ("2023-07-29T21:59:00.000000Z", "2023-07-29"),
        ] {
            assert_eq!(short_time(&json!(at), &now), expected, "{at}");
        }
        assert_eq!(short_time(&Value::Null, &now), "-");
    }
}
