//! One transaction: what goes in, and what comes out.

use futures_util::future::OptionFuture;
use tokio_postgres::Row;
use uuid::Uuid;

use super::super::super::{Error, NewQuarantined, QuarantineId, ReceiptId, Stored};
use super::super::Client;
use super::super::error::{concerns_one_row, text};
use super::super::values::parameters;
use super::super::{PostgresInbox, quarantine, schema};
use super::rows::{NewRow, columns};

const APPEND: &str = include_str!("../append.sql");

/// Writes where commits wait for standbys, for the sake of repeats: see `witnessed` in the other statement.
const WITNESS: &str =
    "UPDATE state SET probed_at = now() WHERE one AND current_setting('synchronous_standby_names') <> ''";

/// What to do in one transaction.
#[derive(Default)]
pub struct Work<'a> {
    pub rows: Vec<NewRow<'a>>,
    pub quarantined: Vec<(usize, QuarantineId, &'a NewQuarantined)>,
    pub probes: Vec<usize>,
    /// What was found to repeat something, and what to answer when that is as safe as what is new.
    pub repeats: Vec<(usize, Stored)>,
}

/// What became of a transaction.
pub enum Done {
    /// It is on disk. What the statement says of each row, in order.
    Committed(Vec<Found>),
    /// Something in it cannot be stored, so nothing was.
    Refused(String),
}

/// What became of a row.
pub enum Found {
    New(ReceiptId),
    /// There is a receipt of the same identity, with the same text or another one.
    Known {
        id: ReceiptId,
        is_same: bool,
    },
    /// The last receipt of its chatbot and event is not the one that it was compared with.
    Overtaken,
}

impl<'a> Work<'a> {
    pub fn len(&self) -> usize {
        self.rows.len() + self.quarantined.len() + self.probes.len() + self.repeats.len()
    }

    pub fn places(&self) -> impl Iterator<Item = usize> {
        let rows = self.rows.iter().map(|row| row.place);
        let quarantined = self.quarantined.iter().map(|(place, ..)| *place);
        let repeats = self.repeats.iter().map(|(place, _)| *place);
        rows.chain(quarantined)
            .chain(self.probes.iter().copied())
            .chain(repeats)
    }

    /// The same, an entry each.
    pub fn singles(self) -> impl Iterator<Item = Self> {
        let rows = self.rows.into_iter().map(|row| Self {
            rows: vec![row],
            ..Self::default()
        });
        let quarantined = self.quarantined.into_iter().map(|one| Self {
            quarantined: vec![one],
            ..Self::default()
        });
        let probes = self.probes.into_iter().map(|place| Self {
            probes: vec![place],
            ..Self::default()
        });
        let repeats = self.repeats.into_iter().map(|repeat| Self {
            repeats: vec![repeat],
            ..Self::default()
        });
        rows.chain(quarantined).chain(probes).chain(repeats)
    }
}

/// Does all of it in one transaction, or nothing.
pub async fn transact(inbox: &PostgresInbox, work: &Work<'_>) -> Result<Done, Error> {
    let begin = schema::begin_append();
    let transact = async |client: &Client| {
        // Prepared before anything is sent, so that nothing waits for us once the transaction has begun.
        let append = client.prepare_cached(APPEND).await?;
        let keep = quarantine::Statements::prepare(client).await?;
        let columns = columns(&work.rows);
        let parameters = parameters(&columns);
        let rows = (!work.rows.is_empty()).then(|| client.query(&append, &parameters));
        let quarantined =
            (!work.quarantined.is_empty()).then(|| keep.keep(client, &inbox.settings, &work.quarantined));
        let mark = match (&work.probes[..], &work.repeats[..]) {
            ([], []) => None,
            ([], _) => Some(client.batch_execute(WITNESS)),
            _ => Some(client.batch_execute(schema::PROBE)),
        };
        // In this order, and all of it at once.
        let (begun, rows, quarantined, marked, committed) = tokio::join!(
            biased;
            client.batch_execute(&begin),
            OptionFuture::from(rows),
            OptionFuture::from(quarantined),
            OptionFuture::from(mark),
            client.batch_execute("COMMIT"),
        );
        begun?;
        // Where one of these has failed, the commit has undone the others.
        let rows = rows.transpose()?.unwrap_or_default();
        quarantined.transpose()?;
        marked.transpose()?;
        committed?;
        rows.iter().map(Found::of_row).collect()
    };
    let done = async |client: &Client| match transact(client).await {
        Ok(found) => Ok(Done::Committed(found)),
        Err(error) if concerns_one_row(&error) => Ok(Done::Refused(text(&error))),
        Err(error) => Err(error),
    };
    inbox.connections.run("write to", done).await
}

impl Found {
    fn of_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        if let Some(id) = row.try_get::<_, Option<Uuid>>("new_id")? {
            return Ok(Self::New(ReceiptId::new(id)));
        }
        let Some(id) = row.try_get::<_, Option<Uuid>>("known_id")? else {
            return Ok(Self::Overtaken);
        };
        Ok(Self::Known {
            id: ReceiptId::new(id),
            is_same: row.try_get("is_same")?,
        })
    }
}
