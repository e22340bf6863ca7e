//! The initial data, for a database that a backend has made its tables in: `reeve populate`.
//!
//! Everything is made unless it is there, and nothing is ever overwritten: it can be run again at any time. What the
//! original writes is in two data files: scopes for everybody, and a demonstration with accounts whose passwords the
//! whole world knows.

use std::num::NonZeroUsize;

use serde::Deserialize;
use serde_json::Value;

use super::auth::passwords::{self, PasswordError, Passwords};
use super::auth::role::Role;
use super::extract::Invalid;
use super::settings::Settings;
use super::store::{Made, NewUser, ScopeSetError, ScopeSets, Store, StoreError};
use super::users::{Email, Username};
use crate::serve::environment::{Lookup, Problems, Reader};

const BASE: &str = include_str!("base.json");
const DEMO: &str = include_str!("demo.json");

#[derive(Debug, thiserror::Error)]
pub enum PopulateError {
    #[error(transparent)]
    Settings(#[from] Problems),
    #[error("the address of MongoDB cannot be used")]
    Mongo(#[source] mongodb::error::Error),
    #[error("passwords cannot be hashed")]
    Passwords(#[from] PasswordError),
    #[error("the initial rows cannot be read")]
    Data(#[from] serde_json::Error),
    #[error("the rows could not be written")]
    Store(#[from] StoreError),
    #[error("an account cannot be made: {0}")]
    Account(#[from] Invalid),
    #[error("the scope sets could not be written")]
    ScopeSets(#[from] ScopeSetError),
}

/// Somebody to be made. In the data file the password is the known one.
#[derive(Deserialize)]
struct Account {
    username: String,
    password: String,
    authority: Role,
    email: String,
}

/// What was done, for people: one line each.
#[derive(Debug, Default)]
pub struct Report {
    pub lines: Vec<String>,
}

/// Writes what is missing. The tables must be there. Accounts of the demonstration come first: with it, the
/// administrator is the one that every demonstration knows.
pub async fn populate(lookup: Lookup<'_>, demo: bool) -> Result<Report, PopulateError> {
    crate::serve::install_tls();
    let settings = Settings::read(lookup)?;
    let admin = administrator(lookup)?;
    let store = Store::new(&settings.database);
    let mut report = Report::default();
    let mut accounts = Vec::new();
    report.made("", store.populate(&serde_json::from_str(BASE)?).await?);
    if demo {
        let mut rows: Value = serde_json::from_str(DEMO)?;
        report.made("demo ", store.populate(&rows).await?);
        let sets = ScopeSets::new(&settings.mongo_uri).map_err(PopulateError::Mongo)?;
        let sets_made = sets.insert_missing(serde_json::from_value(rows["scopeSets"].take())?).await?;
        report.lines.push(format!("demo scope sets: {sets_made} made"));
        accounts = serde_json::from_value(rows["users"].take())?;
    }
    accounts.push(admin);
    let passwords = Passwords::start(NonZeroUsize::MIN)?;
    for account in accounts {
        let line = add(&store, &passwords, &account).await?;
        report.lines.push(line);
    }
    store.close();
    Ok(report)
}

/// The same without the demonstration, as a step of the set-up: once for as long as the database lives. Whoever is
/// deleted afterwards stays deleted.
pub async fn populate_once(lookup: Lookup<'_>) -> Result<Report, PopulateError> {
    crate::serve::install_tls();
    let settings = Settings::read(lookup)?;
    let admin = administrator(lookup)?;
    let store = Store::new(&settings.database);
    let mut report = Report::default();
    if store.is_populated().await? {
        report.lines.push("the initial data was written before".to_owned());
        return Ok(report);
    }
    let hash = Passwords::start(NonZeroUsize::MIN)?.hash(&admin.password).await?;
    let Account { username, authority, .. } = &admin;
    let new = NewUser { username: Username::new(username)?, email: Email::new(&admin.email)?, role: *authority };
    match store.populate_once(&serde_json::from_str(BASE)?, &new, &hash).await? {
        None => report.lines.push("the initial data was written before".to_owned()),
        Some((made, user)) => {
            report.made("", made);
            let state = if user { "made" } else { "not made: the name or the e-mail address is somebody's already" };
            report.lines.push(format!("user {username}: {state}, {authority}"));
        }
    }
    store.close();
    Ok(report)
}

/// The first administrator, from the environment.
fn administrator(lookup: Lookup<'_>) -> Result<Account, Problems> {
    let mut from = Reader::new(lookup);
    let admin = Account {
        username: from.text("ADMIN_USER", "admin"),
        password: from.required("ADMIN_PASSWORD", "password of the first administrator"),
        authority: Role::Admin,
        email: from.text("ADMIN_EMAIL", "admin@example.com"),
    };
    if let Err(invalid) = Username::new(&admin.username) {
        from.problem("ADMIN_USER", invalid.why);
    }
    if let Err(invalid) = Email::new(&admin.email) {
        from.problem("ADMIN_EMAIL", invalid.why);
    }
    if !admin.password.is_empty()
        && let Err(error) = passwords::check(&admin.password)
    {
        from.problem("ADMIN_PASSWORD", error.to_string());
    }
    from.finish()?;
    Ok(admin)
}

async fn add(store: &Store, passwords: &Passwords, account: &Account) -> Result<String, PopulateError> {
    let Account { username, authority, .. } = account;
    if store.user_named(username).await?.is_some() {
        return Ok(format!("user {username}: there already, left as it is"));
    }
    let new = NewUser { username: Username::new(username)?, email: Email::new(&account.email)?, role: *authority };
    let hash = passwords.hash(&account.password).await?;
    Ok(if store.insert_user(&new, &hash).await? {
        format!("user {username}: made, {authority}")
    } else {
        format!("user {username}: not made, its e-mail address is somebody else's")
    })
}

impl Report {
    fn made(&mut self, kind: &str, made: Made) {
        for (what, count) in [("scopes", made.scopes), ("catalogs", made.catalogs), ("controls", made.controls)] {
            self.lines.extend(count.map(|count| format!("{kind}{what}: {count} made")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_files_hold_what_the_original_writes() {
        let base: Value = serde_json::from_str(BASE).unwrap();
        assert_eq!(base["scopes"].as_array().unwrap().len(), 4);
        let demo: Value = serde_json::from_str(DEMO).unwrap();
        let count = |key: &str| demo[key].as_array().unwrap().len();
        assert_eq!((count("catalogs"), count("controls"), count("scopeSets"), count("users")), (6, 5, 18, 3));
        let accounts: Vec<Account> = serde_json::from_value(demo["users"].clone()).unwrap();
        for account in accounts {
            Username::new(&account.username).unwrap();
            Email::new(&account.email).unwrap();
        }
    }
}
