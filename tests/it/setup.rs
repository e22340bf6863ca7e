//! From nothing to a working STATUS: the whole stack with its real parts, and the double of Grafana in the place of its
//! part (tests/doubles/grafana).

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::role::{Answer, answer, ask};
use crate::support::{Done, Stack};

mod accounts;
mod killed;
mod original;

/// The repository's own `services.toml`, on ports of its own, with the double in Grafana's place.
struct Status {
    stack: Stack,
    grafana: PathBuf,
}

impl Status {
    fn new() -> Self {
        let stack = Stack::shipped();
        let grafana = stack.grafana_part();
        Self { stack, grafana }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.stack.command(args);
        command.env("REEVE_PART_GRAFANA", &self.grafana);
        command
    }

    #[track_caller]
    fn up(&self) -> Done {
        let done: Done = self.command(&["up", "-d", "--timeout", "900s"]).output().expect("reeve").into();
        done.expect(0)
    }

    #[track_caller]
    fn credential(&self, service: &str, label: &str) -> String {
        self.stack.credential(service, label)
    }

    #[track_caller]
    fn port(&self, service: &str) -> u16 {
        let ports = self.stack.service(service)["ports"].clone();
        let address = ports["http"].as_str().unwrap_or_else(|| panic!("a port in {ports}"));
        address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
    }

    /// A request to the one address that people know.
    #[track_caller]
    fn at_door(&self, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        ask(method, format!("http://127.0.0.1:{}{path}", self.port("reverse-proxy")), token, body)
    }

    /// An access token, for whom the credentials say.
    #[track_caller]
    fn sign_in(&self) -> String {
        let name = self.credential("status-backend", "administrator (name)");
        let password = self.credential("status-backend", "administrator");
        let body = json!({ "username": name, "password": password });
        let session = self.at_door("POST", "/backend/users/signIn", None, Some(body)).expect(200).json();
        session["accessToken"].as_str().unwrap_or_else(|| panic!("a token in {session}")).to_owned()
    }

    /// What the double of Grafana keeps.
    fn kept(&self) -> Value {
        let text = self.stack.read(".reeve/volumes/grafana-status/grafana.db");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}"))
    }

    /// One administrator, one account with one token, whose key is kept.
    #[track_caller]
    fn is_set_up_once(&self) {
        let url = self.credential("postgres", "url");
        assert_eq!(rows(&url, r#"SELECT username || ' ' || authority::text FROM "Users""#), ["admin ADMIN"]);
        assert_eq!(rows(&url, r#"SELECT count(*)::text FROM "Scopes""#), ["4"]);
        assert_eq!(rows(&url, "SELECT name FROM setup_step"), ["populate"]);
        let kept = self.kept();
        let (accounts, tokens) = (&kept["accounts"], &kept["tokens"]);
        assert_eq!(accounts.as_array().map(Vec::len), Some(1), "{kept}");
        assert_eq!(tokens.as_array().map(Vec::len), Some(1), "{kept}");
        assert_eq!((&accounts[0]["name"], &accounts[0]["role"]), (&json!("Status system"), &json!("Admin")));
        assert_eq!(tokens[0]["name"], "STATUS System Token");
        assert_eq!(tokens[0]["key"], self.stack.read(KEY).trim());
    }
}

const KEY: &str = ".reeve/volumes/setup-data/grafana.key";

/// The first column of every row, as text.
#[track_caller]
fn rows(url: &str, sql: &str) -> Vec<String> {
    use sqlx::{Connection, Row};
    let runtime = crate::support::event_loop();
    runtime.block_on(async {
        let mut connection = sqlx::PgConnection::connect(url).await.expect("PostgreSQL");
        let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.expect(sql);
        rows.iter().map(|row| row.try_get::<Option<String>, _>(0).expect("a text").unwrap_or_default()).collect()
    })
}

/// Lets time go by: there is nothing to wait for but the moment.
fn rest(until: Instant) {
    use std::os::fd::AsFd;
    let (reader, _writer) = std::io::pipe().expect("a pipe");
    let left = until.saturating_duration_since(Instant::now()).min(Duration::from_secs(60));
    let mut fds = [nix::poll::PollFd::new(reader.as_fd(), nix::poll::PollFlags::POLLIN)];
    let left = u16::try_from(left.as_millis()).expect("less than a minute and a bit");
    nix::poll::poll(&mut fds, left).expect("poll");
}

#[test]
fn up_alone_gives_a_stack_in_which_the_shown_administrator_signs_in() {
    let status = Status::new();
    // First without Grafana: everything else is there, and what waits for it is told.
    let nothing = status.stack.shared("nothing");
    let mut command = status.command(&["up", "-d", "--timeout", "900s"]);
    command.env("REEVE_PART_GRAFANA", &nothing);
    let first: Done = command.output().expect("reeve").into();
    let first = first.expect(0);
    assert!(first.stderr.contains("not available: grafana"), "{}", first.stderr);
    assert!(first.stderr.contains("not available: setup"), "{}", first.stderr);
    status.sign_in();
    assert!(!status.stack.path().join(KEY).exists());
    status.stack.reeve(&["down"]).expect(0);

    // Then it is there.
    status.up();
    assert_eq!(status.stack.service("setup")["phase"], "completed");
    status.is_set_up_once();
    let token = status.sign_in();
    let sources = status.at_door("GET", "/backend/grafana/datasource", Some(&token), None);
    assert_eq!(sources.status, 200, "{}", sources.text);
    assert!(sources.text.contains("P5E4ECD82955BB660"), "{}", sources.text);

    // Both dashboards are provisioned, and every question in them is one that PostgreSQL answers to Grafana's role.
    let (user, password) = ("admin", status.credential("grafana", "administrator"));
    let base = format!("http://127.0.0.1:{}/grafana/api", status.port("grafana"));
    let reader = status.credential("postgres", "url (read only)");
    for uid in ["status-overview", "status-health"] {
        let dashboard = grafana(&format!("{base}/dashboards/uid/{uid}"), user, &password);
        let panels = dashboard["dashboard"]["panels"].as_array().expect("panels").clone();
        assert!(panels.len() >= 10, "{uid}");
        for panel in panels {
            rows(
                &reader,
                &format!("SELECT row_to_json(q)::text FROM ({}) AS q", expanded(&panel["targets"][0]["rawSql"])),
            );
        }
    }
    let passwords: Vec<_> =
        [("nodered", "administrator (editor and HTTP endpoints)"), ("status-backend", "administrator")]
            .map(|(service, label)| status.credential(service, label))
            .into();
    assert!(passwords.iter().all(|other| *other == password), "one administrator, one password");

    // Again, and nothing changes.
    let before = (status.kept(), status.stack.read(KEY));
    let again = status.up();
    assert!(again.stderr.contains("nothing was changed"), "{}", again.stderr);
    assert_eq!((status.kept(), status.stack.read(KEY)), before);
    status.stack.reeve(&["start", "setup"]).expect(0);
    status.up();
    assert_eq!((status.kept(), status.stack.read(KEY)), before);
    let log = status.stack.reeve(&["logs", "setup"]).expect(0).stdout;
    assert!(log.contains("made (id ") && log.contains("there already, nothing was changed"), "{log}");

    let opened = status.stack.reeve(&["open"]).expect(0).stdout;
    assert_eq!(opened.trim(), format!("http://localhost:{}/", status.port("reverse-proxy")));
    let doctor = status.stack.reeve(&["doctor"]).stdout;
    assert!(doctor.contains("AI_API_KEY is not set: the assistants"), "{doctor}");
    status.stack.reeve(&["down"]).expect(0);
}

fn grafana(url: &str, user: &str, password: &str) -> Value {
    reeve::serve::install_tls();
    let runtime = crate::support::event_loop();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    runtime.block_on(answer(client.get(url).basic_auth(user, Some(password)))).expect(200).json()
}

/// The macros that Grafana's PostgreSQL source would have filled in.
fn expanded(sql: &Value) -> String {
    let sql = sql.as_str().expect("SQL").replace(", $__interval)", ")");
    let mut out = String::new();
    let mut rest = sql.as_str();
    while let Some((before, after)) = rest.split_once("$__time") {
        let (name, inner) = after.split_once('(').expect("a macro");
        let (column, left) = inner.split_once(')').expect("its end");
        out.push_str(before);
        match name {
            "Filter" => out.push_str(&format!("{column} BETWEEN now() - interval '30 days' AND now()")),
            "GroupAlias" => out.push_str(&format!(r#"date_bin('1 hour', {column}, 'epoch') AS "time""#)),
            other => panic!("an unknown macro: {other}"),
        }
        rest = left;
    }
    out + rest
}
