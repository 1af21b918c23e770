//! Connections in the order in which they were opened, counted by client network.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

/// Numbers of connections. Numbers are assigned in order, so the oldest connection has the smallest one.
#[derive(Debug, Default)]
pub(crate) struct ConnectionSet {
    all: BTreeSet<u64>,
    networks: HashMap<IpAddr, BTreeSet<u64>>,
}

impl ConnectionSet {
    /// Adds the connection of a number.
    pub(crate) fn insert(&mut self, network: IpAddr, number: u64) {
        self.all.insert(number);
        self.networks.entry(network).or_default().insert(number);
    }

    /// Removes the connection with a number, if it exists.
    pub(crate) fn remove(&mut self, network: IpAddr, number: u64) {
        if !self.all.remove(&number) {
            return;
        }
        if let Some(numbers) = self.networks.get_mut(&network) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.networks.remove(&network);
            }
        }
    }

    /// All numbers, those of the network with most connections first if it has more than a share, each part in order.
    pub(crate) fn in_order(&self, share: usize) -> impl Iterator<Item = u64> {
        let greedy = self.greedy(share);
        greedy.into_iter().flatten().chain(&self.all).copied()
    }

    /// The first of [`ConnectionSet::in_order`].
    pub(crate) fn first(&self, share: usize) -> Option<u64> {
        self.in_order(share).next()
    }

    /// The connections of the network that has most of them, if these are more than a share.
    fn greedy(&self, share: usize) -> Option<&BTreeSet<u64>> {
        let max = self.networks.values().max_by_key(|numbers| numbers.len());
        max.filter(|numbers| numbers.len() > share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const TWO: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn a_network_above_its_share_is_closed_first() {
        let mut set = ConnectionSet::default();
        for (network, number) in [(ONE, 0), (TWO, 1), (TWO, 2)] {
            set.insert(network, number);
        }
        assert_eq!((set.first(2), set.first(1)), (Some(0), Some(1)));
        for (network, number) in [(TWO, 1), (TWO, 7), (ONE, 0), (TWO, 2)] {
            set.remove(network, number);
        }
        assert_eq!(set.first(0), None);
        assert!(set.all.is_empty() && set.networks.is_empty());
    }
}
