//! The accounts that services run as.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nix::unistd::User;

use crate::platform::account::{self, AccountError};
use crate::platform::{Credentials, access};
use crate::spec::{ServiceSpec, StackSpec};

/// An account and what its processes find in their environment.
#[derive(Debug, Clone)]
pub struct Account {
    pub name: String,
    pub credentials: Credentials,
    pub home: PathBuf,
}

/// Why services cannot run as the account they should.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    #[error("cannot have the account {name} for the services")]
    Account {
        name: String,
        #[source]
        source: AccountError,
    },
    #[error("the services' account {name} may not enter {}, so it cannot reach {}", closed.display(), path.display())]
    Closed { name: String, closed: PathBuf, path: PathBuf },
}

impl AccountsError {
    pub fn hint(&self) -> String {
        match self {
            Self::Account { .. } => {
                "make it with useradd --system, or name another one with `user` in [stack]".to_owned()
            }
            Self::Closed { closed, .. } => {
                format!("chmod o+x {}, or choose a place outside it with --data-dir", closed.display())
            }
        }
    }
}

/// Every account that the stack names. Empty unless reeve is root: then services run as reeve itself does.
/// The stack's own account is made if it is missing; another one that is missing is told when its service is prepared.
pub fn accounts(
    stack: &StackSpec,
    reach: &Path,
    say: &(dyn Fn(&str) + Sync),
) -> Result<BTreeMap<String, Account>, AccountsError> {
    let mut accounts = BTreeMap::new();
    if !account::is_root() {
        return Ok(accounts);
    }
    let own = stack.user.as_str();
    let refused = |source| AccountsError::Account { name: own.to_owned(), source };
    let (credentials, made) = account::ensure_system_account(own).map_err(refused)?;
    if made {
        say(&format!("made the system account {own} for the services to run as"));
    }
    if let Some(closed) = access::blocked_at(reach, &credentials) {
        return Err(AccountsError::Closed { name: own.to_owned(), closed, path: reach.to_owned() });
    }
    accounts.insert(own.to_owned(), describe(own, credentials));
    for name in stack.services.iter().filter_map(|service| service.user.as_deref()) {
        if let Ok(credentials) = account::look_up(name) {
            accounts.insert(name.to_owned(), describe(name, credentials));
        }
    }
    Ok(accounts)
}

/// The account that a service would run as, made by nobody: `None` where it is reeve's own, or missing.
pub fn account_of(stack: &StackSpec, service: &ServiceSpec) -> Option<Account> {
    let name = service.user.as_deref().unwrap_or(&stack.user);
    let credentials = account::is_root().then(|| account::look_up(name).ok()).flatten()?;
    Some(describe(name, credentials))
}

fn describe(name: &str, credentials: Credentials) -> Account {
    let home = User::from_name(name).ok().flatten().map_or_else(|| PathBuf::from("/"), |user| user.dir);
    Account { name: name.to_owned(), credentials, home }
}
