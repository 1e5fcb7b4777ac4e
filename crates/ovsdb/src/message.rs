//! JSON-RPC 1.0 messages as in RFC 7047 section 4.

use serde_json::{Map, Value as Json, json};
use thiserror::Error;

/// A message, in either direction.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A request that needs a response.
    Request {
        /// The method.
        method: String,
        /// Its parameters.
        params: Json,
        /// Repeated in the response; not null.
        id: Json,
    },
    /// A message without response.
    Notification {
        /// The method.
        method: String,
        /// Its parameters.
        params: Json,
    },
    /// The response to a request.
    Response {
        /// The id of the request.
        id: Json,
        /// The result, or the error.
        outcome: Result<Json, Json>,
    },
}

/// Bytes that are not a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// Not JSON.
    #[error("a message is not JSON: {0}")]
    Json(String),
    /// JSON, but not JSON-RPC.
    #[error("a message is not JSON-RPC: {0}")]
    Rpc(&'static str),
}

impl Message {
    /// Parses the text of one JSON object.
    ///
    /// # Errors
    /// The text is not JSON, or neither a request, notification nor response.
    pub fn parse(text: &[u8]) -> Result<Self, MessageError> {
        let mut object: Map<String, Json> =
            serde_json::from_slice(text).map_err(|error| MessageError::Json(error.to_string()))?;
        let id = object.remove("id").unwrap_or(Json::Null);
        match object.remove("method") {
            None => Self::response(id, object),
            Some(Json::String(method)) => {
                let params = object.remove("params").unwrap_or(Json::Null);
                Ok(match id {
                    Json::Null => Self::Notification { method, params },
                    id => Self::Request { method, params, id },
                })
            }
            Some(_) => Err(MessageError::Rpc("its method is not a string")),
        }
    }

    fn response(id: Json, mut object: Map<String, Json>) -> Result<Self, MessageError> {
        let error = object.remove("error").unwrap_or(Json::Null);
        let result = object.remove("result");
        match (id, error, result) {
            (Json::Null, ..) => Err(MessageError::Rpc("it has neither a method nor an id")),
            (id, Json::Null, Some(result)) => Ok(Self::Response { id, outcome: Ok(result) }),
            (_, Json::Null, None) => Err(MessageError::Rpc("it has neither a method nor a result")),
            (id, error, None | Some(Json::Null)) => Ok(Self::Response { id, outcome: Err(error) }),
            _ => Err(MessageError::Rpc("it has both a result and an error")),
        }
    }

    /// The message in JSON form.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Request { method, params, id } => json!({ "method": method, "params": params, "id": id }),
            Self::Notification { method, params } => {
                json!({ "method": method, "params": params, "id": null })
            }
            Self::Response { id, outcome: Ok(result) } => {
                json!({ "id": id, "result": result, "error": null })
            }
            Self::Response { id, outcome: Err(error) } => json!({ "id": id, "result": null, "error": error }),
        }
    }
}

/// The name and the details of a server's error: an object of RFC 7047 section 3.1 (`<error>`), or a string if the
/// request did not reach the database.
pub(crate) fn error_and_details(error: &Json) -> (String, String) {
    let text = |member: &str| error.get(member).and_then(Json::as_str).unwrap_or_default().to_owned();
    match error {
        Json::String(text) => (text.clone(), String::new()),
        Json::Object(_) => (text("error"), text("details")),
        other => (other.to_string(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says() {
        let echo = Message::parse(br#"{"id":"echo","method":"echo","params":[]}"#).unwrap();
        assert_eq!(echo, Message::Request { method: "echo".into(), params: json!([]), id: json!("echo") });
        let update = Message::parse(br#"{"id":null,"method":"update","params":[1,{}]}"#).unwrap();
        assert_eq!(update, Message::Notification { method: "update".into(), params: json!([1, {}]) });
        let answer = Message::parse(br#"{"id":3,"result":null,"error":null}"#).unwrap();
        assert_eq!(answer, Message::Response { id: json!(3), outcome: Ok(Json::Null) });
        let refusal = Message::parse(br#"{"id":3,"result":null,"error":"unknown method"}"#).unwrap();
        assert_eq!(refusal, Message::Response { id: json!(3), outcome: Err(json!("unknown method")) });
    }

    #[test]
    fn what_is_no_message() {
        for (text, told) in [
            (r#"{"a":}"#, "a message is not JSON: expected value at line 1 column 6"),
            (r#"{"method":1}"#, "a message is not JSON-RPC: its method is not a string"),
            ("{}", "a message is not JSON-RPC: it has neither a method nor an id"),
            (r#"{"id":1}"#, "a message is not JSON-RPC: it has neither a method nor a result"),
            (
                r#"{"id":1,"error":2,"result":3}"#,
                "a message is not JSON-RPC: it has both a result and an error",
            ),
        ] {
            assert_eq!(Message::parse(text.as_bytes()).unwrap_err().to_string(), told);
        }
    }

    #[test]
    fn written_and_read_is_the_same() {
        for message in [
            Message::Request { method: "echo".into(), params: json!([]), id: json!("x") },
            Message::Notification { method: "cancel".into(), params: json!([1]) },
            Message::Response { id: json!(1), outcome: Ok(json!({})) },
            Message::Response { id: json!(1), outcome: Err(json!("no")) },
        ] {
            assert_eq!(Message::parse(message.to_json().to_string().as_bytes()), Ok(message));
        }
    }
}
