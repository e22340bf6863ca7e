//! The STATUS stack with its real parts: PostgreSQL, MongoDB, Valkey, Node-RED, which reeve itself installs.

use std::path::Path;
use std::process::Command;

use crate::support::{Stack, alive, eventually, kill};

fn psql(url: &str, sql: &str) -> Result<String, String> {
    let runtime = crate::support::event_loop();
    runtime.block_on(async {
        use sqlx::{Connection, Row};
        let mut connection = sqlx::PgConnection::connect(url).await.map_err(|error| error.to_string())?;
        let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut connection)
            .await
            .map_err(|error| error.to_string())?;
        Ok(rows.iter().filter_map(|row| row.try_get::<String, _>(0).ok()).collect::<Vec<_>>().join("\n"))
    })
}

#[test]
fn the_status_stack_from_nothing_to_nothing() {
    let stack = Stack::shipped();
    let up = stack.reeve(&["up", "-d", "--timeout", "900s"]).expect(0);
    assert!(up.stderr.contains("http://127.0.0.1:"), "addresses in {up:?}");
    for name in ["postgres", "mongo-registry", "dragonfly", "nodered"] {
        assert_eq!(stack.service(name)["phase"], "ready", "{name}");
    }

    // The databases answer with the generated credentials, and only with them.
    let url = stack.credential("postgres", "url");
    psql(&url, "create table kept (word text); insert into kept values ('durable')").expect("as the application user");
    assert_eq!(psql(&url, "select word from kept").expect("a row"), "durable");
    let wrong = url.replacen(':', "\u{0}", 2).replace('\u{0}', ":");
    let (head, tail) = wrong.rsplit_once('@').expect("user and host");
    let (user, _password) = head.rsplit_once(':').expect("a password");
    assert!(psql(&format!("{user}:wrong@{tail}"), "select 1").is_err());
    let extensions = psql(&url, "select extname::text from pg_extension order by 1").expect("extensions");
    for extension in ["pg_stat_statements", "pg_trgm", "pgcrypto", "uuid-ossp"] {
        assert!(extensions.contains(extension), "{extension} in {extensions}");
    }

    // The part's own psql gets in with the credentials that reeve tells.
    let parts = stack.reeve(&["install", "--json"]).expect(0).json();
    let client = parts["parts"].as_array().expect("parts").iter().find(|part| part["name"] == "postgresql-client");
    let place = client.expect("the client")["place"].as_str().expect("a place").to_owned();
    let mut command = Command::new(Path::new(&place).join("bin/psql"));
    let asked = command.args([&url, "-Atc", "select word from kept"]).output().expect("psql");
    assert_eq!(String::from_utf8_lossy(&asked.stdout).trim(), "durable", "{asked:?}");

    // Grafana's role reads what the application makes later, and writes nothing.
    let reader = stack.credential("postgres", "url (read only)");
    assert_eq!(psql(&reader, "select word from kept").expect("read"), "durable");
    assert!(psql(&reader, "insert into kept values ('no')").is_err());

    let mongo = stack.credential("mongo-registry", "url");
    let runtime = crate::support::event_loop();
    runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(&mongo).await.expect("a client");
        let things = client.database("status").collection::<mongodb::bson::Document>("things");
        things.insert_one(mongodb::bson::doc! { "_id": 1, "word": "durable" }).await.expect("insert");
        let open = mongo.split_once('@').map(|(_, rest)| format!("mongodb://{rest}")).expect("user and host");
        let open = open.split("?").next().expect("a URL").to_owned();
        let stranger = mongodb::Client::with_uri_str(&open).await.expect("a client");
        let refused = stranger
            .database("status")
            .collection::<mongodb::bson::Document>("things")
            .count_documents(mongodb::bson::doc! {})
            .await;
        assert!(refused.is_err(), "without credentials");
    });

    let redis = stack.credential("dragonfly", "url");
    runtime.block_on(async {
        let client = redis::Client::open(redis.as_str()).expect("a client");
        let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
        let _: () = redis::cmd("SET").arg("kept").arg("durable").query_async(&mut connection).await.expect("SET");
        let open = format!("redis://{}", redis.split_once('@').expect("a password").1);
        let stranger = redis::Client::open(open).expect("a client");
        let refused = match stranger.get_multiplexed_async_connection().await {
            Ok(mut connection) => redis::cmd("PING").query_async::<String>(&mut connection).await.is_err(),
            Err(_) => true,
        };
        assert!(refused, "without a password");
    });

    // Node-RED gives an administrator a token, and nobody else a flow.
    let nodered = stack.service("nodered")["ports"]["http"].to_string();
    let nodered = nodered.trim_matches('"').rsplit(':').next().expect("a port").to_owned();
    let base = format!("http://127.0.0.1:{nodered}");
    let password = stack.credential("nodered", "administrator (editor and HTTP endpoints)");
    // Without a provider nobody can say whether TLS would be possible; plain HTTP is all that is asked here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let open = client.get(format!("{base}/flows")).send().await.expect("an answer");
        assert_eq!(open.status(), 401, "without a token");
        let ask = async |password: &str| {
            let form =
                format!("client_id=node-red-admin&grant_type=password&scope=*&username=admin&password={password}");
            let request = client.post(format!("{base}/auth/token")).body(form);
            request.header("content-type", "application/x-www-form-urlencoded").send().await.expect("an answer")
        };
        assert!(!ask("wrong").await.status().is_success());
        let token: serde_json::Value = ask(&password).await.json().await.expect("a token");
        let token = token["access_token"].as_str().expect("a token").to_owned();
        let flows = client.get(format!("{base}/flows")).bearer_auth(token).send().await.expect("an answer");
        assert_eq!(flows.status(), 200);
        assert!(flows.text().await.expect("flows").contains("Hello World!"), "the default flows");
    });

    // A leader is killed: another one is ready, its data there.
    for name in ["postgres", "mongo-registry", "dragonfly", "nodered"] {
        let pid = stack.pid(name);
        if name == "dragonfly" {
            // What is acknowledged survives by the append-only file.
            eventually("the key is on disk", || {
                runtime.block_on(async {
                    let client = redis::Client::open(redis.as_str()).map_err(|error| error.to_string())?;
                    let mut connection =
                        client.get_multiplexed_async_connection().await.map_err(|error| error.to_string())?;
                    redis::cmd("SAVE").query_async::<String>(&mut connection).await.map_err(|error| error.to_string())
                })
            });
        }
        kill(pid, 9);
        eventually(&format!("another {name}"), || {
            let service = stack.service(name);
            if service["phase"] == "ready" && service["pid"].as_i64() != Some(pid.into()) {
                Ok(())
            } else {
                Err(service)
            }
        });
        assert!(stack.reeve(&["why", name]).expect(0).stdout.contains("SIGKILL"));
    }
    assert_eq!(psql(&url, "select word from kept").expect("a row"), "durable");

    // A stopped service stays stopped over the end of reeve, nothing is doubled.
    stack.reeve(&["stop", "nodered"]).expect(0);
    let old: Vec<i32> = ["postgres", "mongo-registry", "dragonfly"].iter().map(|name| stack.pid(name)).collect();
    stack.kill_daemon();
    stack.reeve(&["up", "-d", "--timeout", "300s"]).expect(0);
    assert!(old.iter().all(|pid| !alive(*pid)));
    assert_eq!(stack.service("nodered")["phase"], "stopped");
    assert_eq!(psql(&url, "select word from kept").expect("a row"), "durable");

    // Down leaves nothing running, a warm start keeps the data.
    stack.reeve(&["down"]).expect(0);
    assert_eq!(stack.processes(), Vec::<i32>::new());
    stack.reeve(&["up", "-d", "--timeout", "300s"]).expect(0);
    assert_eq!(psql(&url, "select word from kept").expect("a row"), "durable");
    runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(&mongo).await.expect("a client");
        let things = client.database("status").collection::<mongodb::bson::Document>("things");
        assert_eq!(things.count_documents(mongodb::bson::doc! {}).await.expect("count"), 1);
        let client = redis::Client::open(redis.as_str()).expect("a client");
        let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
        let kept: String = redis::cmd("GET").arg("kept").query_async(&mut connection).await.expect("GET");
        assert_eq!(kept, "durable");
    });
    secrets_are_nowhere_to_be_read(&stack);
    stack.reeve(&["down", "--volumes", "--yes"]).expect(0);
    let left: Vec<_> =
        std::fs::read_dir(stack.data()).map(|dir| dir.flatten().map(|e| e.file_name()).collect()).unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}

/// No generated secret stands in an argument list, a log or an answer of the API.
fn secrets_are_nowhere_to_be_read(stack: &Stack) {
    let secrets: Vec<String> = stack
        .read(".reeve/secrets.env")
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| !name.starts_with('#'))
        .map(|(_, value)| value.trim_matches(['"', '\'']).to_owned())
        .filter(|value| value.len() >= 16)
        .collect();
    assert!(secrets.len() >= 5, "{} secrets", secrets.len());
    let mut places = vec![
        ("ps".to_owned(), stack.reeve(&["ps", "--json"]).stdout),
        ("events".to_owned(), stack.reeve(&["events", "--json"]).stdout),
        ("config".to_owned(), stack.reeve(&["config"]).stdout),
        ("logs".to_owned(), stack.reeve(&["logs", "-n", "100000"]).stdout),
        ("reeve.log".to_owned(), stack.read(".reeve/logs/reeve.log")),
    ];
    for pid in stack.processes() {
        let argv = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        places.push((format!("argv of {pid}"), String::from_utf8_lossy(&argv).into_owned()));
    }
    for (place, text) in places {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "a secret stands in {place}");
        }
    }
}

#[test]
fn a_first_start_killed_at_any_moment_is_always_made_good_by_the_next() {
    let stack = Stack::shipped();
    let stores = ["postgres", "mongo-registry", "dragonfly"];
    // Parts first, so that the kills meet the volumes and not the downloads.
    stack.reeve(&["install"]).expect(0);
    let runtime = crate::support::event_loop();
    let mut random: u32 = 0x2545_f491;
    for round in 0..25 {
        let mut up = stack.command(&["up", "postgres", "mongo-registry", "dragonfly"]);
        up.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        #[expect(clippy::disallowed_methods, reason = "the tests start reeve itself")]
        let mut reeve = up.spawn().expect("reeve");
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        // Moments from before the lock to after ready; whoever measures them is not reeve.
        let millis = random % 4000;
        let status = Command::new("sleep").arg(format!("{}.{:03}", millis / 1000, millis % 1000)).status();
        assert!(status.expect("sleep").success());
        kill(reeve.id() as i32, 9);
        reeve.wait().expect("an end");

        let up = |moment: &str| {
            let mut args = vec!["up", "-d", "--timeout", "300s"];
            args.extend(stores);
            let done = stack.reeve(&args);
            assert_eq!(done.code, 0, "round {round}, killed after {millis} ms, {moment}: {done:?}");
        };
        up("after the kill");
        let (url, mongo) = (stack.credential("postgres", "url"), stack.credential("mongo-registry", "url"));
        psql(&url, "create table kept (round int)").expect("a table");
        psql(&url, &format!("insert into kept values ({round})")).expect("a row");
        let things = || async {
            let client = mongodb::Client::with_uri_str(&mongo).await.expect("a client");
            client.database("status").collection::<mongodb::bson::Document>("things")
        };
        runtime.block_on(async {
            things().await.insert_one(mongodb::bson::doc! { "round": round }).await.expect("insert");
        });
        // What was acknowledged survives the end of reeve in the middle of everything.
        stack.kill_daemon();
        up("after the second kill");
        assert_eq!(psql(&url, "select round::text from kept").expect("rows"), round.to_string());
        runtime.block_on(async {
            let count = things().await.count_documents(mongodb::bson::doc! { "round": round }).await.expect("count");
            assert_eq!(count, 1);
        });
        stack.reeve(&["down", "--volumes", "--yes"]).expect(0);
    }
}
