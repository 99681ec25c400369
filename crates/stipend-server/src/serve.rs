//! Serving: connections with limits, a shutdown that drains.

use crate::app::App;
use crate::dashboard::Peer;
use crate::front::Front;
use crate::limits::Limits;
use crate::patience::Patient;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Headers of a request.
const HEADERS_MAX: usize = 100;
/// Bytes of the head of a request, its first line included.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// Bytes that are buffered of a connection.
const BUFFER_BYTES_MAX: usize = 64 << 10;
/// How long accepting rests after it failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long requests that have begun may take to end at shutdown.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves until `stop` is done, then lets what has begun end.
///
/// # Errors
/// Where accepting connections fails for good.
pub async fn serve(
    listener: TcpListener,
    app: App,
    stop: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let limits = *app.limits();
    serve_front(listener, Front::new(app), limits, stop).await
}

/// As [`serve`], from when the state is still loaded: who is connected then stays connected.
///
/// # Errors
/// Where accepting connections fails for good.
pub async fn serve_front(
    listener: TcpListener,
    front: Front,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Semaphore::new(limits.connections_max));
    let mut stop = std::pin::pin!(stop);
    loop {
        // Waiting for a place must not keep a stop from being heard.
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, peer, permit)) = accepted else {
            // Out of descriptors, or a client that was gone at once: the next may do better.
            pause_accepting().await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let stream = Patient::new(stream, limits.write_timeout);
        let front = front.clone();
        let named = service_fn(move |mut request: hyper::Request<Incoming>| {
            // What the API does is the same for every peer.
            if !request.uri().path().starts_with("/api/") {
                request.extensions_mut().insert(Peer(peer.ip()));
            }
            let front = front.clone();
            async move { Ok::<_, Infallible>(front.answer(request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_headers(HEADERS_MAX)
            .max_header_size(HEAD_BYTES_MAX)
            .max_buf_size(BUFFER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), named);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _permit = permit;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    if let Some(app) = front.app() {
        app.drain();
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were cut off by the shutdown");
    }
    Ok(())
}

/// The next client, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await;
    let permit = permit.expect("nobody closes the semaphore");
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

#[expect(clippy::disallowed_methods, reason = "accepting again at once would spin")]
async fn pause_accepting() {
    tokio::time::sleep(ACCEPT_PAUSE).await;
}
