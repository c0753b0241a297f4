//! Which addresses are this machine's own. That one can listen at an address does not show it where the system lets programs do
//! that at any (`ip_nonlocal_bind`), as beside a balancer whose address moves.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};

/// The routes of IPv4 as Linux shows them, those to the machine itself among them.
const ROUTES_V4: &str = "/proc/self/net/fib_trie";

/// The same of IPv6.
const ROUTES_V6: &str = "/proc/self/net/ipv6_route";

/// That a route of IPv6 leads to the machine itself (`RTF_LOCAL` of `linux/ipv6_route.h`).
const LOCAL_V6: u32 = 1 << 31;

/// Whether that address is one of this machine's; `None` where the system does not show it.
pub fn has(ip: IpAddr) -> Option<bool> {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let routes = fs::read_to_string(ROUTES_V4).ok()?;
            Some(leads_here(local_v4(&routes), u32::from(ip).into(), 32))
        }
        IpAddr::V6(ip) => {
            let routes = fs::read_to_string(ROUTES_V6).ok()?;
            Some(leads_here(local_v6(&routes), ip.into(), 128))
        }
    }
}

/// Whether an address of so many bits is in one of the networks, each with the length of its prefix.
fn leads_here(mut networks: impl Iterator<Item = (u128, u32)>, ip: u128, bits: u32) -> bool {
    networks.any(|(network, length)| {
        let differing = network ^ ip;
        // A prefix of no bits has all.
        differing.checked_shr(bits.saturating_sub(length)).unwrap_or(0) == 0
    })
}

/// The networks that lead to the machine itself: nearly all of them are one address.
fn local_v4(routes: &str) -> impl Iterator<Item = (u128, u32)> {
    let mut network = None;
    routes.lines().filter_map(move |line| {
        // A network has a line, and each of its routes one below that.
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["|--", address] => {
                network = address.parse::<Ipv4Addr>().ok();
                None
            }
            [length, _, "LOCAL", ..] => {
                let length = length.strip_prefix('/')?.parse().ok()?;
                Some((u32::from(network?).into(), length))
            }
            _ => None,
        }
    })
}

fn local_v6(routes: &str) -> impl Iterator<Item = (u128, u32)> {
    routes.lines().filter_map(|line| {
        let [network, length, _, _, _, _, _, _, flags, _] = line.split_whitespace().collect::<Vec<_>>()[..]
        else {
            return None;
        };
        let number = |text| u32::from_str_radix(text, 16).ok();
        let is_local = number(flags)? & LOCAL_V6 != 0;
        let network = u128::from_str_radix(network, 16).ok()?;
        is_local.then_some((network, number(length)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a machine at 192.0.2.2 with all of 198.51.100.0/24, as Linux 6.1 shows it.
    const V4: &str = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 192.0.2.0/24 2 0 2
        +-- 192.0.2.0/30 2 0 2
           |-- 192.0.2.0
              /24 link UNICAST
           |-- 192.0.2.2
              /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
     |-- 198.51.100.0
        /24 host LOCAL
";

    /// Of a machine at fd00::2, as it shows that.
    const V6: &str = "\
fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000003 00000000 00000003     eth0
fd000000000000000000000000000002 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000004 00000000 80200001     eth0
";

    #[test]
    fn an_address_is_the_machines_own_where_a_route_leads_to_itself() {
        for (ip, expected) in [
            ("192.0.2.2", true),
            ("198.51.100.7", true),
            ("192.0.2.3", false),
            ("192.0.2.255", false),
            ("203.0.113.1", false),
        ] {
            let ip: Ipv4Addr = ip.parse().unwrap();
            assert_eq!(
                leads_here(local_v4(V4), u32::from(ip).into(), 32),
                expected,
                "{ip}"
            );
        }
        for (ip, expected) in [("fd00::2", true), ("fd00::3", false), ("2001:db8::1", false)] {
            let ip: std::net::Ipv6Addr = ip.parse().unwrap();
            assert_eq!(leads_here(local_v6(V6), ip.into(), 128), expected, "{ip}");
        }
        assert!(leads_here([(0, 0)].into_iter(), 1 << 127, 128));
        for broken in [
            "",
            "|-- x\n/32 host LOCAL",
            "/32 host LOCAL",
            "|-- 192.0.2.2\n/x host LOCAL",
        ] {
            assert_eq!(local_v4(broken).count(), 0, "{broken}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_linux_shows_is_read() {
        for (ip, expected) in [
            ("127.0.0.1", true),
            ("192.0.2.1", false),
            ("::ffff:192.0.2.1", false),
        ] {
            assert_eq!(has(ip.parse().unwrap()), Some(expected), "{ip}");
        }
    }
}
