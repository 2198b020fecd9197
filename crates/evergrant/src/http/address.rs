//! Which addresses may be connected to: only those of the public internet, unless the operator lists a network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Ranges of IPv4 that are not the public internet (IANA special-purpose address registry), with what they are.
const SPECIAL_V4: [(Ipv4Net, &str); 17] = [
    (v4(0, 0, 0, 0, 8), "an address of \"this network\""),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 64, 0, 0, 10), "a shared address of a carrier's NAT"),
    (v4(127, 0, 0, 0, 8), "a loopback address"),
    // Azure's host agent: a public-looking address that answers inside every virtual machine there.
    (v4(168, 63, 129, 16, 32), "the address of a cloud's host agent"),
    (v4(169, 254, 0, 0, 16), "a link-local address"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "an address of protocol assignments"),
    (v4(192, 0, 2, 0, 24), "a documentation address"),
    (v4(192, 88, 99, 0, 24), "an address of a 6to4 relay"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "a benchmarking address"),
    (v4(198, 51, 100, 0, 24), "a documentation address"),
    (v4(203, 0, 113, 0, 24), "a documentation address"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(255, 255, 255, 255, 32), "the broadcast address"),
    (v4(240, 0, 0, 0, 4), "a reserved address"),
];

/// Ranges of IPv6 that are not the public internet. The first match names the reason.
const SPECIAL_V6: [(Ipv6Net, &str); 17] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "the unspecified address"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "a loopback address"),
    (v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), "an IPv4-mapped address"),
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), "an IPv4-translated address"),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), "an IPv4-compatible address"),
    (NAT64, "a NAT64 address"),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "a local NAT64 address"),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "a discard address"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), "a Teredo address"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "an address of protocol assignments"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "a documentation address"),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "a 6to4 address"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "a documentation address"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "a private address"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "a link-local address"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "a site-local address"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "a multicast address"),
];

/// The well-known prefix of NAT64 (RFC 6052 2.1): the last 32 bits are the IPv4 address that is really reached.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

/// The only part of IPv6 from which public addresses are given out (RFC 4291 2.4).
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// What may be reached beside the public internet.
#[derive(Debug, Clone, Default)]
pub(super) struct AddressPolicy {
    /// Networks that the operator listed.
    pub(super) allow_networks: Vec<IpNet>,
}

impl AddressPolicy {
    /// Passes a public address and one of a listed network; otherwise says what the address is.
    ///
    /// An address that only wraps another one does not inherit its permission: with `10.0.0.0/8` listed,
    /// `::ffff:10.0.0.1` stays refused. A listed NAT64 prefix lends its permission only where the address inside
    /// passes by itself.
    pub(super) fn vet(&self, address: IpAddr) -> Result<(), &'static str> {
        let listed = self.allow_networks.iter().any(|network| network.contains(&address));
        match address {
            IpAddr::V6(wrapping) if listed && NAT64.contains(&wrapping) => {
                self.vet(embedded_v4(wrapping).into())
            }
            _ if listed => Ok(()),
            IpAddr::V4(address) => vet_v4(address),
            IpAddr::V6(address) => vet_v6(address),
        }
    }
}

fn vet_v4(address: Ipv4Addr) -> Result<(), &'static str> {
    SPECIAL_V4.iter().find(|(network, _)| network.contains(&address)).map_or(Ok(()), |(_, what)| Err(what))
}

fn vet_v6(address: Ipv6Addr) -> Result<(), &'static str> {
    match SPECIAL_V6.iter().find(|(network, _)| network.contains(&address)) {
        Some((_, what)) => Err(what),
        None if GLOBAL_UNICAST.contains(&address) => Ok(()),
        None => Err("no address of the public internet"),
    }
}

fn embedded_v4(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_segments(segments), prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: [&str; 56] = [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::2",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:8.8.8.8",
        "64:ff9b::10.0.0.1",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::1",
        "100::1",
        "1000::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:2::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:808:808::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
    ];

    const PUBLIC: [&str; 16] = [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "168.63.129.17",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:4860:4860::8888",
        "2606:4700:4700::1111",
        "2a00:1450:4001:81b::200e",
    ];

    fn listing(networks: &[&str]) -> AddressPolicy {
        AddressPolicy { allow_networks: networks.iter().map(|network| network.parse().unwrap()).collect() }
    }

    #[test]
    fn every_address_that_is_not_of_the_public_internet_is_refused() {
        for address in REFUSED {
            assert!(listing(&[]).vet(address.parse().unwrap()).is_err(), "{address} must be refused");
        }
    }

    #[test]
    fn public_addresses_pass_up_to_the_edges_of_the_special_ranges() {
        for address in PUBLIC {
            assert_eq!(listing(&[]).vet(address.parse().unwrap()), Ok(()), "{address} must pass");
        }
    }

    #[test]
    fn a_listed_network_passes_and_its_neighbours_do_not() {
        let policy = listing(&["10.1.0.0/16", "fd12::/16"]);
        assert_eq!(policy.vet("10.1.2.3".parse().unwrap()), Ok(()));
        assert_eq!(policy.vet("fd12::9".parse().unwrap()), Ok(()));
        assert!(policy.vet("10.2.0.1".parse().unwrap()).is_err());
        assert!(policy.vet("fd13::9".parse().unwrap()).is_err());
        assert!(policy.vet("::ffff:10.1.2.3".parse().unwrap()).is_err());
    }

    #[test]
    fn a_listed_nat64_prefix_passes_only_what_the_inner_address_may_be() {
        let policy = listing(&["64:ff9b::/96"]);
        assert_eq!(policy.vet("64:ff9b::8.8.8.8".parse().unwrap()), Ok(()));
        assert!(policy.vet("64:ff9b::10.0.0.1".parse().unwrap()).is_err());
        assert!(policy.vet("64:ff9b::169.254.169.254".parse().unwrap()).is_err());
    }
}
