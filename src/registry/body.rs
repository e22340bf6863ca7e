//! The members of what a caller sent.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::governify::body::JsonBody;

/// Of an object; a list has none.
pub fn members(body: &JsonBody) -> &Map<String, Value> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    body.0.as_object().unwrap_or(&NONE)
}
