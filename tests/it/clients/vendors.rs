//! Each client against the double of its service.

use reeve::backend::clients::node_red::Endpoint;
use reeve::backend::clients::openai::NewAssistant;
use reeve::backend::clients::{GitHub, Grafana, NodeRed, OpenAi, Registry, UpstreamError};
use reeve::backend::settings;
use reeve::serve::Secret;
use serde_json::{Value, json};

use super::{nowhere, run};
use crate::doubles::{Trouble, github, grafana_http, node_red, openai, registry};

fn grafana(url: &str, user: Option<(&str, &str)>, key: Option<&str>) -> Grafana {
    reeve::serve::install_tls();
    let settings = settings::Grafana {
        url: Some(url.to_owned()),
        user: user.map(|(name, _)| name.to_owned()),
        password: user.map(|(_, password)| Secret::new(password)),
        api_key: key.map(Secret::new),
        key_file: None,
    };
    Grafana::new(&settings).expect("a client")
}

const ADMIN: Option<(&str, &str)> = Some((grafana_http::USER, grafana_http::PASSWORD));

#[track_caller]
fn refused(result: Result<impl std::fmt::Debug, UpstreamError>) -> (u16, String) {
    let error = result.expect_err("refused");
    let told = error.told().unwrap_or("").to_owned();
    (error.status().unwrap_or_else(|| panic!("{error:?}")).as_u16(), told)
}

#[test]
fn grafana_knows_who_asks() {
    let double = grafana_http::Grafana::start();
    let admin = grafana(&double.url(), ADMIN, Some("nobody's key"));
    run(async {
        admin.folders().await.expect("the password comes first");
        let account = admin.create_service_account(&json!({ "name": "status", "role": "Admin" })).await.expect("made");
        let again = admin.create_service_account(&json!({ "name": "status", "role": "Admin" })).await;
        assert_eq!(refused(again), (400, "service account already exists".to_owned()));
        let id = account["id"].to_string();
        assert_eq!(admin.service_account(&id).await.expect("there")["name"], "status");
        assert_eq!(refused(admin.service_account("999").await).0, 404);
        let token = admin.create_service_account_token(&id, &json!({ "name": "t" })).await.expect("a token");
        assert_eq!(refused(admin.create_service_account_token(&id, &json!({ "name": "t" })).await).0, 400);

        let other = grafana(&double.url(), None, Some("nobody's key"));
        assert_eq!(refused(other.folders().await), (401, "Invalid API key".to_owned()));
        let keyed = grafana(&double.url(), None, token["key"].as_str());
        keyed.folders().await.expect("known by its key");

        let stranger = grafana(&double.url(), None, None);
        assert_eq!(refused(stranger.folders().await), (401, "Unauthorized".to_owned()));
        let liar = grafana(&double.url(), Some((grafana_http::USER, "wrong")), None);
        assert_eq!(refused(liar.folders().await), (401, "Invalid username or password".to_owned()));
    });
}

#[test]
fn grafana_keeps_dashboards_in_folders() {
    let double = grafana_http::Grafana::start();
    let client = grafana(&double.url(), ADMIN, None);
    run(async {
        let folder = client.create_folder(&json!({ "title": "Folder" })).await.expect("a folder");
        let folder = folder["uid"].as_str().expect("a uid");
        let body = json!({ "dashboard": { "title": "One" }, "folderUid": folder, "overwrite": false });
        let saved = client.save_dashboard(&body).await.expect("saved");
        let uid = saved["uid"].as_str().expect("a uid");
        let clash = client.save_dashboard(&body).await;
        assert_eq!(refused(clash), (412, "A dashboard with the same name in the folder already exists".to_owned()));

        let there = client.dashboard(uid).await.expect("there");
        assert_eq!((&there["dashboard"]["version"], &there["meta"]["folderUid"]), (&json!(1), &json!(folder)));
        let again = json!({ "dashboard": there["dashboard"], "folderUid": folder, "overwrite": true });
        assert_eq!(client.save_dashboard(&again).await.expect("saved")["version"], 2);
        assert_eq!(double.dashboard(uid).expect("there")["version"], 2);
        assert_eq!(refused(client.save_dashboard(&json!({})).await).0, 400);

        let imported = client.import_dashboard(&json!({ "dashboard": { "title": "Two" } })).await.expect("imported");
        assert_eq!(imported["imported"], true);
        let titles = |found: Value| -> Vec<String> {
            let found = found.as_array().expect("a list").clone();
            found.iter().map(|it| it["title"].as_str().expect("a title").to_owned()).collect()
        };
        assert_eq!(titles(client.search([]).await.expect("found")), ["Folder", "One", "Two"]);
        let query = [("type", "dash-db"), ("folderUIDs", folder), ("folderUIDs", "other")];
        assert_eq!(titles(client.search(query).await.expect("found")), ["One"]);
        assert_eq!(titles(client.search([("limit", "1"), ("page", "2")]).await.expect("found")), ["One"]);
        assert_eq!(titles(client.folders().await.expect("found")), ["Folder"]);

        let renamed =
            client.update_folder(folder, &json!({ "title": "New", "overwrite": true })).await.expect("renamed");
        assert_eq!(renamed["title"], "New");
        assert_eq!(client.folder(folder).await.expect("there")["version"], 2);
        client.delete_dashboard(uid).await.expect("deleted");
        assert_eq!(refused(client.dashboard(uid).await), (404, "Dashboard not found".to_owned()));
        client.delete_folder(folder).await.expect("deleted");
        assert_eq!(refused(client.folder(folder).await).0, 404);
        assert_eq!(double.dashboards(), 1);

        let source = json!({ "name": "db", "type": "postgres", "url": "h:1", "access": "proxy" });
        assert_eq!(client.create_data_source(&source).await.expect("made")["message"], "Datasource added");
        assert_eq!(refused(client.create_data_source(&source).await).0, 409);
        assert_eq!(client.data_sources().await.expect("found")[0]["name"], "db");
    });
}

#[test]
fn an_odd_uid_stays_in_its_place() {
    let double = grafana_http::Grafana::start();
    let client = grafana(&double.url(), ADMIN, None);
    assert_eq!(refused(run(client.delete_folder("a/../../datasources?x"))).0, 404);
    assert_eq!(double.server.last().line(), "DELETE /api/folders/a%2F..%2F..%2Fdatasources%3Fx");
}

fn node_red_client(url: &str) -> NodeRed {
    reeve::serve::install_tls();
    let (user, password) = (Some(node_red::USER.to_owned()), Some(Secret::new(node_red::PASSWORD)));
    NodeRed::new(&settings::NodeRed { url: Some(url.to_owned()), user, password }).expect("a client")
}

#[test]
fn node_red_gives_its_users_a_token() {
    let double = node_red::start();
    let client = node_red_client(&double.url());
    let (user, password) = node_red::DEVELOPER;
    assert_eq!(run(client.token(user, password)).expect("an answer").as_deref(), Some(node_red::TOKEN));
    assert_eq!(
        double.last().json(),
        json!({ "client_id": "node-red-admin", "grant_type": "password", "scope": "*", "username": user, "password": password })
    );
    assert_eq!(refused(run(client.token(user, "wrong"))).0, 403);
    for empty in [json!({ "access_token": "" }), json!({ "access_token": null }), json!({})] {
        double.next(1, "", Trouble::Status(200, empty));
        assert_eq!(run(client.token(user, password)).expect("an answer"), None);
    }
}

#[test]
fn node_red_must_answer_a_start_with_exactly_200() {
    let double = node_red::start();
    let client = node_red_client(&double.url());
    let flow: Endpoint = "/check/it".parse().expect("an endpoint");
    let body = json!({ "computationGroup": "g" });
    run(client.start(&flow, Some("a.b.c"), &body)).expect("started");
    let asked = double.last();
    assert_eq!((asked.line().as_str(), asked.header("x-access-token")), ("POST /api/v1/check/it", Some("a.b.c")));
    assert_eq!(asked.json(), body);
    for status in [201, 202, 204, 401, 500] {
        double.next(1, "", Trouble::Status(status, Value::Null));
        assert_eq!(refused(run(client.start(&flow, None, &body))).0, status);
    }
    assert_eq!(double.last().header("x-access-token"), None);
}

#[test]
fn the_registry_is_asked_for_states_once_and_in_the_caller_s_name() {
    reeve::serve::install_tls();
    let double = registry::Registry::start();
    let client = Registry::new(Some(&double.server.url())).expect("a client");
    run(async {
        double.tell_states(json!([{ "id": "G", "value": 100 }]));
        let states = client.guarantees("tpa-1", Some("2024-01-01T00:00:00.000Z"), None, Some("a.b.c")).await;
        assert_eq!(states.expect("states"), [json!({ "id": "G", "value": 100 })]);
        let asked = double.server.last();
        assert_eq!(asked.line(), "GET /api/v6/states/tpa-1/guarantees");
        assert_eq!(asked.query, "from=2024-01-01T00%3A00%3A00.000Z&newPeriodsFromGuarantees=false");
        assert_eq!(asked.header("x-access-token"), Some("a.b.c"));

        double.server.next(1, "states", Trouble::Status(503, Value::Null));
        let before = double.server.asked().len();
        assert_eq!(refused(client.guarantees("tpa-1", None, None, None).await).0, 503);
        assert_eq!(double.server.asked().len(), before + 1, "computations are not started twice");
        double.server.next(1, "states", Trouble::Status(200, json!({ "not": "a list" })));
        let odd = client.guarantees("tpa-1", None, None, None).await;
        assert!(matches!(odd, Err(UpstreamError::BadAnswer { .. })), "{odd:?}");
        double.server.next(1, "agreements", Trouble::Status(500, Value::Null));
        assert_eq!(refused(client.agreement("tpa-1").await).0, 500, "only 404 is absence");
    });
}

fn openai_client(url: &str, key: &str) -> OpenAi {
    reeve::serve::install_tls();
    let organisation = openai::ORGANISATION.to_owned();
    OpenAi::new(&settings::OpenAi { url: url.to_owned(), organisation, key: Secret::new(key) }).expect("a client")
}

#[test]
fn openai_runs_an_assistant_on_a_thread() {
    let double = openai::OpenAi::start();
    let client = openai_client(&double.url(), openai::KEY);
    run(async {
        let tools = json!([{ "type": "code_interpreter" }]);
        let new = NewAssistant { name: "A", instructions: "Help.", tools: &tools, model: "gpt-3.5-turbo-0125" };
        let assistant = client.create_assistant(new).await.expect("made").id;
        let asked = double.server.last();
        assert_eq!(asked.header("openai-organization"), Some(openai::ORGANISATION));
        assert_eq!(asked.header("openai-beta"), Some("assistants=v2"));
        assert_eq!(client.instruct(&assistant, "Help more.").await.expect("updated").id, assistant);
        let kept = double.assistant(&assistant).expect("there");
        assert_eq!((&kept["instructions"], &kept["tools"]), (&json!("Help more."), &tools));

        let run = client.create_thread_and_run(&assistant, "Hi").await.expect("run");
        let thread = run.thread_id.clone();
        assert!(!client.run(&thread, &run.id).await.expect("there").is_completed());
        double.complete_runs();
        assert!(client.run(&thread, &run.id).await.expect("there").is_completed());
        let messages = client.messages(&thread).await.expect("messages");
        assert_eq!(messages["data"][0]["content"][0]["text"]["value"], "Hello!");
        assert_eq!(messages["data"][1]["role"], "user");

        client.add_message(&thread, "And?").await.expect("added");
        let second = client.create_run(&thread, &assistant).await.expect("run");
        assert_ne!(second.id, run.id);
        client.delete_thread(&thread).await.expect("deleted");
        assert_eq!(double.threads(), 0);
        assert_eq!(refused(client.messages(&thread).await).0, 404);
    });
}

#[test]
fn openai_refuses_a_wrong_key_without_showing_it() {
    let double = openai::OpenAi::start();
    let client = openai_client(&double.url(), "sk-wrong");
    let error = run(client.messages("thread_1")).expect_err("refused");
    assert_eq!(error.status().map(|status| status.as_u16()), Some(401));
    assert!(!format!("{error} {error:?} {client:?}").contains("sk-wrong"));
}

#[test]
fn github_changes_a_code_for_a_token_in_its_own_words() {
    reeve::serve::install_tls();
    let double = github::start();
    let client = |url: &str, secret: &str| {
        let settings = settings::GitHub {
            url: url.to_owned(),
            client_id: Some(github::CLIENT.to_owned()),
            client_secret: Some(Secret::new(secret)),
            redirect: "http://localhost:3000/profile".to_owned(),
        };
        GitHub::new(&settings).expect("a client")
    };
    let good = client(&double.url(), github::SECRET);
    let token = run(good.exchange(github::CODE)).expect("a token");
    assert_eq!(token, json!({ "access_token": github::TOKEN, "token_type": "bearer", "scope": "repo,gist" }));
    let asked = double.last();
    assert_eq!((asked.header("accept"), asked.body.len()), (Some("application/json"), 0));
    assert!(asked.query.ends_with("redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fprofile"), "{}", asked.query);
    assert_eq!(run(good.exchange("bad")).expect("an answer")["error"], "bad_verification_code");
    let wrong = client(&double.url(), "wrong");
    assert_eq!(run(wrong.exchange(github::CODE)).expect("an answer")["error"], "incorrect_client_credentials");
    let error = run(client(&nowhere(), "hunter2").exchange("code")).expect_err("nobody there");
    assert!(!format!("{error} {error:?} {:?}", client(&nowhere(), "hunter2")).contains("hunter2"));
}
