//! The points of a catalog, computed now (`GET /catalogs/{tpaId}/points`).
//!
//! The catalog as an agreement → the registry → the states of its guarantees → points, each stored once. The registry
//! calls us back meanwhile, in the caller's name. Nothing is held while it computes: no connection, no lock.

use std::collections::BTreeSet;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::agreement::{self, Agreement, IncompleteControl, Place};
use super::app::App;
use super::clients::{Registry, UpstreamError};
use super::compliance::points::{Rejection, Sorted, State as GuaranteeState, sort};
use super::error::{ApiError, Fault, Promise};
use super::extract::{Invalid, check_text};
use super::guard::Caller;
use super::instant;
use super::params::in_query;
use super::points::Point;
use super::scope_sets::ScopeMap;
use super::store::{RawJson, StoreError};

const POINTS: Promise = Promise::message_with_detail("Failed to get points, error: ");

/// The registry's name for us.
const OURSELVES: &str = "status-backend";

/// The time that is asked for, as the caller wrote it.
#[derive(Debug, PartialEq, Eq)]
struct Window {
    from: Option<String>,
    to: Option<String>,
}

impl Window {
    fn read(query: &str) -> Result<Self, Invalid> {
        let date = |name: &str| {
            let Some(text) = in_query(query, name) else { return Ok(None) };
            instant::from_json(name, &Value::from(text.as_str()))?;
            Ok(Some(text))
        };
        Ok(Self { from: date("from")?, to: date("to")? })
    }
}

/// Compute the points of a catalog and store them.
///
/// The registry computes every final control for each of its scope sets between `from` and `to` (ISO dates): flows
/// are run, so this may take minutes. Answers with the new points; with all points of the catalog when some of them
/// were stored before, which then stay as they were.
///
/// 404: no catalog has this `tpaId`. 409: a control lacks its endpoint or threshold.
#[utoipa::path(get, path = "/catalogs/{tpaId}/points", tag = "Catalogs",
    params(("tpaId" = String, Path), ("from" = Option<String>, Query), ("to" = Option<String>, Query)),
    responses((status = 200, body = [Point]), (status = 400, description = "a list of refusals when no state made a point and none is stored"), (status = 404), (status = 409),
        (status = 500, description = "the registry is away or fails")))]
pub async fn compute(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Result<Response, ApiError> {
    let window = Window::read(query.as_deref().unwrap_or_default()).map_err(|invalid| POINTS.fault(invalid))?;
    check_text("tpaId", &id, 255).map_err(|invalid| POINTS.fault(invalid))?;
    let agreement = agreement_of(&app, &id).await.map_err(|fault| POINTS.fault(fault))?.ok_or_else(not_found)?;
    let states = states(&app, &agreement, &window, &caller).await.map_err(|fault| POINTS.fault(fault))?;

    let Sorted { points, mut rejections } = sort(&states, &agreement);
    let stored = app.store.insert_points(&id, &points).await.map_err(|error| POINTS.fault(computed(error)))?;
    rejections.extend(stored.duplicates.into_iter().map(|place| Rejection::exists(&points[place])));
    if rejections.is_empty() {
        return Ok(RawJson(stored.list).into_response());
    }
    let all = app.store.points_of_agreement(id).await.map_err(|error| POINTS.fault(error))?;
    if all.is_empty() {
        Err(ApiError::json(StatusCode::BAD_REQUEST, json!(rejections)))
    } else {
        Ok(all.into_response())
    }
}

fn not_found() -> ApiError {
    ApiError::message(StatusCode::NOT_FOUND, "Failed to get points, error: Catalog not found")
}

/// The catalog's agreement as it is now. `None`: no catalog has that one.
async fn agreement_of(app: &App, id: &str) -> Result<Option<Agreement>, Fault> {
    let Some((catalog, span)) = app.store.catalog_of_agreement(id).await? else { return Ok(None) };
    let mut controls = app.store.terms_of_controls(catalog).await?;
    let ids: Vec<i32> = controls.iter().map(|(id, _)| *id).collect();
    let sets = app.scope_sets.scope_sets_of(&ids).await?;
    let names: BTreeSet<&str> = sets.iter().flat_map(|set| &set.scopes.0).map(|(name, _)| name.as_str()).collect();
    let scopes = app.store.terms_of_scopes(&names.into_iter().collect::<Vec<_>>()).await?;
    for (id, control) in &mut controls {
        let own = sets.iter().filter(|set| set.control_id == f64::from(*id));
        control.scope_sets = own.map(|set| object(&set.scopes)).collect();
    }
    let controls: Vec<_> = controls.into_iter().map(|(_, control)| control).collect();
    let place = Place {
        base: app.settings.own_url.trim_end_matches('/').to_owned(),
        infrastructure_path: OURSELVES.to_owned(),
    };
    let built = agreement::build(id.to_owned(), span, &controls, &scopes, &place);
    built.map(Some).map_err(|incomplete: IncompleteControl| Fault::Conflict(incomplete.to_string()))
}

fn object(scopes: &ScopeMap) -> Map<String, Value> {
    scopes.0.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}

/// Makes the registry hold this agreement.
async fn publish(registry: &Registry, id: &str, agreement: &Value) -> Result<(), UpstreamError> {
    let Some(stored) = registry.agreement(id).await? else {
        return match registry.create_agreement(agreement).await {
            // Somebody else was faster.
            Err(error) if error.status() == Some(StatusCode::CONFLICT) => {
                registry.update_agreement(id, agreement).await
            }
            done => done,
        };
    };
    if is_same(&stored, agreement) { Ok(()) } else { registry.update_agreement(id, agreement).await }
}

/// The store adds members of its own at the top.
fn is_same(stored: &Value, agreement: &Value) -> bool {
    agreement.as_object().is_some_and(|members| members.iter().all(|(name, value)| stored.get(name) == Some(value)))
}

async fn states(
    app: &App,
    agreement: &Agreement,
    window: &Window,
    caller: &Caller,
) -> Result<Vec<GuaranteeState>, Fault> {
    let registry = &app.clients.registry;
    publish(registry, &agreement.id, &json!(agreement)).await?;
    let (from, to) = (window.from.as_deref(), window.to.as_deref());
    let states = registry.guarantees(&agreement.id, from, to, Some(&caller.token)).await?;
    let read = states.into_iter().map(serde_json::from_value).collect::<Result<_, _>>();
    read.map_err(|error| Fault::internal("the registry's states cannot be understood", error))
}

/// What the database refuses here is not the caller's: the registry has said it.
fn computed(error: StoreError) -> Fault {
    match error {
        StoreError::Refused(_) => Fault::internal("the registry's states cannot be stored", error),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_passed_on_as_it_was_written() {
        let window = Window::read("to=2024-02-01&from=2024-01-01T00%3A00%3A00%2B02%3A00").unwrap();
        assert_eq!(window.from.as_deref(), Some("2024-01-01T00:00:00+02:00"));
        assert_eq!(window.to.as_deref(), Some("2024-02-01"));
        assert_eq!(Window::read("").unwrap(), Window { from: None, to: None });
        assert_eq!(Window::read("from=yesterday").unwrap_err().field, "from");
    }

    #[test]
    fn what_the_store_adds_does_not_matter() {
        let ours = json!({ "id": "tpa-1", "terms": { "metrics": {} } });
        assert!(is_same(&json!({ "_id": "1", "id": "tpa-1", "terms": { "metrics": {} }, "__v": 0 }), &ours));
        assert!(!is_same(&json!({ "id": "tpa-1", "terms": { "metrics": { "A": 1 } } }), &ours));
        assert!(!is_same(&json!({ "id": "tpa-1" }), &ours));
    }
}
