//! The few calls that the demo makes, as any HTTP client would.

use crate::failure::Failure;
use serde_json::Value;

pub(crate) struct Client {
    agent: ureq::Agent,
    url: String,
    key: String,
}

impl Client {
    pub(crate) fn new(url: &str, key: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        Self { agent: config.into(), url: url.to_owned(), key: key.to_owned() }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, Failure> {
        let request = self.agent.get(format!("{}{path}", self.url)).header("X-API-KEY", &self.key);
        Self::answer(path, request.call())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let request = request.header("X-API-KEY", &self.key);
        let request = request.header("Content-Type", "application/json");
        Self::answer(path, request.send(body.to_string()))
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.agent.patch(format!("{}{path}", self.url));
        let request = request.header("X-API-KEY", &self.key);
        let request = request.header("Content-Type", "application/json");
        Self::answer(path, request.send(body.to_string()))
    }

    fn answer(
        path: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, Failure> {
        let mut answer = answer.map_err(|error| Failure::failed(path, &error))?;
        let text = answer.body_mut().read_to_string();
        let text = text.map_err(|error| Failure::failed(path, &error))?;
        if !answer.status().is_success() {
            return Err(Failure::Failed(format!("{path}: {} {text}", answer.status())));
        }
        let body: Value =
            serde_json::from_str(&text).map_err(|error| Failure::failed(path, &error))?;
        Ok(body["data"].clone())
    }
}
