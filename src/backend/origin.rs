//! Where a request comes from, as far as limits and sessions care.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

/// The caller's address and program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub address: Option<IpAddr>,
    pub agent: Option<String>,
}

impl Origin {
    /// By what limits count: an address, of IPv6 the network that one customer has (RFC 6177).
    pub fn network(&self) -> String {
        match self.address {
            None => String::new(),
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
                Some(address) => address.to_string(),
                None => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).to_string(),
            },
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Origin {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).map(str::to_owned);
        Ok(Self { address: peer.map(|peer| forwarded(peer, &parts.headers)), agent })
    }
}

/// A proxy on this machine says for whom it asks: the last entry is what it saw itself. Nobody else is believed.
fn forwarded(peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    if !peer.to_canonical().is_loopback() {
        return peer;
    }
    let mut lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    let last = lines.next_back().and_then(|line| line.rsplit(',').next());
    last.and_then(|entry| entry.trim().parse().ok()).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, lines: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        forwarded(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_a_proxy_on_this_machine_is_believed() {
        assert_eq!(seen("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(seen("127.0.0.1", &["10.0.0.1, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(seen("::1", &["10.0.0.1", "192.0.2.8"]), "192.0.2.8");
        assert_eq!(seen("127.0.0.1", &["nonsense"]), "127.0.0.1");
        assert_eq!(seen("192.0.2.1", &["10.0.0.1"]), "192.0.2.1");
    }

    #[test]
    fn a_customer_is_one_whatever_address_of_its_network_it_uses() {
        let network = |address: &str| Origin { address: address.parse().ok(), agent: None }.network();
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2:ffff::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network(""), "");
    }
}
