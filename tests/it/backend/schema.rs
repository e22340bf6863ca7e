//! The OpenAPI document against the server that serves it: schemathesis makes requests from the document, good ones and bad
//! ones, and looks whether every answer is one that the document promises, and none a 5xx.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::governed::Governed;
use crate::doubles::node_red::Play;
use crate::doubles::{github, grafana_http, openai};

/// One version, so that a run means the same tomorrow.
const PACKAGE: &str = "schemathesis==4.32.5";

/// Installed once, beside what cargo builds for tests. `None`, said aloud: pip cannot bring it.
fn tool() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis");
    let program = place.join("bin/schemathesis");
    if !program.exists() {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"])
            .arg(&place)
            .arg(PACKAGE);
        let output = pip.output().expect("python3");
        if !output.status.success() {
            eprintln!("SKIPPED schemathesis: {}", String::from_utf8_lossy(&output.stderr));
            return None;
        }
    }
    Some(program)
}

#[test]
fn every_answer_is_one_that_the_document_promises() {
    let Some(tool) = tool() else { return };
    let (grafana, openai, github) = (grafana_http::Grafana::start(), openai::OpenAi::start(), github::start());
    let settings: [(&str, &str); 9] = [
        ("GRAFANA_URL", &grafana.server.url()),
        ("GRAFANA_USER", grafana_http::USER),
        ("GRAFANA_PASSWORD", grafana_http::PASSWORD),
        ("OPENAI_BASE_URL", &openai.server.url()),
        ("AI_API_KEY", openai::KEY),
        ("GITHUB_URL", &github.url()),
        ("RATE_LIMIT_SIGN_IN", "1000000"),
        ("RATE_LIMIT_SIGN_IN_ADDRESS", "1000000"),
        ("RATE_LIMIT_ASSISTANT", "1000000"),
    ];
    let Governed { backend, flows, registry: _registry } = Governed::with(&settings, &[]);
    flows.when("", Play::results(&[true]));
    let report = tempfile::tempdir().expect("a temporary directory");
    // It would sign up for an account by itself, where it has a token already.
    std::fs::write(report.path().join("schemathesis.toml"), "[auth]\nauto-signup = false\n").expect("its settings");
    // No reeve runs this backend, which the document says is 503 below /system; there it is no error of the server's.
    let checks = "status_code_conformance,content_type_conformance,response_schema_conformance";
    let all = format!("not_a_server_error,{checks}");
    for (which, checks) in [("--exclude-path-regex", all.as_str()), ("--include-path-regex", checks)] {
        let mut command = Command::new("python3");
        command.arg(&tool).arg("run").arg(format!("{}/api-docs", backend.address)).current_dir(report.path());
        command.args(["--origin", &backend.address, "--header", &format!("x-access-token:{}", backend.token("ADMIN"))]);
        command.args(["--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--seed", "1"]);
        command.args(["--generation-deterministic", "--no-color", "--continue-on-failure", "--request-timeout", "20"]);
        command.args([which, "/system", "--checks", checks]);
        command
            .env("PYTHONPATH", tool.parent().and_then(Path::parent).expect("a place"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let output = command.output().expect("python3");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}
