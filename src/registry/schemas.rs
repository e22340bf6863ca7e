//! What callers send and get, for the OpenAPI document. Nothing is read or written through these: agreements are stored
//! unchecked, and states hold what collectors answer.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// An agreement between a provider and a consumer. Fields besides these are dropped, except a few that the original stores
/// by accident; everything below `context` and `terms` is kept as it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Agreement {
    /// Made by the registry, 24 hexadecimal digits.
    #[serde(rename = "_id")]
    #[schema(read_only)]
    pub id_of_the_document: Option<String>,
    pub id: String,
    pub version: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(rename = "templateId")]
    pub template_id: Option<String>,
    /// Validity, time zone, definitions, provider and consumer.
    pub context: Option<Value>,
    /// Metrics, guarantees and pricing.
    pub terms: Option<Value>,
    #[serde(rename = "__v")]
    #[schema(read_only)]
    pub version_of_the_document: Option<i32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Period {
    pub from: String,
    pub to: String,
}

/// The current view of a state: its key and its last record.
#[derive(Debug, Serialize, ToSchema)]
pub struct State {
    /// `guarantees` or `metrics`.
    #[serde(rename = "stateType")]
    pub state_type: String,
    #[serde(rename = "agreementId")]
    pub agreement_id: String,
    /// Of the guarantee or the metric.
    pub id: String,
    /// As the collector told it.
    pub scope: Value,
    pub period: Option<Period>,
    /// Of metrics.
    pub window: Option<Value>,
    /// Whether the objective is met, or the value of the metric.
    pub value: Value,
    /// Of guarantees: the values of the metrics.
    pub metrics: Option<Value>,
    pub evidences: Option<Vec<Value>>,
    /// Of metrics whose collector told them.
    pub parameters: Option<Value>,
}

/// A state as it is stored, with its last record only.
#[derive(Debug, Serialize, ToSchema)]
pub struct StoredState {
    #[serde(rename = "_id")]
    pub id_of_the_document: String,
    #[serde(rename = "agreementId")]
    pub agreement_id: String,
    #[serde(rename = "stateType")]
    pub state_type: String,
    pub id: String,
    pub period: Option<Period>,
    pub scope: Value,
    pub record: Value,
    /// Evidences in the record.
    pub record_size: i32,
}

/// A value of a metric that is set by hand.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetricValue {
    pub scope: Value,
    pub window: Value,
    pub value: Value,
}

/// What a metric is asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetricQuestion {
    pub scope: Value,
    pub window: Value,
    pub parameters: Option<Value>,
    pub period: Option<Period>,
}

/// A correction of the evidences of a period.
#[derive(Debug, Serialize, ToSchema)]
pub struct Override {
    pub id: Option<Value>,
    /// Its `priority` tells overrides apart.
    pub scope: Value,
    pub period: Period,
    pub evidences: Option<Value>,
    pub comment: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Bill {
    #[serde(rename = "agreementId")]
    pub agreement_id: Option<String>,
    #[serde(rename = "billId")]
    pub bill_id: Option<String>,
    /// `open` or `closed`.
    pub state: Option<String>,
    pub period: Option<Period>,
    #[serde(rename = "closeDate")]
    pub close_date: Option<String>,
}

/// A line of what is owed.
#[derive(Debug, Serialize, ToSchema)]
pub struct PricingLine {
    pub scope: Value,
    pub period: Period,
    pub value: f64,
    /// The penalty's name.
    pub penalty: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CodedError {
    /// The status.
    pub code: u16,
    pub message: Value,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PlainError {
    pub error: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MessageError {
    pub message: String,
}
