//! The manual's walk with curl is run as it stands there.

use crate::backend::data::data;
use crate::support::free_port;
use crate::support::pages::Page;

#[test]
fn the_walk_in_the_manual_goes_from_an_agreement_to_a_state() {
    let found = std::process::Command::new("python3").arg("--version").stdout(std::process::Stdio::null()).status();
    assert!(found.is_ok_and(|status| status.success()), "the manual's walk needs python3");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let database = format!("registry_{}", uuid::Uuid::new_v4().simple());
    let (url, port) = (data().mongo_url(&database), free_port().to_string());
    let walk = Page::read("docs/registry.md").run(dir.path(), 0, &[("MONGO_URI", &url), ("PORT", &port)]);
    let log = std::fs::read_to_string(dir.path().join("registry.log")).unwrap_or_default();
    assert_eq!(walk.code, 0, "{walk:?}\n{log}");
    let wanted = r#"404
OK
{"id":"tpa-1","version":"1.0.1"}
{"id":"UPTIME","value":true,"metrics":{"UPTIME_METRIC":87},"scope":{"project":"p1"}}
{"record_size":0,"value":true}
OK
OK
"#;
    assert_eq!(walk.stdout, wanted);
    let runtime = crate::support::event_loop();
    runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(data().mongo_url(&database)).await.expect("MongoDB");
        client.database(&database).drop().await.expect("dropped");
    });
}
