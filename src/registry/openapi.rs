//! The OpenAPI document of the API: the handlers' annotations, and what every operation can answer besides.

use serde_json::{Value, json};
use utoipa::OpenApi;

use super::routes::table;
use super::{agreements, bills, filtered, guarantees, metrics, overrides, pricing, quotas, states, templates};
use crate::serve::openapi30;

/// Every handler of the table; a test compares the two.
#[derive(Debug, OpenApi)]
#[openapi(paths(
    agreements::list,
    agreements::create,
    agreements::delete_all,
    agreements::get,
    agreements::update,
    agreements::delete,
    templates::list,
    templates::create,
    templates::get,
    templates::delete,
    states::delete_all,
    states::get,
    states::delete,
    filtered::filtered,
    guarantees::list,
    guarantees::one,
    overrides::list,
    overrides::create,
    overrides::delete,
    overrides::delete_all,
    metrics::list,
    metrics::one,
    metrics::tell,
    metrics::increase,
    pricing::penalties,
    quotas::quotas,
    quotas::quota,
    quotas::rates,
    quotas::rate,
    bills::list,
    bills::update,
    bills::delete,
))]
struct Handlers;

/// Any operation may end so.
const COMMON: [(&str, &str); 4] = [
    ("400", "the request cannot be read, or a value of it is refused"),
    ("413", "the body is too large"),
    ("500", "something failed here, or a collector did"),
    ("503", "MongoDB is away"),
];

/// The whole document, in the version that the original spoke.
pub fn document(prefix: &str, version: u32) -> Value {
    // Made of strings, maps and lists only: it always is a JSON value.
    let mut document = serde_json::to_value(Handlers::openapi()).unwrap_or_default();
    document["openapi"] = json!(openapi30::VERSION);
    document["info"] = json!({
        "title": "Governify Registry",
        "version": version.to_string(),
        "license": { "name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
    });
    document["servers"] = json!([{ "url": if prefix.is_empty() { "/" } else { prefix } }]);
    for route in table() {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = &mut document["paths"][route.path][&method];
        // Handlers of different resources have the same names; an operation's has to be its own.
        operation["operationId"] = json!(operation_id(&method, route.path));
        for (status, description) in COMMON {
            if operation["responses"].get(status).is_none() {
                operation["responses"][status] = json!({ "description": description });
            }
        }
    }
    openapi30::from_31(&mut document);
    document
}

/// `get_agreements_agreementId` for `GET /agreements/{agreementId}`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_and_the_table_agree() {
        let documented = serde_json::to_value(Handlers::openapi()).unwrap();
        let mut operations = BTreeSet::new();
        for (path, item) in documented["paths"].as_object().unwrap() {
            operations
                .extend(item.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())));
        }
        let routes = table().iter().map(|route| format!("{} {}", route.method, route.path)).collect::<BTreeSet<_>>();
        assert_eq!(operations, routes);
        let whole = document("/api/v6", 6);
        assert_eq!(whole["paths"].as_object().unwrap().len(), 21);
    }

    #[test]
    fn every_operation_says_in_a_line_what_it_does_and_has_an_id_of_its_own() {
        let document = document("/api/v6", 6);
        let items = document["paths"].as_object().unwrap().values();
        let operations: Vec<_> = items.flat_map(|item| item.as_object().unwrap().values()).collect();
        assert_eq!(operations.len(), 32);
        for name in ["summary", "operationId"] {
            let told: BTreeSet<_> = operations.iter().map(|it| it[name].as_str().unwrap_or_default()).collect();
            // Longer ones do not fit beside the path.
            assert!(told.iter().all(|text| (8..=80).contains(&text.len()) && !text.contains('\n')), "{told:?}");
            assert_eq!(told.len(), operations.len());
        }
    }

    #[test]
    fn every_parameter_of_a_path_is_documented_and_no_other() {
        let document = document("/api/v6", 6);
        for (path, item) in document["paths"].as_object().unwrap() {
            let wanted: BTreeSet<_> =
                path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            for (method, operation) in item.as_object().unwrap() {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let named: BTreeSet<_> =
                    parameters.filter(|one| one["in"] == "path").map(|one| one["name"].as_str().unwrap()).collect();
                assert_eq!(named, wanted, "{method} {path}");
            }
        }
    }

    #[test]
    fn the_head_is_the_originals() {
        let document = document("/api/v6", 6);
        assert_eq!(document["openapi"], "3.0.0");
        assert_eq!(
            (&document["info"]["title"], &document["info"]["version"]),
            (&json!("Governify Registry"), &json!("6"))
        );
        assert_eq!(document["servers"][0]["url"], "/api/v6");
    }
}
