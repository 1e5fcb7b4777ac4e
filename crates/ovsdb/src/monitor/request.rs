//! Requests for monitors.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::condition::Condition;

/// A table to monitor, with columns and conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonitorRequest {
    pub(crate) table: Arc<str>,
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) conditions: Vec<Condition>,
}

impl MonitorRequest {
    /// All columns of all rows of a table.
    pub fn table(table: &str) -> Self {
        Self { table: table.into(), columns: None, conditions: Vec::new() }
    }

    /// Only these columns.
    #[must_use]
    pub fn columns<'a>(mut self, columns: impl IntoIterator<Item = &'a str>) -> Self {
        self.columns = Some(columns.into_iter().map(str::to_owned).collect());
        self
    }

    /// Only rows that meet any of these conditions.
    #[must_use]
    pub fn when(mut self, conditions: impl IntoIterator<Item = Condition>) -> Self {
        self.conditions.extend(conditions);
        self
    }

    pub(crate) fn where_clause(&self) -> Json {
        self.conditions.iter().map(Condition::to_json).collect()
    }

    fn to_json(&self) -> Json {
        let mut members = Map::new();
        if let Some(columns) = &self.columns {
            members.insert("columns".to_owned(), json!(columns));
        }
        if !self.conditions.is_empty() {
            members.insert("where".to_owned(), self.where_clause());
        }
        Json::Object(members)
    }
}

/// `<monitor-requests>` and `<monitor-cond-requests>`: a map from tables to arrays of requests.
pub(crate) fn to_json(requests: &[MonitorRequest]) -> Json {
    let tables = requests.iter().map(|request| (request.table.to_string(), json!([request.to_json()])));
    Json::Object(tables.collect())
}
