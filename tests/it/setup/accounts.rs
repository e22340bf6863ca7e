//! The step of Grafana's account by itself: a real backend, the double of Grafana's HTTP API, and every moment at which it
//! may have been killed.

use std::process::Command;

use serde_json::json;

use crate::backend::harness::{Backend, PREFIX};
use crate::doubles::grafana_http::{Grafana, PASSWORD, USER};
use crate::support::{Done, binary};

const ADMIN_PASSWORD: &str = "the administrator's own";

struct Pair {
    backend: Backend,
    grafana: Grafana,
    dir: tempfile::TempDir,
}

impl Pair {
    fn start() -> Self {
        let grafana = Grafana::start();
        let dir = tempfile::tempdir().expect("a directory");
        let key = dir.path().join("grafana.key");
        let settings = [
            ("GRAFANA_URL", grafana.url()),
            ("GRAFANA_USER", USER.to_owned()),
            ("GRAFANA_PASSWORD", PASSWORD.to_owned()),
            ("GRAFANA_API_KEY_FILE", key.to_string_lossy().into_owned()),
        ];
        let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
        let backend = Backend::with(&settings);
        let body = json!({ "username": "admin", "password": ADMIN_PASSWORD, "email": "a@b.org", "authority": "ADMIN" });
        backend.admin("POST", "/users/signUp", Some(body)).expect(201);
        Self { backend, grafana, dir }
    }

    fn set_up(&self, more: &[(&str, &str)]) -> Done {
        let mut command = Command::new(binary());
        let key = self.dir.path().join("grafana.key");
        command.args(["serve", "setup"]).env_clear().env("GRAFANA_API_KEY_FILE", key);
        command.env("BACKEND_URL", format!("{}{PREFIX}", self.backend.address)).env("ADMIN_PASSWORD", ADMIN_PASSWORD);
        command.env("GRAFANA_URL", self.grafana.url()).env("GRAFANA_PASSWORD", PASSWORD).env("NO_COLOR", "1");
        command.envs(more.iter().copied()).output().expect("reeve").into()
    }

    fn key(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("grafana.key")).unwrap_or_default().trim().to_owned()
    }

    /// Names of accounts and tokens.
    fn made(&self) -> (Vec<String>, Vec<String>) {
        self.grafana.accounts()
    }
}

fn once() -> (Vec<String>, Vec<String>) {
    (vec!["Status system".to_owned()], vec!["STATUS System Token".to_owned()])
}

#[test]
fn one_account_and_one_token_are_made_wherever_it_was_killed() {
    let pair = Pair::start();
    let first = pair.set_up(&[]).expect(0);
    assert!(first.stderr.contains("made (id "), "{}", first.stderr);
    assert!(pair.key().starts_with("glsa_") && !first.stderr.contains(&pair.key()));
    assert_eq!(pair.made(), once());
    let again = pair.set_up(&[]).expect(0);
    assert!(again.stderr.contains("nothing was changed"), "{}", again.stderr);
    // Killed between making the token and keeping its key.
    let (path, lost) = (pair.dir.path().join("grafana.key"), pair.key());
    std::fs::remove_file(&path).expect("removed");
    let third = pair.set_up(&[]).expect(0);
    assert!(
        third.stderr.contains("found (id ") && third.stderr.contains("1 token without a kept key revoked"),
        "{}",
        third.stderr
    );
    assert_eq!(pair.made(), once());
    assert_ne!(pair.key(), lost);
    // Somebody has revoked it in Grafana.
    std::fs::write(&path, "glsa_revoked\n").expect("written");
    pair.set_up(&[]).expect(0);
    assert_eq!(pair.made(), once());
    assert_ne!(pair.key(), "glsa_revoked");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&path).expect("the key").permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_backend_uses_the_key_from_when_it_is_there_and_the_password_when_it_is_refused() {
    let pair = Pair::start();
    let used = || {
        pair.backend.user("GET", "/grafana/folder", None).expect(200);
        let header = pair.grafana.server.last();
        header.header("authorization").expect("credentials").split(' ').next().expect("a kind").to_owned()
    };
    assert_eq!(used(), "Basic");
    pair.set_up(&[]).expect(0);
    assert_eq!(used(), "Bearer");
    std::fs::write(pair.dir.path().join("grafana.key"), "glsa_revoked\n").expect("written");
    assert_eq!(used(), "Basic", "asked again in the same request");
    assert_eq!(used(), "Basic");
    pair.set_up(&[]).expect(0);
    assert_eq!(used(), "Bearer");
}

#[test]
fn the_operator_s_own_key_is_used_and_nothing_is_made() {
    let pair = Pair::start();
    let wrong = pair.set_up(&[("GRAFANA_API_KEY", "glsa_wrong")]).expect(1);
    assert!(wrong.stderr.contains("GRAFANA_API_KEY is not accepted"), "{}", wrong.stderr);
    pair.set_up(&[("GRAFANA_API_KEY", "null")]).expect(0);
    let own = pair.key();
    std::fs::remove_file(pair.dir.path().join("grafana.key")).expect("removed");
    let asked = pair.made();
    let done = pair.set_up(&[("GRAFANA_API_KEY", &own)]).expect(0);
    assert!(done.stderr.contains("nothing was made"), "{}", done.stderr);
    assert_eq!((pair.key(), pair.made()), (own, asked));
}

#[test]
fn what_stands_in_the_way_is_named_with_what_to_do() {
    let pair = Pair::start();
    for (setting, words) in [
        (("ADMIN_PASSWORD", "changed since"), "GRAFANA_API_KEY in .env"),
        (("GRAFANA_PASSWORD", "changed since"), "set GRAFANA_PASSWORD in .env"),
        (("GRAFANA_URL", "http://127.0.0.1:9"), "reeve start setup goes on"),
    ] {
        let failed = pair.set_up(&[setting]).expect(1);
        assert!(failed.stderr.contains("service account of Grafana"), "{}", failed.stderr);
        assert!(failed.stderr.contains(words), "{words} in {}", failed.stderr);
        assert!(!failed.stderr.contains("changed since"), "{}", failed.stderr);
    }
    let incomplete = pair.set_up(&[("BACKEND_URL", "")]).expect(5);
    assert!(incomplete.stderr.contains("BACKEND_URL"), "{}", incomplete.stderr);
}
