//! The OpenAPI document of the API, made from the handlers' annotations.

use utoipa::OpenApi;

use super::{computations, control_computations, control_drafts, control_panels, controls, scopes};

/// Every handler of the table; a test compares the two.
#[derive(Debug, OpenApi)]
#[openapi(paths(
    // Users

    // Scripts

    // Scopes
    scopes::list, scopes::get, scopes::create, scopes::update, scopes::delete,
    // Points

    // Catalogs

    // Controls
    controls::list, controls::create, controls::get, controls::update, controls::delete,
    control_drafts::list, control_drafts::create, control_drafts::of_catalog, control_drafts::finalize,
    control_panels::create, control_panels::delete,
    control_computations::list, control_computations::of_day, control_computations::set_period,
    control_computations::delete,
    // Computations
    computations::list, computations::delete, computations::bulk,
    // Grafana

    // Assistants

    // Threads

    // Configuration

    // Secrets
))]
pub struct Document;
