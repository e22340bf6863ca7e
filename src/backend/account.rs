//! The backend's rules for an account, for whoever asks a person for one before the backend runs.

use super::auth::passwords;
use super::users::{Email, Username};

/// What is wrong with a user name.
pub fn check_name(name: &str) -> Option<String> {
    Username::new(name).err().map(|invalid| invalid.why.to_string())
}

/// What is wrong with a password.
pub fn check_password(password: &str) -> Option<String> {
    passwords::check(password).err().map(|error| error.to_string())
}

/// What is wrong with an e-mail address.
pub fn check_email(address: &str) -> Option<String> {
    Email::new(address).err().map(|invalid| invalid.why.to_string())
}
