//! The source `url`: a file over HTTPS, resumed where it was cut off, believed only when its sum is right.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::header::{CONTENT_RANGE, ETAG, IF_RANGE, LAST_MODIFIED, RANGE};
use reqwest::{Client, StatusCode, Url};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::error::SourceError;

/// A vendor that does not answer by then is taken as out of reach, and the next source has its turn.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest silence in the middle of a transfer.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);
/// Redirects that are followed; vendors need two.
const REDIRECTS_MAX: usize = 8;
/// Continuations of one transfer within one run.
const RESUMES_MAX: u32 = 3;
/// Larger than any part; stops a server that sends without end.
const DOWNLOAD_BYTES_MAX: u64 = 4 << 30;
/// A checksum file is a few kilobytes.
const SUMS_BYTES_MAX: usize = 1 << 20;

/// The client for all downloads of a run.
pub(super) fn http_client() -> Result<Client, SourceError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may have been faster, which is as well: the error says only that.
        let _already = rustls::crypto::ring::default_provider().install_default();
    }
    let redirects = reqwest::redirect::Policy::custom(|attempt| {
        if attempt.previous().len() > REDIRECTS_MAX {
            attempt.error("too many redirects")
        } else if allowed(attempt.url()) {
            attempt.follow()
        } else {
            attempt.error("the server redirects to an address that is neither https nor http on loopback")
        }
    });
    Client::builder()
        .user_agent(concat!("reeve/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE_TIMEOUT)
        .redirect(redirects)
        .build()
        .map_err(SourceError::Connect)
}

/// HTTPS anywhere; plain HTTP only where nobody can listen in.
fn allowed(url: &Url) -> bool {
    let loopback = match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

pub(super) fn parse_address(text: &str) -> Result<Url, SourceError> {
    Url::parse(text).ok().filter(allowed).ok_or(SourceError::Address)
}

/// The sum for `file` in a checksum file: `<sum>  <file>` lines, or the sum alone.
pub(super) async fn published_sum(client: &Client, url: &Url, file: &str) -> Result<String, SourceError> {
    let response = client.get(url.clone()).send().await.map_err(SourceError::Connect)?;
    if !response.status().is_success() {
        return Err(SourceError::Status { status: response.status().as_u16() });
    }
    let mut text = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        text.extend(chunk.map_err(|source| SourceError::Transfer { bytes: text.len() as u64, source })?);
        if text.len() > SUMS_BYTES_MAX {
            return Err(SourceError::TooLarge { limit: SUMS_BYTES_MAX as u64 });
        }
    }
    sum_line(&String::from_utf8_lossy(&text), file)
        .ok_or_else(|| SourceError::NoSumLine { url: url.to_string(), file: file.to_owned() })
}

fn sum_line(text: &str, file: &str) -> Option<String> {
    let is_sum = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let sum = words.next().filter(is_sum)?;
        let named = words.next().map(|name| name.trim_start_matches(['*', '.', '/']));
        named.is_none_or(|name| name.rsplit('/').next() == Some(file)).then(|| sum.to_ascii_lowercase())
    })
}

/// Fetches into `partial` until whole and right. A cut transfer keeps what came, for now or for the next run.
pub(super) async fn fetch(
    client: &Client,
    url: &Url,
    sha256: &str,
    partial: &Path,
    report: &(dyn Fn(u64, Option<u64>) + Sync),
) -> Result<(), SourceError> {
    let mut resumes = 0;
    loop {
        let resumed = fs::metadata(partial).is_ok_and(|meta| meta.len() > 0);
        match transfer(client, url, partial, report).await {
            Ok(()) => {}
            Err(SourceError::Transfer { .. } | SourceError::Short { .. }) if resumes < RESUMES_MAX => {
                resumes += 1;
                continue;
            }
            Err(error) => return Err(error),
        }
        let sum = sha256_of(partial).await?;
        if sum.eq_ignore_ascii_case(sha256) {
            return Ok(());
        }
        discard(partial)?;
        // The kept beginning may be of an older file: once more from the start before the vendor is blamed.
        if !resumed {
            return Err(SourceError::Checksum { expected: sha256.to_ascii_lowercase(), actual: sum });
        }
    }
}

/// One request; appends to what is there, or begins anew when the server has no ranges or another file.
async fn transfer(
    client: &Client,
    url: &Url,
    partial: &Path,
    report: &(dyn Fn(u64, Option<u64>) + Sync),
) -> Result<(), SourceError> {
    let mut have = fs::metadata(partial).map_or(0, |meta| meta.len());
    let mut request = client.get(url.clone());
    if have > 0 {
        request = request.header(RANGE, format!("bytes={have}-"));
        if let Ok(validator) = fs::read_to_string(validator_path(partial)) {
            request = request.header(IF_RANGE, validator);
        }
    }
    let response = request.send().await.map_err(SourceError::Connect)?;
    let continues = response.status() == StatusCode::PARTIAL_CONTENT && starts_at(&response, have);
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE || (have > 0 && !continues) {
        have = 0;
    }
    let total = match response.status() {
        StatusCode::OK => response.content_length(),
        StatusCode::PARTIAL_CONTENT if continues => response.content_length().map(|length| length + have),
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
            discard(partial)?;
            return Err(SourceError::Short { bytes: 0, total: 0 });
        }
        status => return Err(SourceError::Status { status: status.as_u16() }),
    };
    remember_validator(&response, partial)?;
    let failed = |source: io::Error| SourceError::File { action: "write", path: partial.to_owned(), source };
    let mut options = tokio::fs::OpenOptions::new();
    options.create(true).write(true).append(continues).truncate(!continues);
    let mut file = options.open(partial).await.map_err(failed)?;
    let mut stream = response.bytes_stream();
    report(have, total);
    while let Some(chunk) = stream.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(source) => {
                file.flush().await.map_err(failed)?;
                return Err(SourceError::Transfer { bytes: have, source });
            }
        };
        file.write_all(&chunk).await.map_err(failed)?;
        have += chunk.len() as u64;
        if have > DOWNLOAD_BYTES_MAX {
            return Err(SourceError::TooLarge { limit: DOWNLOAD_BYTES_MAX });
        }
        report(have, total);
    }
    file.flush().await.map_err(failed)?;
    match total {
        Some(total) if have < total => Err(SourceError::Short { bytes: have, total }),
        _ => Ok(()),
    }
}

fn starts_at(response: &reqwest::Response, offset: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    range.and_then(|range| range.strip_prefix("bytes ")).is_some_and(|range| range.starts_with(&format!("{offset}-")))
}

/// A strong ETag or the date of the file, so that a continuation is refused when the file has changed.
fn remember_validator(response: &reqwest::Response, partial: &Path) -> Result<(), SourceError> {
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let validator = header(ETAG).filter(|tag| !tag.starts_with("W/")).or_else(|| header(LAST_MODIFIED));
    let path = validator_path(partial);
    match validator {
        Some(validator) => {
            fs::write(&path, validator).map_err(|source| SourceError::File { action: "write", path, source })
        }
        None => remove(&path),
    }
}

fn validator_path(partial: &Path) -> PathBuf {
    partial.with_added_extension("validator")
}

/// Removes a partial download and what is remembered of it.
pub(super) fn discard(partial: &Path) -> Result<(), SourceError> {
    remove(partial)?;
    remove(&validator_path(partial))
}

fn remove(path: &Path) -> Result<(), SourceError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(SourceError::File { action: "remove", path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

/// SHA-256 of a text, shortened: names a partial download after its address.
pub(super) fn key_of(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..12])
}

/// SHA-256 of a file, in hex.
pub(super) async fn sha256_of(path: &Path) -> Result<String, SourceError> {
    let path = path.to_owned();
    let summed = tokio::task::spawn_blocking(move || {
        let sum = || -> io::Result<String> {
            let mut file = fs::File::open(&path)?;
            let mut digest = Sha256::new();
            let mut buffer = vec![0; 256 << 10];
            loop {
                match file.read(&mut buffer)? {
                    0 => return Ok(hex(&digest.finalize())),
                    count => digest.update(&buffer[..count]),
                }
            }
        };
        sum().map_err(|source| SourceError::File { action: "read", path: path.clone(), source })
    });
    summed.await.map_err(SourceError::Task)?
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
