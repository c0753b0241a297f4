//! Terms: the times in which this receiver does what only one of several should do.
//!
//! Whoever decides holds the [`Office`]; whoever works waits for a term by [`Terms::next`] and drops what it does when
//! the term ends. An end cannot be missed: a term that has ended stays ended, and the next is another one.
//!
//! Not promised: that no other receiver works at the same time. A call that is under way when a term ends may yet
//! arrive, and a process that the system held up goes on before it sees that its term is over. So what is done in terms
//! must be safe to do twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// One term. It is cancelled when it ends.
pub type Term = CancellationToken;

/// Begins and ends terms. When it is dropped, so is the term: nobody says any more that it lasts.
#[derive(Debug)]
pub struct Office {
    term: watch::Sender<Option<Term>>,
    goes_on: Arc<AtomicBool>,
}

/// Waits for terms. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Terms {
    term: watch::Receiver<Option<Term>>,
    goes_on: Arc<AtomicBool>,
}

/// An office, in which no term has begun, and its terms.
pub fn office() -> (Office, Terms) {
    let (sender, receiver) = watch::channel(None);
    let goes_on = Arc::new(AtomicBool::new(false));
    let office = Office {
        term: sender,
        goes_on: Arc::clone(&goes_on),
    };
    let terms = Terms {
        term: receiver,
        goes_on,
    };
    (office, terms)
}

impl Office {
    /// Begins a term, unless one lasts.
    pub fn begin(&self) {
        self.term.send_if_modified(|term| {
            let is_new = term.is_none();
            term.get_or_insert_default();
            is_new
        });
    }

    /// Ends the term, if one lasts.
    pub fn end(&self) {
        if let Some(term) = self.term.send_replace(None) {
            self.goes_on.store(false, Ordering::Relaxed);
            term.cancel();
        }
    }

    /// Takes down that another receiver works, and whether it does the same as this one would: then the next term goes on with what
    /// that one did.
    pub fn follow(&self, does_same: bool) {
        self.goes_on.store(does_same, Ordering::Relaxed);
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.end();
    }
}

impl Terms {
    /// Whether a term lasts.
    pub fn lasts(&self) -> bool {
        self.term.borrow().is_some()
    }

    /// Whether the term that lasts goes on with that of another receiver, which did the same as this one does.
    pub fn goes_on(&self) -> bool {
        self.goes_on.load(Ordering::Relaxed)
    }

    /// The term that lasts, or the next one; pending for ever if there will be none.
    ///
    /// # Cancel safety
    /// May be dropped at any time.
    pub async fn next(&mut self) -> Term {
        let term = self.term.wait_for(Option::is_some).await;
        match term.ok().and_then(|term| term.clone()) {
            Some(term) => term,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// The term that lasts, if one does.
    async fn now(terms: &mut Terms) -> Option<Term> {
        timeout(Duration::from_secs(1), terms.next()).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_term_lasts_from_its_beginning_to_its_end() {
        let (office, mut terms) = office();
        let mut before = terms.clone();
        assert!(now(&mut terms).await.is_none() && !terms.lasts());

        let waiting = tokio::spawn(async move { before.next().await });
        office.begin();
        let term = now(&mut terms).await.expect("it has begun");
        assert!(terms.lasts() && !term.is_cancelled());
        office.begin();
        assert!(!term.is_cancelled(), "it goes on");
        assert!(!waiting.await.unwrap().is_cancelled());

        office.end();
        assert!(term.is_cancelled() && !terms.lasts());
        assert!(now(&mut terms).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_is_seen_also_by_whoever_looks_when_the_next_term_has_begun() {
        let (office, mut terms) = office();
        office.begin();
        let first = now(&mut terms).await.expect("it has begun");

        office.end();
        office.begin();

        let second = now(&mut terms).await.expect("it has begun");
        assert!(first.is_cancelled() && !second.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn without_its_office_no_term_lasts_and_none_begins() {
        let (office, mut terms) = office();
        office.begin();
        let term = now(&mut terms).await.expect("it has begun");

        drop(office);

        assert!(term.is_cancelled());
        assert!(now(&mut terms).await.is_none() && !terms.lasts());
    }
}
