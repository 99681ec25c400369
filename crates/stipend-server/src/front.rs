//! The outermost place of a request: what is done for every one of them, once, around the router.
//!
//! A layer of the router would make a box and copy its state for each request; a function does not.

use crate::api::unsupported;
use crate::app::App;
use crate::ids::Random;
use crate::{dashboard, embed, openapi, probes, request_id};
use axum::Router;
use axum::body::{Bytes, HttpBody};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use std::any::Any;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use stipend_engine::LoadProgress;
use tower_service::Service as _;

/// Everything that is served, as one function from request to answer. While the state is loaded
/// there is no application behind it, and it says how far that is.
#[derive(Clone, Debug)]
pub struct Front {
    shared: Arc<Shared>,
    face: Face,
}

/// What of it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    Everything,
    WithoutMetrics,
    MetricsAlone,
}

#[derive(Debug)]
struct Shared {
    ids: request_id::Ids,
    progress: LoadProgress,
    opened: OnceLock<Opened>,
}

#[derive(Debug)]
struct Opened {
    app: App,
    router: Router,
}

impl Front {
    /// Everything that an application serves.
    #[must_use]
    pub fn new(app: App) -> Self {
        let front = Self::loading(LoadProgress::default(), app.random());
        front.open(app);
        front
    }

    /// Probes alone, until the application is there.
    #[must_use]
    pub fn loading(progress: LoadProgress, random: &dyn Random) -> Self {
        let ids = request_id::Ids::new(random);
        let shared = Arc::new(Shared { ids, progress, opened: OnceLock::new() });
        Self { shared, face: Face::Everything }
    }

    /// The same without its metrics, which are served elsewhere.
    #[must_use]
    pub fn without_metrics(&self) -> Self {
        Self { face: Face::WithoutMetrics, ..self.clone() }
    }

    /// Its metrics and nothing else.
    #[must_use]
    pub fn metrics_alone(&self) -> Self {
        Self { face: Face::MetricsAlone, ..self.clone() }
    }

    /// The application is there. The first one stays.
    pub fn open(&self, app: App) {
        self.shared.opened.get_or_init(|| {
            let (api, _) = openapi::described().split_for_parts();
            let api = api.merge(unsupported::router());
            let api = api.method_not_allowed_fallback(unsupported::no_such_method);
            let router = api.merge(probes::router()).merge(dashboard::router());
            let router = router.merge(embed::router(&app));
            Opened { router: router.with_state(app.clone()), app }
        });
    }

    /// The application, where it is there.
    pub(crate) fn app(&self) -> Option<&App> {
        self.shared.opened.get().map(|opened| &opened.app)
    }

    /// Answers a request. The answer carries the id of its request, and a refusal has the body of
    /// the contract, also where a handler panicked.
    pub async fn answer<B>(&self, mut request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let asked = request_id::Asked::of(&request, &self.shared.ids);
        if self.face.hides(request.uri().path()) {
            return asked.finish(StatusCode::NOT_FOUND.into_response());
        }
        let Some(opened) = self.shared.opened.get() else {
            return asked
                .put_off(probes::while_loading(request.uri().path(), &self.shared.progress));
        };
        dashboard::note_address(&mut request);
        let mut router = opened.router.clone();
        // The router is always ready.
        let answered = guarded(router.call(request)).await;
        let response =
            answered.unwrap_or_else(|()| StatusCode::INTERNAL_SERVER_ERROR.into_response());
        asked.finish(response)
    }
}

impl Face {
    fn hides(self, path: &str) -> bool {
        match self {
            Self::Everything => false,
            Self::WithoutMetrics => path == probes::METRICS,
            Self::MetricsAlone => path != probes::METRICS,
        }
    }
}

/// The outcome of a future that may panic: then it is reported, and that request alone fails.
async fn guarded(
    answer: impl Future<Output = Result<Response, Infallible>>,
) -> Result<Response, ()> {
    let mut answer = pin!(answer);
    let polled = poll_fn(|context| {
        let polling = AssertUnwindSafe(|| answer.as_mut().poll(context));
        match catch_unwind(polling) {
            Ok(polled) => polled.map(Ok),
            Err(cause) => Poll::Ready(Err(cause)),
        }
    });
    match polled.await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(never)) => match never {},
        Err(cause) => {
            tracing::error!(error = reason(cause.as_ref()), "a handler panicked");
            Err(())
        }
    }
}

fn reason(cause: &(dyn Any + Send)) -> &str {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("no reason was given")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_the_end_of_that_request_alone() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let panicking = async { panic!("on purpose") };
        assert!(runtime.block_on(guarded(panicking)).is_err());
        let sound = async { Ok(StatusCode::OK.into_response()) };
        assert!(runtime.block_on(guarded(sound)).is_ok());
    }
}
