//! Values as the tables have them: a time in the server's own form, and a word as a text.

use std::error::Error;
use std::str::FromStr;

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use super::super::outbox::{Outcome, State};
use super::error::NotOurs;
use crate::clock::Timestamp;

type Converted<T> = Result<T, Box<dyn Error + Sync + Send>>;

/// When the server's count of microseconds begins, in 2000, in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

impl<'a> FromSql<'a> for Timestamp {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Converted<Self> {
        let micros = i64::from_sql(&Type::INT8, raw)?;
        Ok(Self::from_micros(micros.saturating_add(EPOCH)))
    }

    accepts!(TIMESTAMPTZ);
}

impl ToSql for Timestamp {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Converted<IsNull> {
        self.as_micros().saturating_sub(EPOCH).to_sql(&Type::INT8, out)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for State {
    fn from_sql(column: &Type, raw: &'a [u8]) -> Converted<Self> {
        word(column, raw, "no delivery is in the state")
    }

    accepts!(TEXT);
}

impl<'a> FromSql<'a> for Outcome {
    fn from_sql(column: &Type, raw: &'a [u8]) -> Converted<Self> {
        word(column, raw, "no attempt has the outcome")
    }

    accepts!(TEXT);
}

/// A parameter of a statement that takes many rows: the values of one column, or one value for all of them.
pub type Column<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// A column of so many rows.
pub fn column<'r, 'a, R, T>(rows: &'r [R], value: impl Fn(&'r R) -> T) -> Column<'a>
where
    T: ToSql + Sync + Send + 'a,
{
    Box::new(rows.iter().map(value).collect::<Vec<_>>())
}

/// The columns as a statement takes them.
pub fn parameters<'a>(columns: &'a [Column<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    columns.iter().map(|column| &**column as _).collect()
}

/// A number as the tables have it; in place of one that is too large, the largest there is.
pub fn bigint(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

fn word<T: FromStr>(column: &Type, raw: &[u8], otherwise: &str) -> Converted<T> {
    let text = <&str as FromSql>::from_sql(column, raw)?;
    let known = text.parse();
    known.map_err(|_| NotOurs(format!("{otherwise} {text:?}")).into())
}
