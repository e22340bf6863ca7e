//! The OpenAPI document of the API, made from the handlers' annotations.

use utoipa::OpenApi;

use super::{points, scopes};

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

    // Controls

    // Computations

    // Grafana

    // Assistants

    // Threads

    // Configuration

    // Secrets
))]
pub struct Document;
