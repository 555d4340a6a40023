//! Whose turn it is: the policies of [`Balance`](super::Balance), without their upstreams.

use std::net::IpAddr;

/// One after the other, by weight.
///
/// Each time every candidate gains its weight, and the richest is chosen and pays what all of them gained. So a heavy
/// one is not chosen several times in a row: 2 to 1 goes a, b, a and not a, a, b.
#[derive(Debug)]
pub(super) struct Turns {
    credit: Vec<i64>,
}

/// An upstream that may be chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Among all upstreams of the pool.
    pub(super) index: usize,
    pub(super) weight: u32,
    /// Open connections, and those that are being opened.
    pub(super) connections: usize,
    /// Stands for the upstream in [`by_address`], whatever its place in the list.
    pub(super) key: u64,
}

impl Turns {
    pub(super) fn new(count: usize) -> Self {
        Self {
            credit: vec![0; count],
        }
    }

    /// The index of the next among `candidates`.
    pub(super) fn next(&mut self, candidates: &[Candidate]) -> Option<usize> {
        let mut total = 0;
        for candidate in candidates {
            self.credit[candidate.index] += i64::from(candidate.weight);
            total += i64::from(candidate.weight);
        }
        // Of equals the first.
        let richest = candidates
            .iter()
            .rev()
            .max_by_key(|candidate| self.credit[candidate.index])?;
        self.credit[richest.index] -= total;
        Some(richest.index)
    }
}

/// Those with the fewest connections for their weight.
pub(super) fn least_loaded(candidates: &[Candidate]) -> Vec<Candidate> {
    // a/b < c/d without the division.
    let load = |of: &Candidate, weight: u32| of.connections as u128 * u128::from(weight);
    let least = candidates.iter().copied().reduce(|least, other| {
        if load(&other, least.weight) < load(&least, other.weight) {
            other
        } else {
            least
        }
    });
    let equals = |least: Candidate| {
        let same = |other: &&Candidate| load(other, least.weight) == load(&least, other.weight);
        candidates.iter().filter(same).copied().collect()
    };
    least.map(equals).unwrap_or_default()
}

/// The one that an address belongs to: the highest of scores made from address and upstream (rendezvous hashing).
///
/// When an upstream goes, only its clients move, evenly to the others; when it comes back, they return.
pub(super) fn by_address(candidates: &[Candidate], address: IpAddr) -> Option<usize> {
    let place = match address.to_canonical() {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    let score = |candidate: &Candidate| {
        let hash = mix(mix(candidate.key ^ place as u64) ^ (place >> 64) as u64);
        // Uniform in (0, 1); its logarithm divided by the weight makes the shares follow the weights.
        let uniform = ((hash >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        -f64::from(candidate.weight) / uniform.ln()
    };
    let best = candidates
        .iter()
        .max_by(|left, right| score(left).total_cmp(&score(right)));
    best.map(|candidate| candidate.index)
}

/// A number that stands for a text, the same in every process and version: FNV-1a, then [`mix`]ed.
pub(super) fn fingerprint(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    mix(text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}

/// The finishing step of MurmurHash3: every bit of the input changes half of the output.
const fn mix(mut n: u64) -> u64 {
    n = (n ^ (n >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    n = (n ^ (n >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    n ^ (n >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(of: &[(u32, usize)]) -> Vec<Candidate> {
        let of = of.iter().enumerate();
        of.map(|(index, &(weight, connections))| Candidate {
            index,
            weight,
            connections,
            key: fingerprint(&format!("ws://upstream-{index}")),
        })
        .collect()
    }

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn a25_weights_two_to_one_alternate() {
        let all = candidates(&[(2, 0), (1, 0)]);
        let mut turns = Turns::new(2);
        let order: Vec<_> = (0..6).filter_map(|_| turns.next(&all)).collect();
        assert_eq!(order, [0, 1, 0, 0, 1, 0]);
    }

    #[test]
    fn b14_three_upstreams_take_turns_and_one_may_be_missing() {
        let all = candidates(&[(1, 0), (1, 0), (1, 0)]);
        let mut turns = Turns::new(3);
        let order: Vec<_> = (0..6).filter_map(|_| turns.next(&all)).collect();
        assert_eq!(order, [0, 1, 2, 0, 1, 2]);
        let without: Vec<_> = (0..4).filter_map(|_| turns.next(&all[1..])).collect();
        assert_eq!(without, [1, 2, 1, 2]);
        assert_eq!(turns.next(&[]), None);
    }

    #[test]
    fn a43_the_least_loaded_for_their_weight() {
        let indices = |of: &[(u32, usize)]| -> Vec<usize> {
            least_loaded(&candidates(of))
                .iter()
                .map(|candidate| candidate.index)
                .collect()
        };
        assert_eq!(indices(&[(1, 3), (1, 1), (1, 2)]), [1]);
        assert_eq!(indices(&[(1, 2), (1, 2), (1, 9)]), [0, 1]);
        assert_eq!(
            indices(&[(3, 3), (1, 2)]),
            [0],
            "one for each unit of weight is less than two"
        );
        assert_eq!(indices(&[]), [0; 0]);
    }

    #[test]
    fn d10_an_address_keeps_its_upstream_and_only_a_lost_ones_clients_move() {
        let all = candidates(&[(1, 0), (1, 0), (1, 0)]);
        let mut shares = [0; 3];
        for n in 0..3000 {
            let chosen = by_address(&all, address(n)).unwrap();
            assert_eq!(by_address(&all, address(n)), Some(chosen));
            shares[chosen] += 1;
            let without_last = by_address(&all[..2], address(n)).unwrap();
            assert!(
                chosen == 2 || without_last == chosen,
                "client {n} moved without need"
            );
        }
        assert!(
            shares.iter().all(|share| (850..1150).contains(share)),
            "{shares:?}"
        );
    }

    #[test]
    fn a22_weights_count_for_addresses_too() {
        let all = candidates(&[(2, 0), (1, 0)]);
        let heavy = (0..3000)
            .filter(|&n| by_address(&all, address(n)) == Some(0))
            .count();
        assert!((1850..2150).contains(&heavy), "{heavy}");
    }

    #[test]
    fn a22_an_ipv4_address_in_ipv6_is_the_same_client() {
        let all = candidates(&[(1, 0), (1, 0), (1, 0)]);
        for n in 0..50 {
            let mapped = std::net::Ipv4Addr::from(n).to_ipv6_mapped();
            assert_eq!(by_address(&all, IpAddr::V6(mapped)), by_address(&all, address(n)));
        }
    }

    #[test]
    fn fingerprints_never_change() {
        // Computed by another implementation.
        assert_eq!(fingerprint("ws://127.0.0.1:9095/"), 0x9b4f_7299_132f_d1ce);
    }
}
