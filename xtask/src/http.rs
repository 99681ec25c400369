//! Plain HTTP to a server under test.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use ureq::Agent;

/// One connection's worth of client.
pub(crate) struct Http {
    agent: Agent,
    base_url: String,
    api_key: String,
}

/// An answer, whatever it says.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether it says when to come again.
    pub(crate) has_retry_after: bool,
    pub(crate) body: Value,
}

impl Http {
    pub(crate) fn new(base_url: &str, api_key: &str, patience: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(patience))
            .build();
        Self { agent: config.into(), base_url: base_url.to_owned(), api_key: api_key.to_owned() }
    }

    /// Posts a body; answers the status and the body of the answer.
    pub(crate) fn post(&self, path: &str, body: &Value, key: Option<&str>) -> Result<(u16, Value)> {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.base_url))
            .header("X-API-KEY", &self.api_key)
            .header("Content-Type", "application/json");
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let mut response = request.send(body.to_string())?;
        let text = response.body_mut().read_to_string()?;
        Ok((response.status().as_u16(), json_or_text(text)))
    }

    /// Posts a body with these headers; answers whatever comes.
    pub(crate) fn ask(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Result<Answer> {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.base_url))
            .header("X-API-KEY", &self.api_key)
            .header("Content-Type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Self::answer(request.send(body.to_string())?)
    }

    /// Gets a path; answers whatever comes.
    pub(crate) fn look(&self, path: &str) -> Result<Answer> {
        let request = self.agent.get(format!("{}{path}", self.base_url));
        Self::answer(request.header("X-API-KEY", &self.api_key).call()?)
    }

    fn answer(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer> {
        let body = json_or_text(response.body_mut().read_to_string()?);
        let has_retry_after = response.headers().contains_key("retry-after");
        Ok(Answer { status: response.status().as_u16(), has_retry_after, body })
    }

    /// A post that must succeed.
    pub(crate) fn create(&self, path: &str, body: &Value) -> Result<Value> {
        let (status, answer) = self.post(path, body, None)?;
        ensure!((200..300).contains(&status), "POST {path} was answered with {status}: {answer}");
        Ok(answer)
    }

    /// A put that must succeed.
    pub(crate) fn put(&self, path: &str, body: &Value) -> Result<Value> {
        let mut response = self
            .agent
            .put(format!("{}{path}", self.base_url))
            .header("X-API-KEY", &self.api_key)
            .header("Content-Type", "application/json")
            .send(body.to_string())?;
        let status = response.status().as_u16();
        let answer = json_or_text(response.body_mut().read_to_string()?);
        ensure!(status == 200, "PUT {path} was answered with {status}: {answer}");
        Ok(answer)
    }

    /// A get that must succeed.
    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        let mut response = self
            .agent
            .get(format!("{}{path}", self.base_url))
            .query_pairs(query.iter().copied())
            .header("X-API-KEY", &self.api_key)
            .call()
            .with_context(|| format!("GET {path}"))?;
        let status = response.status().as_u16();
        let body = json_or_text(response.body_mut().read_to_string()?);
        ensure!(status == 200, "GET {path} was answered with {status}: {body}");
        Ok(body)
    }
}

fn json_or_text(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}
