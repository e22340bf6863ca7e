//! Every route of the API in one table: method, path, handler.
//!
//! Paths are relative to the prefix. The OpenAPI document is compared with the table.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::app::App;
use super::{agreements, bills, filtered, guarantees, metrics, overrides, pricing, quotas, states, templates};

/// One line of the table.
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    handler: MethodRouter<App>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}", self.method, self.path)
    }
}

macro_rules! methods {
    ($($name:ident $method:ident;)*) => {$(
        fn $name<H, T>(path: &'static str, handler: H) -> Route
        where
            H: Handler<T, App>,
            T: 'static,
        {
            Route { method: Method::$method, path, handler: on(MethodFilter::$method, handler) }
        }
    )*};
}
methods! { get GET; post POST; put PUT; delete DELETE; }

/// The API.
pub fn table() -> Vec<Route> {
    vec![
        // Agreements
        get("/agreements", agreements::list),
        post("/agreements", agreements::create),
        delete("/agreements", agreements::delete_all),
        get("/agreements/{agreementId}", agreements::get),
        put("/agreements/{agreementId}", agreements::update),
        delete("/agreements/{agreementId}", agreements::delete),
        // Templates
        get("/templates", templates::list),
        post("/templates", templates::create),
        get("/templates/{templateId}", templates::get),
        delete("/templates/{templateId}", templates::delete),
        // States of a whole agreement
        delete("/states", states::delete_all),
        get("/states/{agreementId}", states::get),
        delete("/states/{agreementId}", states::delete),
        get("/states/{agreementId}/filtered", filtered::filtered),
        // Guarantees
        get("/states/{agreementId}/guarantees", guarantees::list),
        get("/states/{agreementId}/guarantees/{guaranteeId}", guarantees::one),
        // Overrides
        get("/states/{agreementId}/guarantees/{guaranteeId}/overrides", overrides::list),
        post("/states/{agreementId}/guarantees/{guaranteeId}/overrides", overrides::create),
        delete("/states/{agreementId}/guarantees/{guaranteeId}/overrides", overrides::delete),
        delete("/states/{agreementId}/overrides", overrides::delete_all),
        // Metrics
        get("/states/{agreementId}/metrics", metrics::list),
        get("/states/{agreementId}/metrics/{metricId}", metrics::one),
        post("/states/{agreementId}/metrics/{metricId}", metrics::tell),
        post("/states/{agreementId}/metrics/{metricId}/increase", metrics::increase),
        // Pricing
        get("/states/{agreementId}/pricing/billing/penalties", pricing::penalties),
        // Quotas and rates
        get("/states/{agreementId}/quotas", quotas::quotas),
        get("/states/{agreementId}/quotas/{quotaId}", quotas::quota),
        get("/states/{agreementId}/rates", quotas::rates),
        get("/states/{agreementId}/rates/{rateId}", quotas::rate),
        // Bills
        get("/bills/{agreementId}", bills::list),
        put("/bills/{agreementId}/{billId}", bills::update),
        delete("/bills/{agreementId}", bills::delete),
    ]
}

/// The table as a router below the prefix.
pub fn router(prefix: &str) -> Router<App> {
    table()
        .into_iter()
        .fold(Router::new(), |router, Route { path, handler, .. }| router.route(&format!("{prefix}{path}"), handler))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_32_operations_on_21_paths() {
        let table = table();
        let paths: BTreeSet<_> = table.iter().map(|route| route.path).collect();
        assert_eq!((table.len(), paths.len()), (32, 21));
    }
}
