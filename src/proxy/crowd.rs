//! How many connections each client has open, and whether it may have one more.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::rate::site;

/// One number for each address with an open connection; as many at most as there may be connections.
#[derive(Debug)]
pub struct Crowd {
    limit: u32,
    open: Mutex<HashMap<IpAddr, Open>>,
}

#[derive(Debug, Default)]
struct Open {
    count: u32,
    is_told: bool,
}

/// Why a connection is not let in.
#[derive(Debug, PartialEq, Eq)]
pub struct Full {
    /// Nobody has been told of this client yet.
    pub is_news: bool,
}

impl Crowd {
    /// None at all is no limit.
    pub fn new(limit: u32) -> Self {
        Self { limit, open: Mutex::default() }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one connection, given back when it is dropped.
    pub fn admit(self: &Arc<Self>, client: IpAddr) -> Result<Place, Full> {
        if self.limit == 0 {
            return Ok(Place(None));
        }
        let client = site(client);
        let mut open = self.open();
        let own = open.entry(client).or_default();
        if own.count >= self.limit {
            return Err(Full { is_news: !std::mem::replace(&mut own.is_told, true) });
        }
        own.count += 1;
        Ok(Place(Some((Arc::clone(self), client))))
    }
}

#[derive(Debug)]
pub struct Place(Option<(Arc<Crowd>, IpAddr)>);

impl Place {
    /// Of a client that is not counted.
    pub fn free() -> Self {
        Self(None)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((crowd, client)) = self.0.take() else { return };
        let mut open = crowd.open();
        if let Some(own) = open.get_mut(&client) {
            own.count -= 1;
            if own.count == 0 {
                open.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_so_many_and_no_more() {
        let crowd = Arc::new(Crowd::new(2));
        let (one, other) = ("203.0.113.9".parse().unwrap(), "203.0.113.10".parse().unwrap());
        let first = crowd.admit(one).unwrap();
        let _second = crowd.admit(one).unwrap();
        assert_eq!(crowd.admit(one).unwrap_err(), Full { is_news: true });
        assert_eq!(crowd.admit(one).unwrap_err(), Full { is_news: false });
        let _another = crowd.admit(other).unwrap();
        drop(first);
        let _third = crowd.admit(one).unwrap();
        assert!(crowd.admit(one).is_err());
    }

    #[test]
    fn nothing_is_remembered_of_who_has_gone() {
        let crowd = Arc::new(Crowd::new(1));
        drop(crowd.admit("2001:db8::1".parse().unwrap()));
        assert!(crowd.open().is_empty());
        let free = Arc::new(Crowd::new(0));
        assert!((0..10).all(|_| free.admit("203.0.113.9".parse().unwrap()).is_ok()));
    }
}
