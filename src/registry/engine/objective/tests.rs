//! Expressions against what node says of them, and what objectives must never do.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn number(id: &str, value: f64) -> Binding<'_> {
    Binding { id, value: Js::Number(value) }
}

fn shown(value: &Js) -> String {
    match value {
        Js::Undefined => "undefined".to_owned(),
        Js::Null => "null".to_owned(),
        Js::Bool(it) => it.to_string(),
        Js::Number(number) if *number == 0.0 && number.is_sign_negative() => "-0".to_owned(),
        Js::Number(_) => match value.plus(&Js::Text(String::new())) {
            Js::Text(text) => text,
            other => panic!("{other:?} is no text"),
        },
        Js::Text(text) => format!("\"{text}\""),
    }
}

/// Expressions made at random from all operators and kinds, with node 20's results; `node.mjs` writes them.
const NODE: &str = include_str!("node.tsv");

#[test]
fn expressions_come_to_what_node_says() {
    let bindings = [number("A", 87.0), number("B", 0.0), number("C", -3.5)];
    let mut count = 0;
    for line in NODE.lines() {
        let (text, wanted) = line.split_once('\t').unwrap();
        let found = value_of(text, &bindings).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(shown(&found), wanted, "{text}");
        count += 1;
    }
    assert!(count >= 400, "only {count} expressions");
}

#[test]
fn objectives_of_status() {
    let metric = [number("UPTIME_METRIC", 87.0)];
    let table = [
        ("UPTIME_METRIC >= 80", true),
        ("UPTIME_METRIC >= 87", true),
        ("UPTIME_METRIC>=90.00", false),
        ("UPTIME_METRIC >= undefined", false),
        ("UPTIME_METRIC >= NaN", false),
        ("UPTIME_METRIC >= 80 && UPTIME_METRIC < 85", false),
        ("UPTIME_METRIC >= 80;", true),
        ("", false),
        (" ; ", false),
    ];
    for (objective, wanted) in table {
        assert_eq!(holds(Some(&json!(objective)), &metric), Ok(wanted), "{objective}");
    }
    assert_eq!(holds(None, &metric), Err(ObjectiveError::Missing));
    assert_eq!(holds(Some(&Value::Null), &metric), Err(ObjectiveError::Missing));
    assert_eq!(holds(Some(&json!(true)), &metric), Ok(true));
    assert_eq!(holds(Some(&json!(0)), &metric), Ok(false));
}

#[test]
fn metric_ids_have_any_characters() {
    let ids = [
        "CPU-LOAD_METRIC",
        "CPU",
        "A.B",
        "RATE(%)_METRIC",
        "24X7_METRIC",
        "24",
        "ÉTAT_DU_SITE",
        "A B",
        "TRUE >= FALSE",
        "X'S_METRIC",
        "true",
        "_",
        "$",
    ];
    for id in ids {
        let bindings = [number("OTHER", 0.0), number(id, 42.0)];
        for text in
            [format!("{id} == 42"), format!("({id}>=42)&&{id}<43"), format!("!({id} < 42)"), format!("42 === {id}")]
        {
            assert_eq!(holds(Some(&json!(text)), &bindings), Ok(true), "{text}");
        }
    }
}

#[test]
fn the_longest_metric_id_wins_and_words_are_whole() {
    let bindings = [number("CPU", 1.0), number("CPU-LOAD", 2.0), number("CPU-LOAD_MAX", 3.0), number("9", 4.0)];
    let table = [
        ("CPU == 1", Js::Bool(true)),
        ("CPU-LOAD == 2", Js::Bool(true)),
        ("CPU-LOAD_MAX == 3", Js::Bool(true)),
        ("CPU - 1", Js::Number(0.0)),
        ("CPU -LOAD_MAX", Js::Null),
        ("CPUX", Js::Null),
        ("90 + 9.5 + 9", Js::Number(103.5)),
    ];
    for (text, wanted) in table {
        let found = value_of(text, &bindings);
        if wanted == Js::Null {
            assert!(matches!(found, Err(ObjectiveError::Unknown(_))), "{text}: {found:?}");
        } else {
            assert_eq!(found, Ok(wanted), "{text}");
        }
    }
    // The later of two with one id.
    assert_eq!(value_of("A", &[number("A", 1.0), number("A", 2.0)]), Ok(Js::Number(2.0)));
}

#[test]
fn names_are_looked_up_only_where_they_are_evaluated() {
    for text in ["false && x", "true || x", "1 ?? x", "true ? 1 : x", "false ? x + y : 1", "0 && (x || y)"] {
        assert!(value_of(text, &[]).is_ok(), "{text}");
    }
    for text in ["x", "true && x", "null ?? x", "false ? 1 : x", "process", "globalThis", "require"] {
        assert!(matches!(value_of(text, &[]), Err(ObjectiveError::Unknown(_))), "{text}");
    }
}

#[test]
fn nothing_is_run_and_no_nonsense_is_read() {
    let table = [
        "process.exit(1)",
        "A = 1",
        "A += 1",
        "1 +",
        "* 1",
        "(1",
        "1)",
        "1 2",
        "A B",
        "1 ? 2",
        "'x",
        "\"x",
        "a => a",
        "`x`",
        "[1]",
        "{}",
        "1, 2",
        "1 ** 2",
        "1 << 2",
        "1 >> 2",
        "~1",
        "1 & 2",
        "1 | 2",
        "A++",
        "--A",
        "// x",
        "/* x */ 1",
        "0x",
        "0xg",
        "1x",
        "3in",
        "1..2",
        "'\\u0041'",
        "1 ?? 2 || 3",
        "1 || 2 ?? 3",
        "1 && 2 ?? 3",
        "1 ?? 2 && 3",
        "()",
        "?",
        ":",
        "1; 2",
        "#",
        "@",
        "A.b",
        "f()",
        "new A",
        "1 &&",
        "==1",
        "!",
        "1e400e1",
    ];
    for text in table {
        let found = value_of(text, &[number("A", 1.0)]);
        assert!(found.is_err(), "{text}: {found:?}");
    }
    assert_eq!(value_of("(1 ?? 2) || 3", &[]), Ok(Js::Number(1.0)));
    assert_eq!(value_of("1 ?? (0 || 3)", &[]), Ok(Js::Number(1.0)));
    let error = value_of("1 + ", &[]).unwrap_err();
    assert_eq!(error.to_string(), "the objective cannot be read at character 5: a value is missing");
    assert_eq!(
        value_of("ÄÖ €", &[number("ÄÖ", 1.0)]).unwrap_err(),
        ObjectiveError::Syntax { at: 4, why: "this sign is not part of objectives" }
    );
}

#[test]
fn length_and_depth_are_bounded() {
    assert_eq!(value_of(&"1".repeat(LONGEST + 1), &[]), Err(ObjectiveError::TooLong));
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(value_of(&nested(90), &[]), Ok(Js::Number(1.0)));
    for text in [
        nested(4000),
        "!".repeat(8000) + "1",
        "-".repeat(8000).replace("--", "- -") + "1",
        "1?".repeat(4000),
        "1?1:".repeat(2000) + "1",
    ] {
        assert!(value_of(&text, &[]).is_err());
    }
    assert_eq!(value_of(&"(".repeat(LONGEST), &[]), Err(ObjectiveError::TooDeep));
    // Long is not deep.
    assert_eq!(value_of(&("1+".repeat(4000) + "1"), &[]), Ok(Js::Number(4001.0)));
}

#[test]
fn values_are_bound_as_their_text_would_be() {
    let value = |value: Value| bind("M", &value);
    let number = |number: f64| Ok(Bound::Value(Js::Number(number)));
    for (text, wanted) in [
        ("95.0", 95.0),
        (" -5 ", -5.0),
        ("+1e3", 1000.0),
        ("- 5", -5.0),
        ("0x10", 16.0),
        (".5", 0.5),
        ("72.72727272727273", 72.727_272_727_272_73),
    ] {
        assert_eq!(value(json!(text)), number(wanted), "{text}");
    }
    assert_eq!(value(json!("100.0")), number(100.0));
    assert_eq!(value(json!(87)), number(87.0));
    assert_eq!(value(json!("-Infinity")), number(f64::NEG_INFINITY));
    assert_eq!(value(json!(true)), Ok(Bound::Value(Js::Bool(true))));
    assert_eq!(value(json!("false")), Ok(Bound::Value(Js::Bool(false))));
    assert_eq!(value(Value::Null), Ok(Bound::Value(Js::Null)));
    assert_eq!(value(json!("undefined")), Ok(Bound::Value(Js::Undefined)));
    for skipped in ["NaN", ""] {
        assert_eq!(value(json!(skipped)), Ok(Bound::Skipped));
    }
    for bad in [
        json!("x"),
        json!("1+1"),
        json!(" "),
        json!("--1"),
        json!("5%"),
        json!("inf"),
        json!([1]),
        json!({}),
        json!("process.exit()"),
    ] {
        assert_eq!(value(bad.clone()), Err(ObjectiveError::NotANumber("M".into())), "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever an agreement says is a value or an error.
    #[test]
    fn no_text_is_too_strange(text in "[-0-9a-zA-ZÄ€ .eExX+*/%<>=!&|?:;()'\"\\\\]{0,40}", id in "[-A-ZÄ0-9. ()'%]{0,6}") {
        let _ = value_of(&text, &[number(&id, 1.0)]);
        let _ = bind(&id, &json!(text));
    }
}
