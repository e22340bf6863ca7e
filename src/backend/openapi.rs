//! The OpenAPI document of the API, made from the handlers' annotations.

use utoipa::OpenApi;

use super::{catalog_drafts, catalogs, points, scopes};

/// Every handler of the table; a test compares the two.
#[derive(Debug, OpenApi)]
#[openapi(paths(
    // Users

    // Scripts

    // Scopes
    scopes::list, scopes::get, scopes::create, scopes::update, scopes::delete,
    // Points
    points::list, points::clear, points::get, points::delete, points::of_agreement,

    // Catalogs
    catalogs::list, catalogs::get, catalogs::create, catalogs::update, catalogs::delete, catalogs::controls,
    catalog_drafts::list, catalog_drafts::create, catalog_drafts::finalize,

    // Controls

    // Computations

    // Grafana

    // Assistants

    // Threads

    // Configuration

    // Secrets
))]
pub struct Document;
