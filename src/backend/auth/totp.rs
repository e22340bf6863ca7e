//! The second factor: six digits that change every 30 seconds (RFC 6238, SHA-1), one step of tolerance to each side.
//!
//! A matching code names its step, because a code must not be accepted twice: see [`super::replay`].

use std::fmt;

use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

/// Seconds of one step.
pub const STEP: u64 = 30;
/// Steps of tolerance to each side.
pub const TOLERANCE: u16 = 1;
const DIGITS: u8 = 6;

#[derive(Debug, thiserror::Error)]
pub enum TotpError {
    #[error("the secret of a second factor is not base32")]
    Secret,
    #[error("the second factor cannot be set up")]
    Setup(#[source] totp_rs::TotpError),
}

/// A user's shared secret.
pub struct SecondFactor(Totp);

impl fmt::Debug for SecondFactor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecondFactor")
    }
}

impl SecondFactor {
    /// A new one of 160 random bits.
    pub fn generate(email: &str) -> Result<Self, TotpError> {
        Self::of(Secret::generate(), email)
    }

    /// As stored: base32 without padding. The address is for the label alone.
    pub fn from_base32(secret: &str, email: &str) -> Result<Self, TotpError> {
        Self::of(Secret::try_from_base32(secret).map_err(|_| TotpError::Secret)?, email)
    }

    fn of(secret: Secret, email: &str) -> Result<Self, TotpError> {
        // A colon would divide the label into issuer and account.
        let label = format!("Status ({})", email.replace(':', "_"));
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_skew(TOLERANCE)
            .with_step_duration(STEP)
            .with_secret(secret)
            .with_issuer(None::<String>)
            .with_account_name(label)
            .build()
            .map(Self)
            .map_err(TotpError::Setup)
    }

    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.secret().to_base32())
    }

    /// `otpauth://…`, with the secret in it.
    pub fn url(&self) -> Result<Zeroizing<String>, TotpError> {
        self.0.to_url().map(Zeroizing::new).map_err(TotpError::Setup)
    }

    /// The same as a picture that an authenticator reads: a PNG as a data URL.
    pub fn qr_code(&self) -> Result<String, TotpError> {
        let png = self.0.to_qr_base64().map_err(TotpError::Setup)?;
        Ok(format!("data:image/png;base64,{png}"))
    }

    /// The step that the code is of, compared in constant time. `now`: seconds since 1970.
    pub fn matching_step(&self, code: &str, now: i64) -> Option<u64> {
        self.0.check(code, u64::try_from(now).ok()?)
    }

    /// The code of a time, as an authenticator shows it.
    #[cfg(test)]
    fn code(&self, now: i64) -> String {
        self.0.generate(now as u64).to_string()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;

    use super::*;

    /// "12345678901234567890": the secret of RFC 6238, appendix B.
    const RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    const EMAIL: &str = "anna@example.org";

    fn rfc() -> SecondFactor {
        SecondFactor::from_base32(RFC, EMAIL).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // The last six of the eight digits in the RFC's table.
        for (time, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(rfc().code(time), code);
            assert_eq!(rfc().matching_step(code, time), Some(time as u64 / STEP));
        }
    }

    #[test]
    fn one_step_of_tolerance_and_the_step_is_named() {
        let now = 1_750_000_000;
        let code = rfc().code(now);
        let step = now as u64 / STEP;
        for (time, expected) in [(now - 30, Some(step)), (now + 30, Some(step)), (now - 60, None), (now + 60, None)] {
            assert_eq!(rfc().matching_step(&code, time), expected, "{time}");
        }
    }

    #[test]
    fn only_six_digits_are_a_code() {
        let now = 1_750_000_000;
        let code = rfc().code(now);
        for bad in ["", "12345", "1234567", "+12345", " 12345", "abcdef", "１２", &format!("{code} "), &code[1..]] {
            assert_eq!(rfc().matching_step(bad, now), None, "{bad:?}");
        }
        assert_eq!(rfc().matching_step(&code, -1), None);
    }

    #[test]
    fn a_new_one_can_be_stored_and_read() {
        let (one, two) = (SecondFactor::generate(EMAIL).unwrap(), SecondFactor::generate(EMAIL).unwrap());
        assert_ne!(one.to_base32(), two.to_base32());
        assert_eq!(one.to_base32().len(), 32);
        let again = SecondFactor::from_base32(&one.to_base32(), EMAIL).unwrap();
        assert_eq!(again.code(0), one.code(0));
        for bad in ["", "short", "not base32!", "GEZDGNBV"] {
            assert!(SecondFactor::from_base32(bad, EMAIL).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_label_and_the_picture_are_as_promised() {
        let expected = format!("otpauth://totp/Status%20%28anna%40example.org%29?secret={RFC}");
        assert_eq!(rfc().url().unwrap().as_str(), expected);
        let picture = rfc().qr_code().unwrap();
        let png = picture.strip_prefix("data:image/png;base64,").expect("a data URL");
        let png = base64::prelude::BASE64_STANDARD.decode(png).unwrap();
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        assert!(SecondFactor::generate("\"a:b\"@example.org").unwrap().qr_code().is_ok());
        assert_eq!(format!("{:?}", rfc()), "SecondFactor");
    }
}
