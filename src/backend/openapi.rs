//! The OpenAPI document of the API: the handlers' annotations, and what the table of routes knows besides (who may call,
//! what every guarded route can answer).

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::grafana::{accounts, dashboards, folders, panels, queries, search, sources};
use super::guard::Guard;
use super::routes::{Route, table};
use super::system::{actions, services, streams};
use super::{
    assistants, catalog_drafts, catalog_points, catalogs, computations, configuration, control_computations,
    control_drafts, control_panels, controls, github, points, scope_sets, scopes, scripts, secrets, sign_in, threads,
    two_factor, users,
};
use crate::serve::openapi30;

/// Every handler of the table; a test compares the two.
#[derive(Debug, OpenApi)]
#[openapi(paths(
    // GitHub and echo
    github::access_token, github::authorization,
    // Users
    sign_in::sign_in, sign_in::sign_out, users::sign_up, users::authority, sign_in::refresh, users::whoami,
    two_factor::status, two_factor::setup, two_factor::verify, two_factor::disable, users::list, users::delete,

    // Scripts
    scripts::list, scripts::create, scripts::delete_all, scripts::parse, scripts::get, scripts::update, scripts::delete,

    // Scopes
    scope_sets::list, scope_sets::create, scope_sets::get, scope_sets::update, scope_sets::of_control,
    scopes::list, scopes::get, scopes::create, scopes::update, scopes::delete,
    // Points
    points::list, points::clear, points::get, points::delete, points::of_agreement,

    // Catalogs
    catalogs::list, catalogs::get, catalogs::create, catalogs::update, catalogs::delete, catalogs::controls,
    catalog_drafts::list, catalog_drafts::create, catalog_drafts::finalize, catalog_points::compute,

    // Controls
    controls::list, controls::create, controls::get, controls::update, controls::delete,
    control_drafts::list, control_drafts::create, control_drafts::of_catalog, control_drafts::finalize,
    control_panels::list, control_panels::create, control_panels::delete,
    control_computations::list, control_computations::of_day, control_computations::set_period,
    control_computations::delete,
    // Computations
    computations::list, computations::create, computations::get, computations::delete, computations::bulk,
    // Grafana
    search::search, accounts::create, accounts::get, accounts::create_token,
    folders::list, folders::create, folders::get, folders::update, folders::delete, folders::dashboards,
    dashboards::create, dashboards::create_template, dashboards::import, dashboards::get, dashboards::delete,
    panels::list, panels::create, panels::queries_of, panels::query, panels::update, panels::delete,
    sources::list, sources::create, queries::build, queries::parse,

    // Assistants
    assistants::list, assistants::create, assistants::delete_all, assistants::create_as_admin, assistants::get,
    assistants::delete, assistants::instructions, assistants::instruct,

    // Threads
    threads::all, threads::own, threads::create, threads::delete_own, threads::messages, threads::add_message,
    threads::rename, threads::delete,

    // Configuration
    configuration::list, configuration::look, configuration::update, configuration::limit, configuration::set_limit,

    // Secrets
    secrets::list, secrets::create, secrets::get, secrets::update, secrets::delete,

    // The stack
    services::stack, services::service, services::logs, streams::events, streams::logs,
    actions::start, actions::stop, actions::restart,
))]
struct Handlers;

/// The name of the one security scheme.
const SCHEME: &str = "accessToken";

/// The whole document, in the version that the original spoke.
pub fn document(prefix: &str) -> Value {
    // Made of strings, maps and lists only: it always is a JSON value.
    let mut document = serde_json::to_value(Handlers::openapi()).unwrap_or_default();
    document["openapi"] = json!(openapi30::VERSION);
    document["info"] = json!({
        "title": "STATUS API",
        "version": "1.0.0",
        "license": { "name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
    });
    document["servers"] = json!([{ "url": if prefix.is_empty() { "/" } else { prefix } }]);
    document["components"]["securitySchemes"] = json!({
        SCHEME: { "type": "apiKey", "in": "cookie", "name": "accessToken" },
        "xAccessToken": { "type": "apiKey", "in": "header", "name": "x-access-token" },
        "bearerAuth": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
    });
    for route in table() {
        let method = route.method.as_str().to_ascii_lowercase();
        if let Some(path) = route.same_as {
            let mut operation = document["paths"][path][&method].clone();
            operation["description"] = json!(format!("Another address of `{} {path}`.", route.method));
            document["paths"][route.path][&method] = operation;
            continue;
        }
        if let Some(operation) = document["paths"][route.path][&method].as_object_mut() {
            complete(operation, &route);
        }
    }
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            // Handlers of different resources have the same names; an operation's has to be its own.
            operation["operationId"] = json!(operation_id(method, path));
        }
    }
    openapi30::from_31(&mut document);
    document
}

/// `get_scopes_id` for `GET /scopes/{id}`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

/// What follows from the route's guard, and from the front that every request passes.
fn complete(operation: &mut Map<String, Value>, route: &Route) {
    let mut common = vec![
        ("400", "the request cannot be read, or a value of it is refused"),
        ("404", "no such thing, or the endpoint is switched off"),
        ("408", "the body did not arrive in time"),
        ("413", "the body is too large"),
        ("415", "the body is not in UTF-8"),
        ("503", "a database or the cache is away"),
    ];
    if route.guard != Guard::Public {
        common.push(("401", "no token, or none that is good"));
        common.push(("403", "the role does not suffice"));
        let schemes = [SCHEME, "xAccessToken", "bearerAuth"];
        operation.insert("security".to_owned(), schemes.map(|scheme| json!({ scheme: [] })).into());
    }
    let caller = match route.guard {
        Guard::Public => "Open to everybody.",
        Guard::User => "For every signed-in user.",
        Guard::Admin | Guard::UserThenAdmin => "For administrators.",
    };
    let told = operation.get("description").and_then(Value::as_str).filter(|text| !text.is_empty());
    let description = told.map_or_else(|| caller.to_owned(), |told| format!("{told}\n\n{caller}"));
    operation.insert("description".to_owned(), json!(description));
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    for (status, description) in common {
        if responses.get(status).is_none() {
            responses[status] = json!({ "description": description });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_and_the_table_agree() {
        let document = document("/api/v1");
        let mut documented = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            documented
                .extend(item.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())));
        }
        let routes = table().iter().map(|route| format!("{} {}", route.method, route.path)).collect::<BTreeSet<_>>();
        assert_eq!(documented, routes);
    }

    fn operations(document: &Value) -> Vec<&Value> {
        let items = document["paths"].as_object().unwrap().values();
        items.flat_map(|item| item.as_object().unwrap().values()).collect()
    }

    #[test]
    fn no_operation_has_the_id_of_another() {
        let document = document("");
        let ids = operations(&document).iter().map(|it| it["operationId"].as_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    }

    #[test]
    fn every_operation_says_in_a_line_what_it_does_and_for_whom() {
        let document = document("/api/v1");
        let operations = operations(&document);
        assert_eq!(operations.len(), 135);
        for operation in &operations {
            let summary = operation["summary"].as_str().unwrap_or_default();
            // Longer ones do not fit beside the path.
            let fits = (8..=80).contains(&summary.len()) && !summary.contains('\n');
            assert!(fits && summary.starts_with(char::is_uppercase), "{operation}");
            let description = operation["description"].as_str().unwrap_or_default();
            let caller =
                ["Open to everybody.", "For every signed-in user.", "For administrators.", "Another address of"];
            assert!(caller.iter().any(|caller| description.contains(caller)), "{operation}");
        }
        // Two of the same words are told apart by nobody.
        let own = operations.iter().filter(|it| !it["description"].as_str().unwrap().starts_with("Another address of"));
        let summaries = own.map(|it| it["summary"].as_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(summaries.iter().collect::<BTreeSet<_>>().len(), summaries.len());
    }

    #[test]
    fn whoever_needs_a_token_is_told_so() {
        let document = document("");
        let list = &document["paths"]["/scopes"]["get"];
        assert_eq!(list["security"][0], json!({ "accessToken": [] }));
        assert!(list["responses"]["401"].is_object());
        assert_eq!(document["servers"][0]["url"], "/");
    }
}
