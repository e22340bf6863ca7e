//! Bills: periods that are open or closed for overrides (`/bills/{agreementId}`).

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use mongodb::bson::RawDocument;
use serde::Deserialize;
use serde_json::{Map, json};
use utoipa::IntoParams;

use super::answer::{self, PLAIN};
use super::app::App;
use super::body::members;
use super::engine::{Agreement, Clock, period};
use super::error::{Refusal, Shape};
use super::schemas::{Bill, CodedError};
use super::store::BillChange;
use crate::governify::body::JsonBody;
use crate::governify::dates;

const SHAPE: Shape = Shape::Text;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Range {
    /// Any date that JavaScript reads; counts only with `to`.
    from: Option<String>,
    to: Option<String>,
}

/// Get the bill of a period of an agreement.
///
/// A list of one: the stored bill, or an open one that is not stored. The period is that of `from` and `to`,
/// otherwise the one under way.
#[utoipa::path(get, path = "/bills/{agreementId}", tag = "Bills", params(("agreementId" = String, Path), Range),
    responses((status = 200, body = [Bill]), (status = 404, body = String, content_type = "text/html")))]
pub async fn list(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(range): Query<Range>,
) -> Result<Response, Refusal> {
    let stored = app.agreement(&id).await.map_err(SHAPE.store())?;
    let stored = stored.ok_or_else(|| SHAPE.not_found("Agreement not found"))?;
    let clock = app.clock();
    let mut window = Map::new();
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    if let (Some(from), Some(to)) = (given(range.from), given(range.to)) {
        window.insert("from".to_owned(), from.into());
        window.insert("end".to_owned(), to.into());
    }
    let period = period::widened(&window, Agreement::new(&stored), &clock)
        .map_err(|error| SHAPE.refuse(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let begin = dates::parse(&period.from, &clock.local).map(|begin| begin.as_second());
    let mut bills = app.store.bills(&id).await.map_err(SHAPE.store())?;
    while let Some(batch) = bills.next().await.map_err(SHAPE.store())? {
        for bill in batch.documents().map_err(SHAPE.store())? {
            let bill = bill.map_err(SHAPE.store())?;
            if begin.is_some() && begins(bill, &clock) == begin {
                return answer::stored(&[bill], PLAIN, SHAPE);
            }
        }
    }
    let number = begin.map(|begin| begin.to_string()).unwrap_or_default();
    let open = json!({ "agreementId": id, "billId": number, "state": "open", "period": period.to_json() });
    answer::computed(&[open], PLAIN, SHAPE)
}

/// The second in which a bill's period begins.
fn begins(bill: &[u8], clock: &Clock) -> Option<i64> {
    let from = RawDocument::from_bytes(bill).ok()?.get_document("period").ok()?.get_str("from").ok()?;
    dates::parse(from, &clock.local).map(|begin| begin.as_second())
}

/// Change a bill of an agreement, or store a new one.
///
/// A closed bill ends overrides of its period. 201: it is new. 403: the bill is closed and stays as it is.
#[utoipa::path(put, path = "/bills/{agreementId}/{billId}", tag = "Bills",
    params(("agreementId" = String, Path), ("billId" = String, Path)), request_body = Bill,
    responses((status = 200, description = "changed; how many", body = Object), (status = 201, body = Bill),
        (status = 403, body = String, content_type = "text/html"), (status = 500, body = CodedError)))]
pub async fn update(
    State(app): State<App>,
    Path((agreement, bill)): Path<(String, String)>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    const SHAPE: Shape = Shape::Coded;
    match app.store.put_bill(&agreement, &bill, members(&body)).await.map_err(SHAPE.store())? {
        BillChange::Closed => Err(Shape::Text.refuse(StatusCode::FORBIDDEN, "Cannot edit bill when state is closed.")),
        BillChange::Made(bill) => answer::document(StatusCode::CREATED, &bill, SHAPE),
        BillChange::Changed { matched, modified } => {
            let done = json!({ "acknowledged": true, "modifiedCount": modified, "upsertedId": null, "upsertedCount": 0,
                "matchedCount": matched });
            Ok(answer::json_text(StatusCode::OK, done.to_string().into_bytes()))
        }
    }
}

/// Delete the bills of an agreement.
#[utoipa::path(delete, path = "/bills/{agreementId}", tag = "Bills", params(("agreementId" = String, Path)),
    responses((status = 200, body = String, content_type = "text/html"),
        (status = 404, body = String, content_type = "text/html")))]
pub async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Refusal> {
    if app.store.delete_bills(&id).await.map_err(SHAPE.store())? > 0 {
        return Ok(answer::text("Bills deleted successfully"));
    }
    Err(SHAPE.not_found("No bills found for the given agreementId"))
}
