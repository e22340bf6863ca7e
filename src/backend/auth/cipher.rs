//! Encryption at rest of secrets and second factors: AES-256-GCM, in the original's form.
//!
//! A text is `iv:cipher:tag`, each part in hexadecimal digits; the IV has 16 bytes, as Node's crypto was given it, and is
//! random for each text. What one of the two implementations wrote the other one reads.

use std::fmt;

use aes_gcm::aead::consts::U16;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aes::Aes256;
use aes_gcm::{AeadInOut, AesGcm, KeyInit, Nonce, Tag};
use zeroize::Zeroizing;

use super::{hex, unhex};

type Gcm = AesGcm<Aes256, U16>;

const IV: usize = 16;
const KEY: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    #[error("the key must be {} hexadecimal digits", KEY * 2)]
    Key,
    #[error("no randomness for an initialisation vector")]
    Randomness,
    #[error("the text cannot be encrypted")]
    Encrypt,
    #[error("the encrypted text is not of the form iv:cipher:tag")]
    Form,
    /// Changed since it was written, or written with another key.
    #[error("the encrypted text does not fit the key")]
    Forged,
    #[error("the decrypted text is not UTF-8")]
    Encoding,
}

pub struct Cipher(Gcm);

impl fmt::Debug for Cipher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Cipher")
    }
}

impl Cipher {
    /// `key`: 64 hexadecimal digits.
    pub fn new(key: &str) -> Result<Self, CipherError> {
        let bytes = Zeroizing::new(unhex(key).ok_or(CipherError::Key)?);
        Gcm::new_from_slice(&bytes).map(Self).map_err(|_| CipherError::Key)
    }

    pub fn encrypt(&self, plain: &str) -> Result<String, CipherError> {
        let mut iv = [0; IV];
        getrandom::fill(&mut iv).map_err(|_| CipherError::Randomness)?;
        self.encrypt_with(iv, plain)
    }

    fn encrypt_with(&self, iv: [u8; IV], plain: &str) -> Result<String, CipherError> {
        let mut buffer = Zeroizing::new(plain.as_bytes().to_vec());
        let nonce = Nonce::<U16>::from(iv);
        let inout = InOutBuf::from(buffer.as_mut_slice());
        let tag = self.0.encrypt_inout_detached(&nonce, b"", inout).map_err(|_| CipherError::Encrypt)?;
        Ok(format!("{}:{}:{}", hex(&iv), hex(&buffer), hex(&tag)))
    }

    pub fn decrypt(&self, text: &str) -> Result<Zeroizing<String>, CipherError> {
        let mut parts = text.split(':').map(|part| unhex(part).ok_or(CipherError::Form));
        let (Some(iv), Some(body), Some(tag), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(CipherError::Form);
        };
        let iv: [u8; IV] = iv?.try_into().map_err(|_| CipherError::Form)?;
        let tag: [u8; 16] = tag?.try_into().map_err(|_| CipherError::Form)?;
        let mut buffer = Zeroizing::new(body?);
        let inout = InOutBuf::from(buffer.as_mut_slice());
        self.0
            .decrypt_inout_detached(&Nonce::<U16>::from(iv), b"", inout, &Tag::from(tag))
            .map_err(|_| CipherError::Forged)?;
        let plain = std::str::from_utf8(&buffer).map_err(|_| CipherError::Encoding)?;
        Ok(Zeroizing::new(plain.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_TEXT: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const PLAIN: &str = "a secret of the stack: ñ €";
    /// Made by Node 20: `createCipheriv("aes-256-gcm", key, iv)`, UTF-8 in, hexadecimal out.
    const BY_NODE: &str = "202122232425262728292a2b2c2d2e2f:\
                           aaecd7837ff37c9b9e6c688b715b9bbeefb90385bbde3007d40166b693:4fecfb275e74236d74de7bb6f50036f3";
    const EMPTY_BY_NODE: &str = "202122232425262728292a2b2c2d2e2f::328a489784b59cd20f04b3f0f7840c17";

    fn cipher() -> Cipher {
        Cipher::new(KEY_TEXT).unwrap()
    }

    #[test]
    fn it_reads_and_writes_what_node_does() {
        let iv: [u8; IV] = unhex(&BY_NODE[..32]).unwrap().try_into().unwrap();
        for (plain, text) in [(PLAIN, BY_NODE), ("", EMPTY_BY_NODE)] {
            assert_eq!(cipher().decrypt(text).unwrap().as_str(), plain);
            assert_eq!(cipher().encrypt_with(iv, plain).unwrap(), text);
        }
    }

    #[test]
    fn no_two_texts_are_alike() {
        let (one, two) = (cipher().encrypt(PLAIN).unwrap(), cipher().encrypt(PLAIN).unwrap());
        assert_ne!(one, two);
        for text in [one, two] {
            assert_eq!(cipher().decrypt(&text).unwrap().as_str(), PLAIN);
        }
    }

    #[test]
    fn what_was_changed_is_noticed() {
        for place in [0, 40, BY_NODE.len() - 1] {
            let mut text = BY_NODE.as_bytes().to_vec();
            text[place] = if text[place] == b'0' { b'1' } else { b'0' };
            let text = String::from_utf8(text).unwrap();
            assert_eq!(cipher().decrypt(&text).unwrap_err(), CipherError::Forged, "{text}");
        }
        let other = Cipher::new(&KEY_TEXT.replace('0', "f")).unwrap();
        assert_eq!(other.decrypt(BY_NODE).unwrap_err(), CipherError::Forged);
    }

    #[test]
    fn a_text_has_three_parts_of_hexadecimal_digits() {
        for bad in ["", "::", "00:00:00", "plain", &BY_NODE[2..], &format!("{BY_NODE}:00"), &BY_NODE.replace('a', "g")]
        {
            assert_eq!(cipher().decrypt(bad).unwrap_err(), CipherError::Form, "{bad}");
        }
    }

    #[test]
    fn a_key_has_64_digits() {
        for bad in ["", "00", &KEY_TEXT[1..], &KEY_TEXT[2..], &KEY_TEXT.replace('a', "g"), &format!("{KEY_TEXT}00")] {
            assert_eq!(Cipher::new(bad).unwrap_err(), CipherError::Key, "{bad}");
        }
        assert_eq!(format!("{:?}", cipher()), "Cipher");
    }
}
