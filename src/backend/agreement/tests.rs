//! What the agreement builder promises, member by member.

use super::*;

fn object(value: Value) -> Object {
    value.as_object().unwrap().clone()
}

fn control(name: &str, sets: Vec<Value>) -> ControlTerms {
    ControlTerms {
        name: name.to_owned(),
        description: Some("about".to_owned()),
        period: "MONTHLY".to_owned(),
        params: object(json!({"endpoint": "/flow", "threshold": "50", "z": 1, "a": "2"})),
        scope_sets: sets.into_iter().map(object).collect(),
    }
}

/// That of the original.
fn place() -> Place {
    Place { base: "http://status-backend:3001".to_owned(), infrastructure_path: "status-backend".to_owned() }
}

fn scope(name: &str) -> ScopeTerms {
    let text = |text: &str| text.to_owned();
    ScopeTerms { name: text(name), description: text("d"), kind: text("string"), default: text("*") }
}

fn built(controls: &[ControlTerms], scopes: &[ScopeTerms]) -> Agreement {
    build("tpa-1".to_owned(), Span::default(), controls, scopes, &place()).unwrap()
}

#[test]
fn ids_have_their_prefix() {
    let fresh = Uuid::nil();
    assert_eq!(agreement_id(Some("abc"), fresh), "tpa-abc");
    assert_eq!(agreement_id(Some("tpa-abc"), fresh), "tpa-abc");
    for none in [None, Some("")] {
        assert_eq!(agreement_id(none, fresh), "tpa-00000000-0000-0000-0000-000000000000");
    }
}

#[test]
fn names_become_ids() {
    let table =
        [("Data Privacy", "DATA_PRIVACY"), ("a \t\n b", "A_B"), (" x ", "_X_"), ("straße", "STRASSE"), ("", "")];
    for (name, id) in table {
        assert_eq!(guarantee_id(name), id);
    }
}

#[test]
fn without_controls_there_are_no_terms() {
    let expected = json!({
        "id": "tpa-1", "version": "1.0.0", "type": "agreement",
        "context": {
            "validity": {
                "initial": "2022-01-01", "timeZone": "America/Los_Angeles",
                "startDate": "1975-01-01", "endDate": "2022-01-01",
            },
            "definitions": {"schemas": {}, "scopes": {}},
        },
        "terms": {"metrics": {}, "guarantees": []},
    });
    assert_eq!(json!(built(&[], &[])), expected);
}

#[test]
fn a_control_is_a_metric_and_a_guarantee() {
    let set = json!({"z_last": "*", "area": "x"});
    let agreement = json!(built(&[control("Data Privacy", vec![set])], &[scope("area"), scope("unused")]));
    let expected = json!({
        "metrics": {"DATA_PRIVACY_METRIC": {
            "collector": {
                "infrastructurePath": "status-backend", "endpoint": "/api/v1/computations",
                "type": "POST-GET-V1-STATUS",
                "config": {"backendUrl": "http://status-backend:3001/api/v1/computations/bulk"},
            },
            "measure": {"endpoint": "/flow", "params": {"z": 1, "a": "2"}, "scope": {}},
        }},
        "guarantees": [{
            "id": "DATA_PRIVACY", "notes": "", "description": "about",
            "scope": {"area": {"name": "area", "description": "d", "type": "string", "default": "*"}},
            "of": [{
                "scope": {"z_last": "*", "area": "x"}, "objective": "DATA_PRIVACY_METRIC >= 50",
                "with": {"DATA_PRIVACY_METRIC": {}},
                "window": {"type": "static", "initial": "2022-01-01", "period": "monthly"},
            }],
        }],
    });
    // As text: the order of a scope's keys counts.
    assert_eq!(agreement["terms"].to_string(), expected.to_string());
}

#[test]
fn a_guarantee_has_the_sets_of_its_own_control() {
    let one = control("one", vec![json!({"a": "1"}), json!({"a": "2"})]);
    let agreement =
        built(&[one, control("two", vec![json!({"b": "3"})]), control("three", vec![])], &[scope("a"), scope("b")]);
    let guarantees = &agreement.terms.guarantees;
    let values: Vec<Vec<_>> =
        guarantees.iter().map(|guarantee| guarantee.of.iter().map(|of| json!(of.scope)).collect()).collect();
    assert_eq!(values, [vec![json!({"a": "1"}), json!({"a": "2"})], vec![json!({"b": "3"})], vec![]]);
    // The names are those of the whole catalog.
    for guarantee in guarantees {
        assert_eq!(guarantee.scope.keys().collect::<Vec<_>>(), ["a", "b"]);
    }
    let ids: Vec<_> = guarantees.iter().map(|guarantee| guarantee.id.as_str()).collect();
    assert_eq!(ids, ["ONE", "TWO", "THREE"]);
}

#[test]
fn the_catalog_gives_the_dates_and_the_settings_the_place() {
    let span = Span { start: Some("2024-06-01T00:00:00Z".parse().unwrap()), end: None };
    let place = Place { base: "http://127.0.0.1:9".to_owned(), infrastructure_path: "here".to_owned() };
    let agreement = build("tpa-1".to_owned(), span, &[control("c", vec![])], &[], &place).unwrap();
    let Validity { initial, time_zone, start_date, end_date } = agreement.context.validity;
    assert_eq!(
        [initial, time_zone, start_date, end_date],
        ["2022-01-01", "America/Los_Angeles", "2024-06-01T00:00:00.000Z", "2022-01-01"]
    );
    let collector = &agreement.terms.metrics["C_METRIC"]["collector"];
    assert_eq!(collector["infrastructurePath"], "here");
    assert_eq!(collector["config"]["backendUrl"], "http://127.0.0.1:9/api/v1/computations/bulk");
}

#[test]
fn a_threshold_may_be_a_number_and_must_be_there() {
    let mut number = control("c", vec![json!({})]);
    number.params["threshold"] = json!(12.5);
    assert_eq!(built(&[number], &[]).terms.guarantees[0].of[0].objective, "C_METRIC >= 12.5");
    for key in ["endpoint", "threshold"] {
        let mut without = control("c", vec![]);
        without.params.shift_remove(key);
        let refused = build(String::new(), Span::default(), &[without], &[], &place());
        assert_eq!(refused, Err(IncompleteControl { control: "c".to_owned(), key }));
    }
}

#[test]
fn an_agreement_is_read_back_as_written() {
    let agreement = built(&[control("one", vec![json!({"a": "1"})])], &[scope("a")]);
    let read: Agreement = serde_json::from_value(json!(agreement)).unwrap();
    assert_eq!(read, agreement);
}
