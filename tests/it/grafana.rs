//! The `grafana` preset, against a double of Grafana: no package registry carries the real one (tests/doubles/grafana).

use std::path::Path;

use crate::support::Stack;

const STACK: &str = r#"
[stack]
name = "dashboards"
[volumes.grafana]
[services.grafana]
preset = "grafana"
ports = { http = "auto" }
volumes = { data = "grafana" }
env = { DATASOURCE_ADDRESS = "127.0.0.1:5432", DATASOURCE_DB = "statusdb", DATASOURCE_USER = "grafanauser" }
credentials = { password = "${secret.grafana_password}" }
"#;

#[test]
fn the_grafana_preset_provisions_its_data_source_and_keeps_strangers_out() {
    let stack = Stack::new(STACK);
    let part = stack.grafana_part();
    let mut up = stack.command(&["up", "-d", "--timeout", "60s"]);
    up.env("REEVE_PART_GRAFANA", &part);
    let done: crate::support::Done = up.output().expect("reeve").into();
    done.expect(0);

    let credentials = stack.reeve(&["credentials", "--json"]).expect(0).json();
    let password = credentials["services"]["grafana"]["password"].as_str().expect("a password").to_owned();
    assert!(password.len() >= 24, "generated, not a default");
    let port = stack.service("grafana")["ports"]["http"].to_string();
    let port = port.trim_matches('"').rsplit(':').next().expect("a port").to_owned();
    let base = format!("http://127.0.0.1:{port}/grafana/api");
    // Without a provider nobody can say whether TLS would be possible; plain HTTP is all that is asked here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = crate::support::event_loop();
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let open = client.get(format!("{base}/datasources")).send().await.expect("an answer");
        assert_eq!(open.status(), 401);
        let default = client.get(format!("{base}/user")).basic_auth("admin", Some("admin")).send().await;
        assert_eq!(default.expect("an answer").status(), 401, "no default password");
        let sources = client.get(format!("{base}/datasources")).basic_auth("admin", Some(&password));
        let sources: serde_json::Value = sources.send().await.expect("an answer").json().await.expect("sources");
        assert_eq!(sources[0]["uid"], "P5E4ECD82955BB660");
        assert_eq!(sources[0]["url"], "127.0.0.1:5432");
        assert_eq!(sources[0]["user"], "grafanauser");
    });
    for pid in stack.processes() {
        let place = Path::new("/proc").join(pid.to_string());
        for what in ["cmdline", "environ"] {
            let text = std::fs::read(place.join(what)).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&text).contains(&password), "the password stands in {what}");
        }
    }
}
