//! Accounts of this machine: looked up, and made when reeve runs as root and needs one.

use std::ffi::CString;
use std::io;

use nix::unistd::{User, getgrouplist};

use super::spawn::{Credentials, SpawnPlan, spawn};

#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("there is no account {name:?} on this machine")]
    Unknown { name: String },
    #[error("cannot look up account {name:?}")]
    Lookup {
        name: String,
        #[source]
        source: io::Error,
    },
    #[error("useradd did not make account {name:?} ({reason}); make it by hand")]
    Create { name: String, reason: String },
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The account's ids with all its groups.
pub fn look_up(name: &str) -> Result<Credentials, AccountError> {
    let failed = |e: nix::errno::Errno| AccountError::Lookup { name: name.to_owned(), source: e.into() };
    let unknown = || AccountError::Unknown { name: name.to_owned() };
    let user = User::from_name(name).map_err(failed)?.ok_or_else(unknown)?;
    let text = CString::new(name).map_err(|_| unknown())?;
    let groups = getgrouplist(&text, user.gid).map_err(failed)?;
    let groups = groups.into_iter().map(nix::unistd::Gid::as_raw).collect();
    Ok(Credentials { uid: user.uid.as_raw(), gid: user.gid.as_raw(), groups })
}

/// Looks up a system account, making it when it is missing; `true` when it was made. Blocks.
pub fn ensure_system_account(name: &str) -> Result<(Credentials, bool), AccountError> {
    match look_up(name) {
        Err(AccountError::Unknown { .. }) if is_root() => {}
        other => return other.map(|c| (c, false)),
    }
    let failed = |reason: String| AccountError::Create { name: name.to_owned(), reason };
    let args = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "--", name];
    let mut plan = SpawnPlan::new("/usr/sbin/useradd").args(args);
    plan.env.push(("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into()));
    let mut child = spawn(&plan).map_err(|e| failed(e.to_string()))?;
    let status = child.wait_blocking().map_err(|e| failed(e.to_string()))?;
    if !status.success() {
        return Err(failed(format!("{status:?}")));
    }
    look_up(name).map(|c| (c, true))
}
