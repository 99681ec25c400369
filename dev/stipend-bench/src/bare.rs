//! A bare server of the same frameworks: the same routes do nothing but answer constant JSON.

use anyhow::Result;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::TcpListener;
use tokio::runtime::Runtime;

/// The server; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct BareServer {
    _runtime: Runtime,
    pub(crate) port: u16,
}

impl BareServer {
    /// Answers every check with this body.
    pub(crate) fn start(body: Vec<u8>) -> Result<Self> {
        let body = axum::body::Bytes::from(body);
        let answer = move || {
            let body = body.clone();
            async move {
                let json = [
                    (header::CONTENT_TYPE, "application/json"),
                    (header::CACHE_CONTROL, "no-store"),
                ];
                (json, body)
            }
        };
        let router: Router =
            Router::new().route("/api/v1/customers/{id}/entitlements/check", get(answer));
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.spawn(serve(listener, router));
        Ok(Self { _runtime: runtime, port })
    }
}

async fn serve(listener: TcpListener, router: Router) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let service = TowerToHyperService::new(router);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(connection);
    }
}
