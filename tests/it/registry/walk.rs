//! The manual's walk with curl is run as it stands there.

use std::process::{Command, Stdio};

use crate::backend::data::data;
use crate::support::{binary, free_port};

#[test]
fn the_walk_in_the_manual_goes_from_an_agreement_to_a_state() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manual = std::fs::read_to_string(root.join("docs/registry.md")).expect("the manual");
    let script = manual.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the script");
    for tool in ["curl", "jq", "python3"] {
        let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
        assert!(found.is_ok_and(|status| status.success()), "the manual's walk needs {tool}");
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let database = format!("registry_{}", uuid::Uuid::new_v4().simple());
    let path = format!("{}:{}", binary().parent().expect("a folder").display(), std::env::var("PATH").expect("PATH"));
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(dir.path()).env("PATH", path);
    command.env("MONGO_URI", data().mongo_url(&database)).env("PORT", free_port().to_string());
    let output = command.output().expect("bash");
    let said = String::from_utf8_lossy(&output.stdout);
    let log = std::fs::read_to_string(dir.path().join("registry.log")).unwrap_or_default();
    assert!(output.status.success(), "{said}\n{}\n{log}", String::from_utf8_lossy(&output.stderr));
    let wanted = r#"404
OK
{"id":"tpa-1","version":"1.0.1"}
{"id":"UPTIME","value":true,"metrics":{"UPTIME_METRIC":87},"scope":{"project":"p1"}}
{"record_size":0,"value":true}
OK
OK
"#;
    assert_eq!(said, wanted);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(data().mongo_url(&database)).await.expect("MongoDB");
        client.database(&database).drop().await.expect("dropped");
    });
}
