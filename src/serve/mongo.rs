//! What an error of MongoDB's driver means to a service.

use mongodb::error::{Error, ErrorKind};

/// Whether the server cannot be reached, so that the answer is 503 and trying again may help.
pub fn is_away(error: &Error) -> bool {
    matches!(
        *error.kind,
        ErrorKind::ServerSelection { .. }
            | ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::Shutdown
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_connection_is_away_and_a_wrong_question_is_not() {
        assert!(is_away(&Error::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset))));
        assert!(!is_away(&Error::custom("a question that makes no sense")));
    }
}
