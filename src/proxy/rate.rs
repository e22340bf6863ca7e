//! How many requests a client may make: a generic cell rate algorithm, one number for each address. The time is an argument.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::settings::Rate;

/// So that workers rarely meet.
const SHARDS: usize = 16;
/// Addresses that are remembered in each shard, about 40 bytes each. Who has been quiet is forgotten first.
const MOST: usize = 4096;

#[derive(Debug)]
pub struct RateLimit {
    /// Between two requests of a steady client.
    interval: Duration,
    /// How far a client may be ahead of that.
    burst: Duration,
    /// When each client will be back at nothing.
    shards: [Mutex<HashMap<IpAddr, Duration>>; SHARDS],
}

impl RateLimit {
    pub fn new(rate: Rate) -> Self {
        let interval = Duration::from_secs(1) / rate.per_second.max(1);
        Self { interval, burst: interval * rate.burst.max(1), shards: Default::default() }
    }

    /// How long a client has to wait, if it has to.
    pub fn admit(&self, client: IpAddr, now: Duration) -> Result<(), Duration> {
        let client = site(client);
        let mut shard = self.shards[place(client)].lock().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= MOST && !shard.contains_key(&client) {
            shard.retain(|_, until| *until > now);
            if shard.len() >= MOST {
                // A crowd of strangers is no reason to turn one more away.
                return Ok(());
            }
        }
        let until = shard.entry(client).or_default();
        let next = (*until).max(now) + self.interval;
        if next > now + self.burst {
            return Err(next - now - self.burst);
        }
        *until = next;
        Ok(())
    }
}

/// One customer has one address of IPv4, and a whole network of IPv6.
pub fn site(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

fn place(address: IpAddr) -> usize {
    let bits = match address {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    };
    (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_counts() {
        let limit = RateLimit::new(Rate { per_second: 10, burst: 3 });
        let client = "203.0.113.9".parse().unwrap();
        for _ in 0..3 {
            assert_eq!(limit.admit(client, at(0)), Ok(()));
        }
        assert_eq!(limit.admit(client, at(0)), Err(at(100)));
        assert_eq!(limit.admit(client, at(40)), Err(at(60)));
        assert_eq!(limit.admit(client, at(100)), Ok(()));
        assert_eq!(limit.admit("203.0.113.10".parse().unwrap(), at(100)), Ok(()));
        for _ in 0..3 {
            assert_eq!(limit.admit(client, at(9000)), Ok(()));
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let limit = RateLimit::new(Rate { per_second: 1, burst: 1 });
        assert_eq!(limit.admit("2001:db8:0:1::1".parse().unwrap(), at(0)), Ok(()));
        assert!(limit.admit("2001:db8:0:1::2".parse().unwrap(), at(0)).is_err());
        assert_eq!(limit.admit("2001:db8:0:2::1".parse().unwrap(), at(0)), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let limit = RateLimit::new(Rate { per_second: 1, burst: 1 });
        for number in 0..(SHARDS * MOST * 2) as u32 {
            assert_eq!(limit.admit(IpAddr::from(number.to_be_bytes()), at(0)), Ok(()));
        }
        let kept: usize = limit.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(kept <= SHARDS * MOST, "{kept}");
    }
}
