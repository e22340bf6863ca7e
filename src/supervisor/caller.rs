//! Which service asks: a process is known by the leader that it is, or descends from.

use super::handle::{SupervisorHandle, View};
use crate::platform::identity;
use crate::spec::ControlGrant;

/// Generations looked at: a service's helper is two or three away from its leader.
const GENERATIONS: usize = 32;

/// A service that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub service: String,
    /// What it may ask; nothing unless the stack's file says so.
    pub grant: Option<ControlGrant>,
}

/// Whose process it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asking {
    Service(Caller),
    /// A child of ours that no view shows yet.
    Unseen,
    Stranger,
}

impl SupervisorHandle {
    pub fn asking(&self, pid: u32) -> Asking {
        of(&self.snapshot(), pid, |pid| {
            let parent = identity::stat(i32::try_from(pid).ok()?)?.parent;
            u32::try_from(parent).ok()
        })
    }
}

fn of(view: &View, asks: u32, parent: impl Fn(u32) -> Option<u32>) -> Asking {
    let mut pid = asks;
    for _ in 0..GENERATIONS {
        // Services are below us; beyond us nobody is one.
        if pid == view.pid && pid != asks {
            return Asking::Unseen;
        }
        if pid <= 1 || pid == view.pid {
            return Asking::Stranger;
        }
        let found = view.snapshot.services.iter().position(|service| service.pid == Some(pid));
        if let Some(index) = found {
            let service = view.snapshot.services[index].name.clone();
            let grant = view.extras.get(index).and_then(|extra| extra.control);
            return Asking::Service(Caller { service, grant });
        }
        match parent(pid) {
            Some(parent) => pid = parent,
            None => return Asking::Stranger,
        }
    }
    Asking::Stranger
}

#[cfg(test)]
mod tests {
    use super::super::handle::tests::{service, view};
    use super::*;
    use crate::engine::Phase;

    #[test]
    fn a_process_is_its_service_s_by_descent() {
        let mut services = vec![service("plain", Phase::Ready), service("granted", Phase::Ready)];
        services[0].pid = Some(100);
        services[1].pid = Some(200);
        let mut view = view(services);
        view.pid = 50;
        view.extras[1].control = Some(ControlGrant::Read);
        // 201 and 202 descend from the second leader, 300 from nobody of ours, 400 from reeve itself.
        let parents = [(50, 1), (100, 50), (200, 50), (201, 200), (202, 201), (300, 1), (400, 50)];
        let parent = |pid| parents.into_iter().find(|(own, _)| *own == pid).map(|(_, parent)| parent);
        let service = |name: &str, grant| Asking::Service(Caller { service: name.to_owned(), grant });
        assert_eq!(of(&view, 100, parent), service("plain", None));
        for pid in [200, 201, 202] {
            assert_eq!(of(&view, pid, parent), service("granted", Some(ControlGrant::Read)), "{pid}");
        }
        assert_eq!(of(&view, 400, parent), Asking::Unseen);
        for pid in [0, 1, 50, 300, 999] {
            assert_eq!(of(&view, pid, parent), Asking::Stranger, "{pid}");
        }
    }

    #[test]
    fn a_chain_without_an_end_is_given_up() {
        assert_eq!(of(&view(Vec::new()), 7, Some), Asking::Stranger);
    }
}
