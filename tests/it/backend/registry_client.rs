//! The backend's client of the registry against the real one.

use reeve::backend::clients::{Registry, UpstreamError};
use serde_json::json;

use super::governed;

#[track_caller]
fn status(result: Result<impl std::fmt::Debug, UpstreamError>) -> u16 {
    let error = result.expect_err("refused");
    error.status().unwrap_or_else(|| panic!("{error:?}")).as_u16()
}

#[test]
fn the_registry_keeps_agreements_and_tells_states() {
    reeve::serve::install_tls();
    let registry = governed::Registry::start();
    let client = Registry::new(Some(&registry.url())).expect("a client");
    let runtime = crate::support::event_loop();
    runtime.block_on(async {
        assert_eq!(client.agreement("tpa-1").await.expect("an answer"), None);
        client.create_agreement(&json!({ "id": "tpa-1", "version": "1" })).await.expect("made");
        assert_eq!(status(client.create_agreement(&json!({ "id": "tpa-1" })).await), 409);
        let kept = client.agreement("tpa-1").await.expect("an answer").expect("there");
        assert_eq!((&kept["version"], &kept["__v"]), (&json!("1"), &json!(0)));
        client.update_agreement("tpa-1", &json!({ "id": "tpa-1", "version": "2" })).await.expect("replaced");
        assert_eq!(client.agreement("tpa-1").await.expect("an answer").expect("there")["version"], "2");
        assert_eq!(status(client.update_agreement("tpa-2", &json!({})).await), 404);
        let states = client.guarantees("tpa-1", Some("2024-01-01T00:00:00.000Z"), Some("2024-02-01"), None).await;
        assert_eq!(json!(states.expect("states")), json!([]), "it guarantees nothing");
        assert_eq!(status(client.guarantees("tpa-2", None, None, None).await), 404);
    });
}
