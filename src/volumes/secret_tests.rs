//! The file of secrets: made once, private, kept as it is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};

use super::secrets::{SecretError, SecretWarning, Secrets};
use crate::spec::{Alphabet, SecretSpec};

fn spec(name: &str) -> SecretSpec {
    SecretSpec::generated(name)
}

fn open(path: &Path, specs: &[SecretSpec]) -> Result<(Secrets, Vec<SecretWarning>), SecretError> {
    Secrets::open(path, specs, |_| None)
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secrets.env");
    (dir, path)
}

fn value(secrets: &Secrets, name: &str) -> String {
    secrets.get(name).unwrap().expose().to_owned()
}

#[test]
fn a_secret_is_made_once_and_is_private() {
    let (_dir, path) = place();
    let (first, warnings) = open(&path, &[spec("a"), spec("b")]).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let a = value(&first, "a");
    assert_eq!(a.len(), 32);
    assert!(a.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_ne!(a, value(&first, "b"));
    let (second, _) = open(&path, &[spec("a"), spec("b"), spec("c")]).unwrap();
    assert_eq!(value(&second, "a"), a);
    assert_eq!(second.names().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn what_the_operator_wrote_stays() {
    let (_dir, path) = place();
    let text = "# mine\r\nb=\"has space\"\n\n  a = 'x=y' \n";
    fs::write(&path, text).unwrap();
    let (secrets, warnings) = open(&path, &[spec("a"), spec("b"), spec("new")]).unwrap();
    assert_eq!(value(&secrets, "a"), "x=y");
    assert_eq!(value(&secrets, "b"), "has space");
    assert!(matches!(&warnings[..], [SecretWarning::TooOpen { mode: 0o644, .. }]), "{warnings:?}");
    let now = fs::read_to_string(&path).unwrap();
    assert_eq!(now, format!("# mine\nb=\"has space\"\n\n  a = 'x=y' \nnew={}\n", value(&secrets, "new")));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_malformed_file_is_refused_without_showing_it() {
    for (text, line, what) in [
        ("a=secretvalue\nnonsense-secret\n", 2, "no `=`"),
        ("a=\n", 1, "empty"),
        ("a=one\na=two\n", 2, "earlier line"),
        ("a b=c\n", 1, "a name may hold"),
    ] {
        let (_dir, path) = place();
        fs::write(&path, text).unwrap();
        let error = open(&path, &[spec("x")]).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(&format!("line {line}")) && said.contains(what), "{said}");
        assert!(!said.contains("secret") || !said.contains("nonsense"), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "a file that is not understood is not changed");
    }
    let (_dir, path) = place();
    fs::write(&path, b"a=1\nb=\xff\n").unwrap();
    assert!(open(&path, &[]).unwrap_err().to_string().contains("line 2: not UTF-8"));
}

#[test]
fn the_environment_wins_and_is_not_written() {
    let (_dir, path) = place();
    let mut given = spec("db");
    given.env = Some("DB_PASSWORD".to_owned());
    let env = |name: &str| (name == "DB_PASSWORD").then(|| "from-outside".to_owned());
    let (secrets, _) = Secrets::open(&path, [&given], env).unwrap();
    assert_eq!(value(&secrets, "db"), "from-outside");
    assert!(!path.exists());
}

#[test]
fn a_hash_is_kept_until_its_source_changes() {
    let (_dir, path) = place();
    let mut hash = spec("hash");
    hash.bcrypt_of = Some("plain".to_owned());
    let specs = [hash, spec("plain")];
    let (first, _) = open(&path, &specs).unwrap();
    assert!(bcrypt::verify(value(&first, "plain"), &value(&first, "hash")).unwrap());
    assert_eq!(first.names().collect::<Vec<_>>(), ["hash", "plain"]);
    let (second, _) = open(&path, &specs).unwrap();
    assert_eq!(value(&second, "hash"), value(&first, "hash"));

    let text = fs::read_to_string(&path).unwrap().replace(&value(&first, "plain"), "another-value");
    fs::write(&path, text).unwrap();
    let (third, _) = open(&path, &specs).unwrap();
    assert!(bcrypt::verify("another-value", &value(&third, "hash")).unwrap());

    let mut orphan = spec("orphan");
    orphan.bcrypt_of = Some("nobody".to_owned());
    assert!(matches!(open(&path, &[orphan]).unwrap_err(), SecretError::UnknownSource { .. }));
}

#[test]
fn starts_at_once_agree() {
    let (dir, path) = place();
    let barrier = Arc::new(Barrier::new(6));
    let threads: Vec<_> = (0..6)
        .map(|_| {
            let (path, barrier) = (path.clone(), barrier.clone());
            std::thread::spawn(move || {
                barrier.wait();
                value(&open(&path, &[spec("a")]).unwrap().0, "a")
            })
        })
        .collect();
    let mut values: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    values.dedup();
    assert_eq!(values.len(), 1);
    drop(dir);
}

#[test]
fn no_text_shows_a_secret() {
    let (_dir, path) = place();
    fs::write(&path, "a=it's a \"p@ss\"\n").unwrap();
    let (secrets, _) = open(&path, &[]).unwrap();
    assert!(!format!("{secrets:?}").contains("p@ss"));
    let text =
        "url x:it%27s%20a%20%22p%40ss%22@h sql 'it''s a \"p@ss\"' json \"it's a \\\"p@ss\\\"\" plain it's a \"p@ss\"";
    let redacted = secrets.redact(text);
    assert!(!redacted.contains("p@ss") && !redacted.contains("p%40ss"), "{redacted}");
}

#[test]
fn a_key_of_hexadecimal_digits_has_as_many_as_asked_for() {
    let (_dir, path) = place();
    let mut key = spec("key");
    (key.length, key.alphabet) = (64, Alphabet::Hex);
    let (secrets, _) = open(&path, &[key]).unwrap();
    let key = value(&secrets, "key");
    assert!(key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)), "{key}");
}

#[test]
fn one_secret_may_be_what_another_is_until_the_environment_says_otherwise() {
    let (_dir, path) = place();
    let mut copy = spec("b");
    copy.same_as = Some("a".to_owned());
    let mut copy_of_copy = spec("0");
    copy_of_copy.same_as = Some("b".to_owned());
    let specs = [copy_of_copy, spec("a"), copy.clone()];
    let (secrets, _) = open(&path, &specs).unwrap();
    assert_eq!(value(&secrets, "a"), value(&secrets, "b"));
    assert_eq!(value(&secrets, "a"), value(&secrets, "0"));
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains('=')).count(), 1, "only the source is written: {text}");
    let (read, _) = Secrets::read(&path, &specs, |_| None).unwrap();
    assert_eq!(value(&read, "0"), value(&secrets, "a"));
    copy.env = Some("B".to_owned());
    let given = |name: &str| (name == "B").then(|| "given".to_owned());
    let (secrets, _) = Secrets::open(&path, &[spec("a"), copy], given).unwrap();
    assert_eq!(value(&secrets, "b"), "given");
}

#[test]
fn what_is_not_to_be_generated_is_empty_until_it_is_given() {
    let (_dir, path) = place();
    let mut key = spec("key");
    (key.env, key.generate) = (Some("KEY".to_owned()), false);
    let (secrets, _) = open(&path, &[key.clone()]).unwrap();
    assert_eq!(secrets.get("key").unwrap().expose(), "");
    assert!(!path.exists(), "there is nothing to keep");
    let (secrets, _) = Secrets::open(&path, &[key], |_| Some("sk-1".to_owned())).unwrap();
    assert_eq!(secrets.get("key").unwrap().expose(), "sk-1");
}
