//! Whoever shows wrong tokens waits longer each time, and nobody else does.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::http::HeaderMap;
use parking_lot::Mutex;
use tokio::time::Instant;

/// How many wrong tokens of one client cost nothing: people mistype.
const FREE: u32 = 3;

/// How many of one peer, whatever clients it names: one that is no proxy can name another each time.
const FREE_OF_PEER: u32 = 30;

/// The longest wait; it begins with a second and doubles.
const LONGEST: Duration = Duration::from_secs(60);

/// After how long a wrong token is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(900);

/// Of how many clients, and how many peers, wrong tokens are remembered: those with the latest.
const MAX_CLIENTS: usize = 1024;

/// How much of what a proxy says of its client is taken, in bytes.
const MAX_FORWARDED: usize = 64;

/// Where somebody signs in from: the peer, and who that peer says it asks for. Only the last one that is named is the proxy's
/// word; before it stands what anybody may have written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Client(IpAddr, String);

impl Client {
    pub fn of(peer: IpAddr, headers: &HeaderMap) -> Self {
        let forwarded = headers.get_all("x-forwarded-for").iter().next_back();
        let forwarded = forwarded.and_then(|value| value.to_str().ok());
        let last = forwarded
            .and_then(|text| text.rsplit(',').next())
            .unwrap_or_default();
        Self(peer, last.trim().chars().take(MAX_FORWARDED).collect())
    }

    /// Whom the peer names, if that is an address, with a port or without: nothing else that somebody wrote is for the log.
    pub fn forwarded(&self) -> Option<IpAddr> {
        let with_port = || self.1.parse().ok().map(|address: SocketAddr| address.ip());
        self.1.parse().ok().or_else(with_port)
    }
}

#[derive(Default)]
pub struct Slowing(Mutex<Known>);

#[derive(Default)]
struct Known {
    clients: HashMap<Client, Failed>,
    peers: HashMap<IpAddr, Failed>,
}

#[derive(Clone, Copy)]
struct Failed {
    count: u32,
    at: Instant,
}

impl Failed {
    /// How long is still to be waited, where so many cost nothing.
    fn left(self, free: u32) -> Option<Duration> {
        let left = self.wait(free).checked_sub(self.at.elapsed())?;
        (!left.is_zero()).then_some(left)
    }

    fn wait(self, free: u32) -> Duration {
        match self.count.checked_sub(free) {
            None | Some(0) => Duration::ZERO,
            Some(over) => Duration::from_secs(1 << (over - 1).min(16)).min(LONGEST),
        }
    }
}

impl Slowing {
    /// How long that client still has to wait before its token is looked at.
    pub fn wait(&self, client: &Client) -> Option<Duration> {
        let known = self.0.lock();
        let of_client = known.clients.get(client).and_then(|failed| failed.left(FREE));
        let of_peer = known
            .peers
            .get(&client.0)
            .and_then(|failed| failed.left(FREE_OF_PEER));
        of_client.max(of_peer)
    }

    /// Takes note that a token was wrong, or right.
    pub fn note(&self, client: &Client, is_right: bool) {
        let mut known = self.0.lock();
        if is_right {
            known.clients.remove(client);
            return;
        }
        count(&mut known.clients, client.clone());
        count(&mut known.peers, client.0);
    }
}

/// Counts a wrong token of somebody.
fn count<Who: Clone + Eq + Hash>(known: &mut HashMap<Who, Failed>, who: Who) {
    known.retain(|_, failed| failed.at.elapsed() < FORGOTTEN);
    if known.len() >= MAX_CLIENTS && !known.contains_key(&who) {
        let oldest = known.iter().min_by_key(|(_, failed)| failed.at);
        if let Some(oldest) = oldest.map(|(who, _)| who.clone()) {
            known.remove(&oldest);
        }
    }
    let now = Instant::now();
    let failed = known.entry(who).or_insert(Failed { count: 0, at: now });
    failed.count += 1;
    failed.at = now;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> Client {
        Client(IpAddr::from([127, 0, 0, last]), String::new())
    }

    #[tokio::test(start_paused = true)]
    async fn who_shows_wrong_tokens_waits_longer_each_time_and_nobody_else_does() {
        let slowing = Slowing::default();
        let (guesser, owner) = (client(1), client(2));
        let mut waits = Vec::new();
        for _ in 0..12 {
            slowing.note(&guesser, false);
            let wait = slowing.wait(&guesser);
            waits.push(wait.map_or(0, |wait| wait.as_secs()));
            tokio::time::advance(wait.unwrap_or_default()).await;
            assert_eq!(slowing.wait(&guesser), None);
        }

        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(slowing.wait(&owner), None);
        slowing.note(&guesser, false);
        slowing.note(&guesser, true);
        assert_eq!(slowing.wait(&guesser), None);
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_fail_little_is_remembered() {
        let slowing = Slowing::default();
        for number in 0..3000_u32 {
            slowing.note(&Client(IpAddr::from(number.to_be_bytes()), String::new()), false);
        }

        let known = slowing.0.lock();
        assert_eq!(
            (known.clients.len(), known.peers.len()),
            (MAX_CLIENTS, MAX_CLIENTS)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_names_another_client_each_time_is_slowed_all_the_same() {
        let slowing = Slowing::default();
        let peer = IpAddr::from([127, 0, 0, 1]);
        let client = |number: u32| Client(peer, number.to_string());
        for number in 0..30 {
            assert_eq!(slowing.wait(&client(number)), None);
            slowing.note(&client(number), false);
        }
        slowing.note(&client(30), false);

        assert_eq!(slowing.wait(&client(31)), Some(Duration::from_secs(1)));
        assert_eq!(
            slowing.wait(&Client(IpAddr::from([127, 0, 0, 2]), String::new())),
            None
        );
        // A right token of one client says nothing of the others.
        slowing.note(&client(31), true);
        assert_eq!(slowing.wait(&client(32)), Some(Duration::from_secs(1)));
    }

    #[test]
    fn behind_a_proxy_the_one_that_it_names_last_is_the_client() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "made up, 10.0.0.1".parse().unwrap());
        let peer = IpAddr::from([127, 0, 0, 1]);

        assert_eq!(Client::of(peer, &headers), Client(peer, "10.0.0.1".to_owned()));
        assert_eq!(
            Client::of(peer, &headers).forwarded(),
            Some(IpAddr::from([10, 0, 0, 1]))
        );
        for text in ["10.0.0.1:51234", "[2001:db8::1]:443"] {
            assert!(Client(peer, text.to_owned()).forwarded().is_some(), "{text}");
        }
        assert_eq!(Client(peer, "10.0.0.1\nmade up".to_owned()).forwarded(), None);
        headers.append("x-forwarded-for", "10.0.0.2".parse().unwrap());
        assert_eq!(Client::of(peer, &headers).1, "10.0.0.2");
        assert_eq!(Client::of(peer, &HeaderMap::new()).1, "");
    }
}
