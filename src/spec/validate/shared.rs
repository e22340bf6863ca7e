//! What two services must not both have: a port on one address, a volume.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::super::service::ServiceSpec;
use super::values::{At, Context};

/// Fixed ports on addresses that overlap.
pub fn refuse_shared_ports<'n>(cx: &mut Context<'_>, services: &[ServiceSpec], at: impl Fn(&str) -> At<'n>) {
    let mut taken = BTreeMap::<u16, Vec<(IpAddr, &str, &str)>>::new();
    for service in services {
        for port in &service.ports {
            let Some(number) = port.number else { continue };
            let holders = taken.entry(number).or_default();
            let holder = holders.iter().find(|(host, ..)| overlap(*host, port.host)).copied();
            holders.push((port.host, &service.name, &port.name));
            let Some((_, other, other_port)) = holder else { continue };
            let place = at(&service.name).key("ports").key(&port.name).place();
            let first = at(other).key("ports").key(other_port).place();
            cx.report
                .error(place, format!("port {number} is declared twice: by \"{other}\" and by \"{}\"", service.name))
                .related(first, "declared here first")
                .hint("give one of them another number, or \"auto\"");
        }
    }
}

fn overlap(left: IpAddr, right: IpAddr) -> bool {
    // `::` takes IPv4 too on Linux, unless it is told not to.
    let any = |address: IpAddr| address == IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED);
    left == right
        || any(left)
        || any(right)
        || (left.is_ipv4() == right.is_ipv4() && (left.is_unspecified() || right.is_unspecified()))
}

/// A volume has one owner.
pub fn refuse_shared_volumes<'n>(cx: &mut Context<'_>, services: &[ServiceSpec], at: impl Fn(&str) -> At<'n>) {
    let mut owners = BTreeMap::<&str, (&str, &str)>::new();
    for service in services {
        for (role, volume) in &service.volumes {
            let place = at(&service.name).key("volumes").key(role).place();
            match owners.get(volume.as_str()) {
                None => drop(owners.insert(volume, (&service.name, role))),
                Some((owner, owner_role)) => {
                    let first = at(owner).key("volumes").key(owner_role).place();
                    let message = if *owner == service.name {
                        format!("the volume \"{volume}\" is given to two roles of \"{owner}\"")
                    } else {
                        format!("the volume \"{volume}\" belongs to \"{owner}\" already")
                    };
                    cx.report
                        .error(place, message)
                        .related(first, "given here first")
                        .hint("a volume has one owner: declare a second volume");
                }
            }
        }
    }
}
