//! Allowed addresses of outgoing requests.
//!
//! A configurable receiver must not be in the server's own network, and never a metadata service of a cloud that
//! returns credentials. An IPv4 address inside an IPv6 one is checked as IPv4.

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The zone of an address, in the order of risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Zone {
    /// The public internet.
    Public,
    /// This machine or its network: allowed only if the operator permits it.
    Private,
    /// Never allowed.
    Forbidden,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

const FORBIDDEN_V4: [Ipv4Net; 11] = [
    v4(0, 0, 0, 0, 8),          // this network
    v4(100, 100, 100, 200, 32), // metadata of Alibaba Cloud
    v4(168, 63, 129, 16, 32),   // services of Azure for its machines
    v4(169, 254, 0, 0, 16),     // link-local, with the metadata of most clouds
    v4(192, 0, 0, 0, 24),       // protocol assignments, with the metadata of Oracle Cloud
    v4(192, 0, 2, 0, 24),       // documentation
    v4(192, 88, 99, 0, 24),     // relays of 6to4
    v4(198, 51, 100, 0, 24),    // documentation
    v4(203, 0, 113, 0, 24),     // documentation
    v4(224, 0, 0, 0, 4),        // multicast
    v4(240, 0, 0, 0, 4),        // reserved, with broadcast
];

const PRIVATE_V4: [Ipv4Net; 6] = [
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10), // carrier-grade NAT
    v4(127, 0, 0, 0, 8),   // loopback
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15), // benchmarks, also used inside networks
];

const FORBIDDEN_V6: [Ipv6Net; 7] = [
    Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128),
    Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128), // metadata of AWS
    Ipv6Net::new_assert(Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64),           // discard
    v6(0x2001, 0xdb8, 0, 32),                                                     // documentation
    v6(0x3fff, 0, 0, 20),                                                         // documentation
    v6(0xfe80, 0, 0, 10),                                                         // link-local
    v6(0xff00, 0, 0, 8),                                                          // multicast
];

const PRIVATE_V6: [Ipv6Net; 4] = [
    Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128),
    v6(0x64, 0xff9b, 1, 48), // NAT64 inside a network
    v6(0xfc00, 0, 0, 7),     // unique local
    v6(0xfec0, 0, 0, 10),    // site-local of before
];

/// The zone of an address.
pub(crate) fn zone_of(address: IpAddr) -> Zone {
    match address {
        IpAddr::V4(address) => zone_of_v4(address),
        IpAddr::V6(address) => embedded(address)
            .into_iter()
            .flatten()
            .map(zone_of_v4)
            .chain([zone_of_v6(address)])
            .max()
            .unwrap_or(Zone::Forbidden),
    }
}

fn zone_of_v4(address: Ipv4Addr) -> Zone {
    if FORBIDDEN_V4.iter().any(|net| net.contains(&address)) {
        Zone::Forbidden
    } else if PRIVATE_V4.iter().any(|net| net.contains(&address)) {
        Zone::Private
    } else {
        Zone::Public
    }
}

fn zone_of_v6(address: Ipv6Addr) -> Zone {
    if FORBIDDEN_V6.iter().any(|net| net.contains(&address)) {
        Zone::Forbidden
    } else if PRIVATE_V6.iter().any(|net| net.contains(&address)) {
        Zone::Private
    } else {
        Zone::Public
    }
}

/// The IPv4 addresses inside an IPv6 address: two for Teredo, the server and the client.
fn embedded(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let words = address.segments();
    let of = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    let last = of(words[6], words[7]);
    match words {
        // `::` and `::1` are addresses of IPv6.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => [None, None],
        // Compatible and mapped ones, and those that translate (RFC 4291, 2765).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => [last, None],
        // NAT64 (RFC 6052, 8215).
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => [last, None],
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => [of(high, low), None],
        // Teredo (RFC 4380): the client's is inverted.
        [0x2001, 0, high, low, ..] => [of(high, low), of(!words[6], !words[7])],
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESSES: &[(Zone, &[&str])] = &[
        (
            Zone::Public,
            &[
                "1.1.1.1",
                "9.255.255.255",
                "11.0.0.0",
                "100.63.255.255",
                "100.128.0.0",
                "126.255.255.255",
                "128.0.0.0",
                "169.253.255.255",
                "169.255.0.0",
                "172.15.255.255",
                "172.32.0.0",
                "192.167.255.255",
                "192.169.0.0",
                "198.17.255.255",
                "198.20.0.0",
                "223.255.255.255",
                "168.63.129.15",
                "2606:4700::1111",
                "::ffff:1.1.1.1",
                "64:ff9b::1.1.1.1",
                "2002:101:101::1",
            ],
        ),
        (
            Zone::Private,
            &[
                "10.0.0.0",
                "10.255.255.255",
                "100.64.0.1",
                "100.127.255.255",
                "127.0.0.1",
                "127.255.255.255",
                "172.16.0.1",
                "172.31.255.255",
                "192.168.0.1",
                "198.18.0.1",
                "::1",
                "fc00::1",
                "fdff:ffff::1",
                "fec0::1",
                "::ffff:127.0.0.1",
                "::ffff:10.1.2.3",
                "::127.0.0.1",
                "::ffff:0:127.0.0.1",
                "64:ff9b::10.0.0.1",
                "64:ff9b:1::1.1.1.1",
                "2002:7f00:1::",
                "2002:a00:1::1",
                // Teredo with the client 192.168.0.1.
                "2001:0:101:101::3f57:fffe",
            ],
        ),
        (
            Zone::Forbidden,
            &[
                "0.0.0.0",
                "0.255.255.255",
                "100.100.100.200",
                "168.63.129.16",
                "169.254.0.1",
                "169.254.169.254",
                "192.0.0.192",
                "192.0.2.1",
                "198.51.100.1",
                "203.0.113.1",
                "224.0.0.1",
                "239.255.255.255",
                "240.0.0.1",
                "255.255.255.255",
                "::",
                "fe80::1",
                "febf::1",
                "fd00:ec2::254",
                "ff02::1",
                "2001:db8::1",
                "100::1",
                "::ffff:169.254.169.254",
                "::169.254.169.254",
                "64:ff9b::169.254.169.254",
                "64:ff9b:1::169.254.169.254",
                "2002:a9fe:a9fe::1",
                // Teredo with the client, and with the server, 169.254.169.254.
                "2001:0:101:101::5601:5601",
                "2001:0:a9fe:a9fe::fefe:fefe",
            ],
        ),
    ];

    #[test]
    fn each_address_has_its_zone() {
        for (zone, addresses) in ADDRESSES {
            for address in *addresses {
                let parsed: IpAddr = address.parse().unwrap();
                assert_eq!(zone_of(parsed), *zone, "{address}");
            }
        }
    }
}
