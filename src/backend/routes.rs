//! Every route of the API in one table: method, path, who may call it, handler.
//!
//! Paths are relative to the prefix. The table is also what the front asks for the canonical spelling of an address, and
//! what the OpenAPI document is compared with.

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};

use super::app::App;
use super::error::ApiError;
use super::grafana::{accounts, dashboards, folders, panels, queries, search, sources};
use super::guard::{self, Guard};
use super::params::Check;
use super::system::{actions, services, streams};
use super::{
    assistants, catalog_drafts, catalog_points, catalogs, computations, configuration, control_computations,
    control_drafts, control_panels, controls, github, points, scope_sets, scopes, scripts, secrets, sign_in, threads,
    two_factor, users,
};
/// One line of the table.
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub guard: Guard,
    /// Parameters that are looked at before the handler.
    pub checks: &'static [Check],
    /// The path of which this one is another spelling, for clients that have it from elsewhere.
    pub same_as: Option<&'static str>,
    handler: MethodRouter<App>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {} {:?}", self.method, self.path, self.guard)
    }
}

/// The pattern of the matched route, in the extensions of its answer: a label for measurements.
#[derive(Debug, Clone, Copy)]
pub struct Matched(pub &'static str);

fn route<H, T>(filter: MethodFilter, method: Method, path: &'static str, guard: Guard, handler: H) -> Route
where
    H: Handler<T, App>,
    T: 'static,
{
    Route { method, path, guard, checks: &[], same_as: None, handler: on(filter, handler) }
}

macro_rules! methods {
    ($($name:ident $method:ident;)*) => {$(
        fn $name<H, T>(path: &'static str, guard: Guard, handler: H) -> Route
        where
            H: Handler<T, App>,
            T: 'static,
        {
            route(MethodFilter::$method, Method::$method, path, guard, handler)
        }
    )*};
}
methods! { get GET; post POST; put PUT; patch PATCH; delete DELETE; }

impl Route {
    fn checked(mut self, checks: &'static [Check]) -> Self {
        self.checks = checks;
        self
    }

    fn same_as(mut self, path: &'static str) -> Self {
        self.same_as = Some(path);
        self
    }
}

const ID: &[Check] = &[Check::Uuid("id")];
const UID: &[Check] = &[Check::Uuid("uid")];

/// The API.
pub fn table() -> Vec<Route> {
    use Guard::{Admin, Public, User, UserThenAdmin};
    vec![
        // GitHub and echo
        get("/ghAccessToken", Public, github::access_token),
        get("/getAuth", Public, github::authorization),
        // Users
        post("/users/signIn", Public, sign_in::sign_in),
        get("/users/signOut", Public, sign_in::sign_out),
        post("/users/signUp", Admin, users::sign_up),
        get("/users/auth", User, users::authority),
        get("/users/auth/refresh", Public, sign_in::refresh),
        get("/users/whoami", User, users::whoami),
        get("/users/2fa/status", User, two_factor::status),
        post("/users/2fa/setup", User, two_factor::setup),
        post("/users/2fa/verify", User, two_factor::verify),
        post("/users/2fa/disable", User, two_factor::disable),
        get("/users", Admin, users::list),
        delete("/users/{id}", Admin, users::delete),
        // Scripts
        get("/scripts", User, scripts::list),
        post("/scripts", User, scripts::create),
        delete("/scripts", User, scripts::delete_all),
        post("/scripts/parse", Public, scripts::parse),
        get("/scripts/{id}", Public, scripts::get),
        put("/scripts/{id}", User, scripts::update),
        delete("/scripts/{id}", User, scripts::delete),
        // Scope sets: before scopes in the original, so `sets` is never an id
        get("/scopes/sets", User, scope_sets::list),
        post("/scopes/sets", User, scope_sets::create),
        get("/scopes/sets/{id}", User, scope_sets::get),
        put("/scopes/sets/{id}", User, scope_sets::update),
        get("/scopes/sets/control/{controlId}", User, scope_sets::of_control),
        // Scopes
        get("/scopes", User, scopes::list),
        post("/scopes", User, scopes::create),
        get("/scopes/{id}", User, scopes::get).checked(ID),
        put("/scopes/{id}", User, scopes::update).checked(ID),
        delete("/scopes/{id}", User, scopes::delete).checked(ID),
        // Points
        get("/points", User, points::list),
        delete("/points", User, points::clear),
        get("/points/catalog/{tpaId}", User, points::of_agreement),
        get("/points/{id}", User, points::get),
        delete("/points/{id}", User, points::delete),
        // The same, as the documents and the web client of the original spell it
        get("/point", User, points::list).same_as("/points"),
        delete("/point", User, points::clear).same_as("/points"),
        get("/point/catalog/{tpaId}", User, points::of_agreement).same_as("/points/catalog/{tpaId}"),
        get("/point/{id}", User, points::get).same_as("/points/{id}"),
        delete("/point/{id}", User, points::delete).same_as("/points/{id}"),
        // Catalogs
        get("/catalogs", User, catalogs::list),
        post("/catalogs", User, catalogs::create),
        get("/catalogs/drafts", User, catalog_drafts::list),
        post("/catalogs/drafts", User, catalog_drafts::create),
        get("/catalogs/{id}", User, catalogs::get),
        patch("/catalogs/{id}", User, catalogs::update),
        delete("/catalogs/{id}", User, catalogs::delete),
        patch("/catalogs/{id}/finalize", User, catalog_drafts::finalize),
        get("/catalogs/{catalogId}/controls", User, catalogs::controls),
        get("/catalogs/{tpaId}/points", User, catalog_points::compute),
        // Controls
        get("/controls", User, controls::list),
        post("/controls", User, controls::create),
        get("/controls/drafts", User, control_drafts::list),
        post("/controls/drafts", User, control_drafts::create),
        get("/controls/drafts/catalog/{id}", User, control_drafts::of_catalog),
        get("/controls/{id}", User, controls::get),
        patch("/controls/{id}", User, controls::update),
        delete("/controls/{id}", User, controls::delete),
        patch("/controls/{id}/finalize", User, control_drafts::finalize),
        // Panels of controls
        get("/controls/{id}/panels", User, control_panels::list),
        post("/controls/{id}/panel/{panelId}", User, control_panels::create),
        delete("/controls/{id}/panels/{panelId}", User, control_panels::delete),
        // Computations of controls: where the web client looks for them, and where the original has them
        get("/controls/{id}/computations", User, control_computations::list),
        put("/controls/{id}/computations", User, control_computations::set_period),
        delete("/controls/{id}/computations", User, control_computations::delete),
        get("/controls/{id}/computations/{createdAt}", User, control_computations::of_day),
        get("/controls/controls/{id}/computations", User, control_computations::list)
            .same_as("/controls/{id}/computations"),
        put("/controls/controls/{id}/computations", User, control_computations::set_period)
            .same_as("/controls/{id}/computations"),
        delete("/controls/controls/{id}/computations", User, control_computations::delete)
            .same_as("/controls/{id}/computations"),
        get("/controls/controls/{id}/computations/{createdAt}", User, control_computations::of_day)
            .same_as("/controls/{id}/computations/{createdAt}"),
        // Computations
        get("/computations", User, computations::list),
        post("/computations", User, computations::create),
        delete("/computations", User, computations::delete),
        post("/computations/bulk", User, computations::bulk),
        get("/computations/{id}", User, computations::get).checked(ID),
        // Grafana
        get("/grafana/search", User, search::search),
        post("/grafana/serviceaccount", User, accounts::create),
        get("/grafana/serviceaccount/{id}", User, accounts::get),
        post("/grafana/serviceaccount/{id}/token", User, accounts::create_token),
        get("/grafana/folder", User, folders::list),
        post("/grafana/folder", User, folders::create),
        get("/grafana/folder/{uid}", User, folders::get).checked(UID),
        put("/grafana/folder/{uid}", User, folders::update).checked(UID),
        delete("/grafana/folder/{uid}", User, folders::delete).checked(UID),
        get("/grafana/folder/{uid}/dashboard", User, folders::dashboards),
        post("/grafana/dashboard", User, dashboards::create),
        post("/grafana/dashboard/template", User, dashboards::create_template),
        post("/grafana/dashboard/import", User, dashboards::import),
        get("/grafana/dashboard/{uid}", User, dashboards::get).checked(UID),
        delete("/grafana/dashboard/{uid}", User, dashboards::delete).checked(UID),
        get("/grafana/dashboard/{uid}/panel", User, panels::list).checked(UID),
        post("/grafana/dashboard/{uid}/panel", User, panels::create).checked(UID),
        get("/grafana/dashboard/{uid}/panel/query", User, panels::queries_of).checked(UID),
        get("/grafana/dashboard/{uid}/panel/{id}/query", User, panels::query).checked(UID),
        patch("/grafana/dashboard/{uid}/panel/{id}", User, panels::update).checked(UID),
        delete("/grafana/dashboard/{uid}/panel/{id}", User, panels::delete).checked(UID),
        get("/grafana/datasource", User, sources::list),
        post("/grafana/datasource", User, sources::create),
        post("/grafana/sql/build", User, queries::build),
        post("/grafana/sql/parse", User, queries::parse),
        // Assistants
        get("/assistant", User, assistants::list),
        post("/assistant", User, assistants::create),
        delete("/assistant", User, assistants::delete_all),
        post("/assistant/admin", UserThenAdmin, assistants::create_as_admin),
        get("/assistant/{id}", User, assistants::get),
        delete("/assistant/{id}", User, assistants::delete),
        get("/assistant/{id}/instructions", User, assistants::instructions),
        put("/assistant/{id}/instructions", User, assistants::instruct),
        // Threads
        get("/threads", User, threads::all),
        get("/thread", User, threads::own),
        post("/thread", User, threads::create),
        delete("/thread", User, threads::delete_own),
        get("/thread/{gptId}", User, threads::messages),
        post("/thread/{gptId}", User, threads::add_message),
        put("/thread/{gptId}", User, threads::rename),
        delete("/thread/{gptId}", User, threads::delete),
        // Configuration
        get("/config", UserThenAdmin, configuration::list),
        post("/config", UserThenAdmin, configuration::look),
        put("/config", UserThenAdmin, configuration::update),
        get("/config/assistant/limit", UserThenAdmin, configuration::limit),
        put("/config/assistant/limit/{limit}", UserThenAdmin, configuration::set_limit),
        // Secrets
        get("/secrets", User, secrets::list),
        post("/secrets", User, secrets::create),
        get("/secrets/{id}", User, secrets::get),
        patch("/secrets/{id}", User, secrets::update),
        delete("/secrets/{id}", User, secrets::delete),
        // The stack that this is part of
        get("/system", UserThenAdmin, services::stack),
        get("/system/events", UserThenAdmin, streams::events),
        get("/system/services/{name}", UserThenAdmin, services::service),
        get("/system/services/{name}/logs", UserThenAdmin, services::logs),
        get("/system/services/{name}/logs/stream", UserThenAdmin, streams::logs),
        post("/system/services/{name}/start", UserThenAdmin, actions::start),
        post("/system/services/{name}/stop", UserThenAdmin, actions::stop),
        post("/system/services/{name}/restart", UserThenAdmin, actions::restart),
    ]
}

/// The table as a router below the prefix. Unknown paths and methods fall through to `fallback`.
pub fn router(app: &App) -> Router<App> {
    let mut router = Router::new();
    for entry in table() {
        let path = format!("{}{}", app.settings.prefix, entry.path);
        router = router.route(&path, guarded(app, entry));
    }
    router
}

fn guarded(app: &App, entry: Route) -> MethodRouter<App> {
    let Route { path, guard, checks, handler, .. } = entry;
    let app = app.clone();
    handler.layer(from_fn(move |request: Request, next: Next| {
        let app = app.clone();
        async move {
            let mut response =
                pass(&app, guard, checks, path, request, next).await.unwrap_or_else(ApiError::into_response);
            response.extensions_mut().insert(Matched(path));
            response
        }
    }))
}

async fn pass(
    app: &App,
    guard: Guard,
    checks: &[Check],
    pattern: &'static str,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let admitted = guard::admit(app, guard, &mut request).await?;
    for check in checks {
        check.apply(pattern, &app.settings.prefix, &request)?;
    }
    let mut response = next.run(request).await;
    admitted.apply(&mut response);
    Ok(response)
}
