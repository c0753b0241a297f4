//! What tells people how it goes: the watch, with the ways to see what it tells of.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Error;
use super::leadership::Leadership;
use crate::config::Settings;
use crate::delivery::Deliveries;
use crate::http::{SubscriptionView, UntoldView};
use crate::inbox::{Candidate, Inbox, Writer};
use crate::metrics::Registry;
use crate::notice::{Books, Poster, Watch, watch};
use crate::term::Terms;

/// The watch over what these show, whose page listens there.
///
/// # Errors
/// Nothing can be sent over the network.
pub fn watch(
    settings: &Settings,
    (inbox, writer, deliveries): (&Arc<dyn Inbox>, &Writer, &Deliveries),
    subscription: &SubscriptionView,
    (leadership, leader, terms): (Leadership, &Candidate, Terms),
    admin: SocketAddr,
    metrics: &mut Registry,
) -> Result<Watch, Error> {
    // An address of all this machine's leads nowhere from elsewhere, and one of this machine alone at least here.
    let page = (!admin.ip().is_unspecified()).then(|| format!("http://{admin}/"));
    let notices = settings.notices.iter().map(|notice| {
        let poster = Poster::new(notice, Some(leader.name.clone()), page.clone());
        let poster = poster.map_err(|source| Error::Sender {
            destination: notice.name().to_owned(),
            source,
        });
        Ok((notice.clone(), poster?))
    });
    let subscription = Arc::clone(subscription);
    let parts = watch::Parts {
        notices: notices.collect::<Result<_, Error>>()?,
        schedule: settings.delivery.schedule.clone(),
        inbox: Arc::clone(inbox),
        writer: writer.clone(),
        deliveries: deliveries.clone(),
        seen: Box::new(move || {
            let standing = subscription(false);
            Box::pin(async move { standing.await.seen })
        }),
        leader: leader.clone(),
        terms,
        do_others_lead: Box::new(move || leadership.is_another()),
    };
    Ok(Watch::new(parts, metrics))
}

/// What notices could not tell yet, with what to do, as the receiver that leads has kept it.
pub fn untold(inbox: &Arc<dyn Inbox>) -> UntoldView {
    let inbox = Arc::clone(inbox);
    Arc::new(move || {
        let inbox = Arc::clone(&inbox);
        Box::pin(async move {
            // An inbox that cannot be read is said by itself.
            let kept = inbox.outbox().notices().await.ok().flatten();
            let untold = Books::read(kept.as_deref()).untold();
            let words = untold
                .iter()
                .map(|untold| format!("{untold}; {}", untold.advice()));
            words.collect()
        })
    })
}
