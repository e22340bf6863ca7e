//! Generated secrets, kept in `secrets.env` (0600) and in nobody's log.
//!
//! A name that has no value yet gets one from the operating system's random generator. What the file holds (values, order,
//! comments) stays as it is; several reeves at once agree, since the directory is locked meanwhile and the file is replaced
//! as a whole. A secret with `env` takes the value of that variable when it is set, and nothing is written for it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::disk;
use super::error::{DiskAction, VolumeError};
use super::secret_file::{Malformed, SecretFile};
use crate::spec::{Alphabet, SecretSpec};

/// Cost of a bcrypt hash: about a third of a second here, so each is computed once and kept.
const BCRYPT_COST: u32 = 12;

/// Shorter values are not looked for in texts: they would turn up by accident.
const REDACT_MIN_BYTES: usize = 6;

/// A secret value. `Debug` does not show it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("[secret]")
    }
}

/// The secrets of one stack.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    values: BTreeMap<String, Secret>,
}

/// Something an operator should know, though it was put right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretWarning {
    #[error("{} could be read by others (mode {mode:o}); now 600", path.display())]
    TooOpen { path: PathBuf, mode: u32 },
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("cannot lock {}", path.display())]
    Lock {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the secrets cannot be kept")]
    Disk(#[source] VolumeError),
    #[error("{} line {line}: {what}", path.display())]
    Malformed { path: PathBuf, line: usize, what: Malformed },
    #[error("{} belongs to uid {found}", path.display())]
    OtherOwner { path: PathBuf, found: u32 },
    #[error("the system's random generator failed")]
    Random(#[source] getrandom::Error),
    #[error("secret {name} is made from {of}, and there is no such secret")]
    UnknownSource { name: String, of: String },
    #[error("secret {name} cannot be hashed from {of}")]
    Hash {
        name: String,
        of: String,
        #[source]
        source: bcrypt::BcryptError,
    },
}

impl SecretError {
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            SecretError::Lock { .. } => "check the permissions of the data directory".to_owned(),
            SecretError::Disk(source) => return source.hint(),
            SecretError::Malformed { .. } => "each line is NAME=value, a comment (#) or empty".to_owned(),
            SecretError::OtherOwner { path, .. } => {
                format!("run reeve as that account, or give the file to yours: chown $(id -u) {}", path.display())
            }
            SecretError::Random(_) => return None,
            SecretError::UnknownSource { of, .. } => format!("declare [secrets.{of}]"),
            SecretError::Hash { .. } => "bcrypt takes at most 72 bytes: use a shorter value".to_owned(),
        })
    }
}

impl Secrets {
    /// Reads the file and makes what is wanted and missing. Blocks, for a third of a second when there are new hashes.
    pub fn open<'a>(
        path: &Path,
        wanted: impl IntoIterator<Item = &'a SecretSpec>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<(Self, Vec<SecretWarning>), SecretError> {
        let dir = disk::parent(path);
        disk::create_dir_all(dir, 0o711).map_err(SecretError::Disk)?;
        let lock_error = |source| SecretError::Lock { path: dir.to_owned(), source };
        let lock = File::open(dir).map_err(lock_error)?;
        lock.lock().map_err(lock_error)?;

        let mut warnings = Vec::new();
        guard_mode(path, &mut warnings)?;
        let bytes = disk::read_small(path).map_err(SecretError::Disk)?;
        let malformed = |(line, what)| SecretError::Malformed { path: path.to_owned(), line, what };
        let mut file = SecretFile::parse(bytes.as_deref().unwrap_or_default()).map_err(malformed)?;

        let (hashes, texts): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|spec| spec.bcrypt_of.is_some());
        let mut secrets =
            Self { values: file.values().map(|(name, value)| (name.to_owned(), Secret::new(value))).collect() };
        // What is the same as another one comes after it. Circles are refused when the file is read.
        let (mut copies, texts): (Vec<_>, Vec<_>) = texts.into_iter().partition(|spec| spec.same_as.is_some());
        for spec in texts {
            secrets.text(spec, &mut file, &env)?;
        }
        while !copies.is_empty() {
            let waits = |spec: &&SecretSpec| copies.iter().any(|other| spec.same_as.as_ref() == Some(&other.name));
            let (later, now): (Vec<_>, Vec<_>) = copies.iter().copied().partition(waits);
            let (later, now) = if now.is_empty() { (now, later) } else { (later, now) };
            for spec in now {
                secrets.text(spec, &mut file, &env)?;
            }
            copies = later;
        }
        let mut open = hashes;
        while !open.is_empty() {
            // What is made from another hash waits for it. Circles are refused when the file is read.
            let waits = |spec: &&SecretSpec| open.iter().any(|other| spec.bcrypt_of.as_ref() == Some(&other.name));
            let (later, now): (Vec<_>, Vec<_>) = open.iter().copied().partition(waits);
            let (later, now) = if now.is_empty() { (now, later) } else { (later, now) };
            secrets.hashes(&now, &mut file, &env)?;
            open = later;
        }
        if file.is_changed() {
            disk::write_durably(path, file.render().as_bytes(), 0o600, None).map_err(SecretError::Disk)?;
        }
        secrets.values.retain(|name, _| !name.ends_with(FINGERPRINT));
        Ok((secrets, warnings))
    }

    /// What is there already: nothing is made, nothing is hashed, nothing is written.
    pub fn read<'a>(
        path: &Path,
        wanted: impl IntoIterator<Item = &'a SecretSpec>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<(Self, Vec<SecretWarning>), SecretError> {
        let mut warnings = Vec::new();
        guard_mode(path, &mut warnings)?;
        let bytes = disk::read_small(path).map_err(SecretError::Disk)?;
        let malformed = |(line, what)| SecretError::Malformed { path: path.to_owned(), line, what };
        let file = SecretFile::parse(bytes.as_deref().unwrap_or_default()).map_err(malformed)?;
        let kept = file.values().filter(|(name, _)| !name.ends_with(FINGERPRINT));
        let mut values: BTreeMap<_, _> = kept.map(|(name, value)| (name.to_owned(), Secret::new(value))).collect();
        let wanted: Vec<_> = wanted.into_iter().collect();
        for spec in &wanted {
            if let Some(value) = from_env(spec, &env) {
                values.insert(spec.name.clone(), Secret(value));
            } else if !spec.generate {
                values.entry(spec.name.clone()).or_insert_with(|| Secret::new(""));
            }
        }
        // A chain of copies is no longer than there are secrets.
        for spec in wanted.iter().flat_map(|_| &wanted).filter(|spec| spec.same_as.is_some()) {
            if let Some(source) = spec.same_as.as_ref().and_then(|of| values.get(of)).cloned() {
                values.entry(spec.name.clone()).or_insert(source);
            }
        }
        Ok((Self { values }, warnings))
    }

    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.values.get(name)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// The text with every secret in it blotted out, also in its quoted forms.
    pub fn redact(&self, text: &str) -> String {
        use crate::spec::Filter;
        let mut text = text.to_owned();
        for value in self.values.values().map(Secret::expose).filter(|value| value.len() >= REDACT_MIN_BYTES) {
            let json = Filter::Json.apply(value);
            let json = json.trim_matches('"').to_owned();
            for form in [value.to_owned(), Filter::Url.apply(value), json, value.replace('\'', "''")] {
                if text.contains(&form) {
                    text = text.replace(&form, "[secret]");
                }
            }
        }
        text
    }

    fn text(&mut self, spec: &SecretSpec, file: &mut SecretFile, env: EnvRef<'_>) -> Result<(), SecretError> {
        if let Some(value) = from_env(spec, env) {
            self.values.insert(spec.name.clone(), Secret(value));
        } else if !self.values.contains_key(&spec.name) {
            if let Some(of) = &spec.same_as {
                let source = self.values.get(of).cloned();
                let missing = || SecretError::UnknownSource { name: spec.name.clone(), of: of.clone() };
                self.values.insert(spec.name.clone(), source.ok_or_else(missing)?);
                return Ok(());
            }
            if !spec.generate {
                self.values.insert(spec.name.clone(), Secret::new(""));
                return Ok(());
            }
            let value = generate(spec.alphabet, spec.length as usize).map_err(SecretError::Random)?;
            file.append(&spec.name, &value);
            self.values.insert(spec.name.clone(), Secret(value));
        }
        Ok(())
    }

    fn hashes(&mut self, specs: &[&SecretSpec], file: &mut SecretFile, env: EnvRef<'_>) -> Result<(), SecretError> {
        let hashes = specs.iter().filter_map(|spec| self.hash(spec, env).transpose());
        let hashes = hashes.collect::<Result<Vec<_>, _>>()?;
        for (hash, renewed) in hashes.iter().zip(renew(&hashes)?) {
            let Some((value, print)) = renewed else { continue };
            file.set(&hash.spec.name, &value);
            file.set(&print_name(hash.spec), &print);
            self.values.insert(hash.spec.name.clone(), Secret(value));
        }
        Ok(())
    }

    /// What has to be known of a hash to tell whether it holds; `None` where the environment gives it.
    fn hash<'a>(&mut self, spec: &'a SecretSpec, env: EnvRef<'_>) -> Result<Option<Hash<'a>>, SecretError> {
        if let Some(value) = from_env(spec, env) {
            self.values.insert(spec.name.clone(), Secret(value));
            return Ok(None);
        }
        let of = spec.bcrypt_of.clone().unwrap_or_default();
        let Some(source) = self.values.get(&of).map(|secret| secret.0.clone()) else {
            return Err(SecretError::UnknownSource { name: spec.name.clone(), of });
        };
        let value = |name: &str| self.values.get(name).map(|secret| secret.0.clone());
        let (hash, print) = (value(&spec.name), value(&print_name(spec)));
        Ok(Some(Hash { spec, of, source, hash, print }))
    }
}

/// A hash as it is in the file, if it is, and what it should be made from.
struct Hash<'a> {
    spec: &'a SecretSpec,
    of: String,
    source: String,
    hash: Option<String>,
    print: Option<String>,
}

impl Hash<'_> {
    /// A new hash and its fingerprint, unless the one that is there holds.
    fn renewed(&self) -> Result<Option<(String, String)>, SecretError> {
        let error = |source| SecretError::Hash { name: self.spec.name.clone(), of: self.of.clone(), source };
        if let Some(hash) = &self.hash {
            // The fingerprint tells cheaply that the source has not changed; a hash put there by hand has none.
            let same = match &self.print {
                Some(print) => *print == fingerprint(hash, &self.source),
                None => bcrypt::verify(&self.source, hash).map_err(error)?,
            };
            if same {
                return Ok(None);
            }
        }
        let hash = bcrypt::non_truncating_hash(&self.source, BCRYPT_COST).map_err(error)?;
        let print = fingerprint(&hash, &self.source);
        Ok(Some((hash, print)))
    }
}

/// All hashes at once, each on a thread of its own: a start waits for them, and they are nothing but computation.
fn renew(hashes: &[Hash<'_>]) -> Result<Vec<Option<(String, String)>>, SecretError> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = hashes.iter().map(|hash| scope.spawn(|| hash.renewed())).collect();
        let joined = threads.into_iter().zip(hashes);
        // One that has panicked is computed here, where its panic is seen.
        joined.map(|(thread, hash)| thread.join().unwrap_or_else(|_| hash.renewed())).collect()
    })
}

fn print_name(spec: &SecretSpec) -> String {
    format!("{}{FINGERPRINT}", spec.name)
}

type EnvRef<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Ending of the line that says which source a hash was made from.
const FINGERPRINT: &str = ".source";

fn from_env(spec: &SecretSpec, env: EnvRef<'_>) -> Option<String> {
    spec.env.as_deref().and_then(env).filter(|value| !value.is_empty())
}

/// Tells whether a source is the one a hash was made from. A plain digest reveals no more than the hash beside it, as
/// long as the source is random; one from the environment may be weak and gets its salt and stretching from 2¹⁶ rounds.
fn fingerprint(hash: &str, source: &str) -> String {
    let mut digest = Sha256::digest(format!("{hash}\0{source}"));
    for _ in 0..FINGERPRINT_ROUNDS {
        digest = Sha256::digest(digest);
    }
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// About ten milliseconds.
const FINGERPRINT_ROUNDS: u32 = 1 << 16;

/// A password for somebody who has not chosen one: letters and digits.
pub fn generated(length: usize) -> Result<String, SecretError> {
    generate(Alphabet::Alphanumeric, length).map_err(SecretError::Random)
}

/// Each character equally likely: bytes beyond the last whole multiple of the alphabet's size are thrown away.
fn generate(alphabet: Alphabet, length: usize) -> Result<String, getrandom::Error> {
    let letters: &[u8] = match alphabet {
        Alphabet::Alphanumeric => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        Alphabet::Hex => b"0123456789abcdef",
    };
    let fair = 256 - 256 % letters.len();
    let mut text = String::with_capacity(length);
    let mut bytes = [0_u8; 64];
    while text.len() < length {
        getrandom::fill(&mut bytes)?;
        let numbers = bytes.iter().map(|byte| usize::from(*byte)).filter(|number| *number < fair);
        let picked = numbers.map(|number| letters[number % letters.len()] as char);
        text.extend(picked.take(length - text.len()));
    }
    Ok(text)
}

/// A file that others can read is closed; one that belongs to somebody else is not trusted.
fn guard_mode(path: &Path, warnings: &mut Vec<SecretWarning>) -> Result<(), SecretError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(SecretError::Disk(VolumeError::disk(DiskAction::Read, path)(error))),
    };
    let own = nix::unistd::geteuid().as_raw();
    if metadata.uid() != own && own != 0 {
        return Err(SecretError::OtherOwner { path: path.to_owned(), found: metadata.uid() });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        disk::set_mode(path, 0o600).map_err(SecretError::Disk)?;
        warnings.push(SecretWarning::TooOpen { path: path.to_owned(), mode });
    }
    Ok(())
}
