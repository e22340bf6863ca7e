//! The query in the SQL text of a panel, as far as the builder could have written it.
//!
//! Text in single quotes is blanked before clauses are looked for, so a keyword, bracket or operator inside a value is
//! never taken for one. What is not understood is left out; nothing fails.

use std::sync::LazyLock;

use regex::{Captures, Match, Regex};
use serde_json::Value;

use super::sql::{Aggregation, Condition, Query};

struct Patterns {
    table: Regex,
    list: Regex,
    call: Regex,
    filter: Regex,
    logic: Regex,
    condition: Regex,
    group: Regex,
    order: Regex,
}

#[expect(clippy::expect_used, reason = "the patterns are constants that every test compiles")]
static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let pattern = |text: &str| Regex::new(&format!("(?is){text}")).expect("a valid pattern");
    Patterns {
        table: pattern(r"\bFROM\s+statusdb\.([^\s();]+)"),
        list: pattern(r"\bSELECT\s+(.*?)\s+FROM\b"),
        call: pattern(r"^(\w+)\s*\((.*)\)$"),
        filter: pattern(r"\bWHERE\s*\("),
        logic: pattern(r"\s+(AND|OR)\s+"),
        condition: pattern(r"^\s*(.+?)\s+(>=|<=|!=|=|>|<)\s+(.+?)\s*$"),
        group: pattern(r"\bGROUP\s+BY\s+([^\s;]+)"),
        order: pattern(r"\bORDER\s+BY\s+([^\s;]+)(?:\s+(ASC|DESC)\b)?"),
    }
});

/// The query that a text stands for.
pub fn parse(sql: &str) -> Query {
    let blanked = blanked(sql);
    let text = |found: Match<'_>| sql[found.range()].trim().to_owned();
    let first = |pattern: &Regex| pattern.captures(&blanked).and_then(|found| found.get(1)).map(text);
    let mut query = Query::default();
    if let Some(table) = first(&PATTERNS.table) {
        query.table = table;
    }
    for item in first(&PATTERNS.list).iter().flat_map(|list| items(list)) {
        match PATTERNS.call.captures(item) {
            Some(call) => {
                query.aggregations.push(Aggregation { func: call[1].to_owned(), attr: call[2].trim().to_owned() })
            }
            None => query.columns.push(item.to_owned()),
        }
    }
    if let Some((from, to)) = filter(&blanked) {
        let (logic, conditions) = conditions(&sql[from..to], &blanked[from..to]);
        query.where_conditions = conditions;
        if let Some(logic) = logic {
            query.where_logic = logic;
        }
    }
    query.group_by = first(&PATTERNS.group);
    if let Some(order) = PATTERNS.order.captures(&blanked) {
        query.order_by_attr = order.get(1).map(text);
        query.order_direction =
            Some(order.get(2).map_or_else(|| "ASC".to_owned(), |word| word.as_str().to_uppercase()));
    }
    query
}

/// The text with what stands in single quotes made quotes, byte for byte as long. A quote that is never closed is an
/// ordinary character.
fn blanked(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(open) = rest.find('\'') {
        let Some(length) = rest[open + 1..].find('\'') else { break };
        out.push_str(&rest[..open]);
        out.extend(std::iter::repeat_n('\'', length + 2));
        rest = &rest[open + length + 2..];
    }
    out + rest
}

/// Items of a list, split at the commas that stand in no brackets.
fn items(list: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let commas = |letter: char| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    };
    list.split(commas).map(str::trim).filter(|item| !item.is_empty()).collect()
}

/// Where the text between `WHERE (` and its closing bracket is.
fn filter(blanked: &str) -> Option<(usize, usize)> {
    let from = PATTERNS.filter.find(blanked)?.end();
    let mut depth = 1;
    for (at, letter) in blanked[from..].char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((from, from + at));
        }
    }
    None
}

/// The first connecting word, and what stands between such words.
fn conditions(sql: &str, blanked: &str) -> (Option<String>, Vec<Condition>) {
    let words: Vec<Captures<'_>> = PATTERNS.logic.captures_iter(blanked).collect();
    let logic = words.first().map(|word| word[1].to_uppercase());
    let mut from = 0;
    let mut found = Vec::new();
    for (to, next) in words.iter().filter_map(|word| word.get(0)).map(|word| (word.start(), word.end())) {
        found.extend(condition(&sql[from..to], &blanked[from..to]));
        from = next;
    }
    found.extend(condition(&sql[from..], &blanked[from..]));
    (logic, found)
}

fn condition(sql: &str, blanked: &str) -> Option<Condition> {
    let found = PATTERNS.condition.captures(blanked)?;
    let part = |at| found.get(at).map(|part: Match<'_>| &sql[part.range()]);
    Some(Condition { key: part(1)?.to_owned(), operator: part(2)?.to_owned(), value: value(part(3)?) })
}

/// Numbers stay text, as the original leaves them.
fn value(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            Some(inner) => Value::from(inner.replace("''", "'")),
            None => Value::from(text.trim_matches(['\'', '"'])),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What parsing gives beyond the defaults.
    fn assert_parsed(sql: &str, expected: Value) {
        let Value::Object(expected) = expected else { panic!("an object") };
        let mut whole = serde_json::to_value(Query::default()).unwrap();
        whole.as_object_mut().unwrap().extend(expected);
        assert_eq!(serde_json::to_value(parse(sql)).unwrap(), whole, "{sql}");
    }

    #[test]
    fn nothing_gives_the_defaults() {
        let empty = json!({
            "aggregations": [], "columns": [], "whereConditions": [], "whereLogic": "AND", "groupBy": null,
            "orderByAttr": null, "orderDirection": null, "table": "computation",
        });
        assert_parsed("", empty.clone());
        assert_parsed("not sql at all (", empty);
    }

    #[test]
    fn the_list_and_the_table() {
        assert_parsed("SELECT * FROM statusdb.scores", json!({"columns": ["*"], "table": "scores"}));
        assert_parsed("select id , name from statusdb.users;", json!({"columns": ["id", "name"], "table": "users"}));
        assert_parsed(
            "SELECT COUNT(*), AVG(rating), name FROM statusdb.movies",
            json!({
                "aggregations": [{"func": "COUNT", "attr": "*"}, {"func": "AVG", "attr": "rating"}],
                "columns": ["name"], "table": "movies",
            }),
        );
        assert_parsed(
            "SELECT COALESCE(a, b), c FROM statusdb.t",
            json!({"aggregations": [{"func": "COALESCE", "attr": "a, b"}], "columns": ["c"], "table": "t"}),
        );
    }

    #[test]
    fn conditions_and_their_values() {
        let select = |filter: &str| format!("SELECT * FROM statusdb.computation WHERE {filter}");
        let one = |key: &str, operator: &str, value: Value| json!({"key": key, "operator": operator, "value": value});
        let parsed = |filter: &str, logic: &str, conditions: Value| {
            assert_parsed(
                &select(filter),
                json!({"columns": ["*"], "whereLogic": logic, "whereConditions": conditions}),
            );
        };
        for operator in ["=", ">", "<", ">=", "<=", "!="] {
            parsed(&format!("(value {operator} 10)"), "AND", json!([one("value", operator, json!("10"))]));
        }
        parsed("(a = true and b = false)", "AND", json!([one("a", "=", json!(true)), one("b", "=", json!(false))]));
        parsed("(a = 'x' or b != 1.5)", "OR", json!([one("a", "=", json!("x")), one("b", "!=", json!("1.5"))]));
        parsed("(a = \"x\")", "AND", json!([one("a", "=", json!("x"))]));
        parsed("(a = 'true')", "AND", json!([one("a", "=", json!("true"))]));
        parsed("(a = '')", "AND", json!([one("a", "=", json!(""))]));
        parsed(
            "(a = 'x) OR (y' AND b = 'it''s')",
            "AND",
            json!([one("a", "=", json!("x) OR (y")), one("b", "=", json!("it's")),]),
        );
        parsed("(a LIKE 'x' AND b = 1)", "AND", json!([one("b", "=", json!("1"))]));
        // Without brackets, or with one that is never closed, there is no condition.
        parsed("a = 1", "AND", json!([]));
        parsed("(a = 1", "AND", json!([]));
    }

    #[test]
    fn group_and_order() {
        let of = |tail: &str| parse(&format!("SELECT a FROM statusdb.t {tail}"));
        let order = |tail: &str| {
            let query = of(tail);
            (query.order_by_attr, query.order_direction)
        };
        let named = |attr: &str, direction: &str| (Some(attr.to_owned()), Some(direction.to_owned()));
        assert_eq!(order("ORDER BY price"), named("price", "ASC"));
        assert_eq!(order("order by price desc LIMIT 5"), named("price", "DESC"));
        assert_eq!(order("GROUP BY x ORDER BY AVG(rating) DESC"), named("AVG(rating)", "DESC"));
        assert_eq!(order("LIMIT 5"), (None, None));
        assert_eq!(of("GROUP BY userId ORDER BY a").group_by.as_deref(), Some("userId"));
        assert_eq!(order("WHERE (a = 'ORDER BY b')"), (None, None));
    }

    fn name() -> impl Strategy<Value = String> {
        // A leading letter that starts no keyword keeps the name a name.
        "x[a-zA-Z0-9_]{0,8}"
    }

    fn one_condition() -> impl Strategy<Value = Condition> {
        let operator = prop::sample::select(vec!["=", ">", "<", ">=", "<=", "!="]);
        let value = prop_oneof![any::<bool>().prop_map(Value::from), "\\PC{0,12}".prop_map(Value::from)];
        (name(), operator, value).prop_map(|(key, operator, value)| Condition {
            key,
            operator: operator.to_owned(),
            value,
        })
    }

    fn query() -> impl Strategy<Value = Query> {
        let call = (name(), name()).prop_map(|(func, attr)| Aggregation { func, attr });
        let order = prop::option::of((name(), prop::sample::select(vec!["ASC", "DESC"])));
        let lists = (prop::collection::vec(call, 0..3), prop::collection::vec(name(), 1..3));
        let filter = (prop::collection::vec(one_condition(), 0..4), prop::sample::select(vec!["AND", "OR"]));
        (lists, filter, prop::option::of(name()), order, name()).prop_map(
            |((aggregations, columns), (where_conditions, logic), group_by, order, table)| {
                // The word between conditions is written from the second one on.
                let where_logic = if where_conditions.len() < 2 { "AND" } else { logic }.to_owned();
                let (order_by_attr, order_direction) = order.map(|(attr, way)| (attr, way.to_owned())).unzip();
                let group = group_by;
                Query {
                    aggregations,
                    columns,
                    where_conditions,
                    where_logic,
                    group_by: group,
                    order_by_attr,
                    order_direction,
                    table,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_built_is_understood(query in query()) {
            prop_assert_eq!(parse(&query.build()), query);
        }

        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,60}") {
            parse(&text);
            parse(&format!("SELECT a FROM statusdb.t WHERE ({text}) ORDER BY {text}"));
        }

        #[test]
        fn numbers_come_back_as_text(number in any::<i64>()) {
            let condition = Condition { key: "k".into(), operator: "=".into(), value: json!(number) };
            let parsed = parse(&Query { where_conditions: vec![condition], ..Query::default() }.build());
            prop_assert_eq!(&parsed.where_conditions[0].value, &json!(number.to_string()));
        }
    }
}
