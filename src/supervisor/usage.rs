//! What the services use, measured when somebody asks and never by itself.

use super::assembly::Assembly;
use super::handle::View;
use crate::platform::Rung;
use crate::platform::usage::{self, Usage};

/// One for each service of the view, in the same order. Reads `/proc`: not for the loop's thread.
pub fn measure(assembly: &Assembly, view: &View) -> Vec<Option<Usage>> {
    let services = &view.snapshot.services;
    let leader = |pid: Option<u32>| pid.and_then(|pid| i32::try_from(pid).ok());
    let leaders: Vec<i32> = services.iter().filter_map(|service| leader(service.pid)).collect();
    let mut families = usage::families(&leaders).into_iter();
    let in_groups = assembly.containment.rung() <= Rung::Cgroup;
    let measure = |service: &crate::engine::ServiceSnapshot| {
        leader(service.pid)?;
        let family = families.next()?;
        // The group also knows those who left the family.
        let group = service.run.filter(|_| in_groups);
        let group = group.map(|run| assembly.containment.reopen(&service.name, run.0, None));
        let pids = group.filter(|tree| tree.path().is_some()).map_or(family, |tree| tree.pids());
        Some(usage::usage(&pids))
    };
    services.iter().map(measure).collect()
}
