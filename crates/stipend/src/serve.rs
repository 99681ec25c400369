//! `stipend serve`.

use crate::config::{Config, Settings, unknown_variables};
use crate::failure::Failure;
use crate::{descriptors, say, start, tell};
use std::future::Future;
use std::io::IsTerminal as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use stipend_engine::series::Roller;
use stipend_engine::{Engine, LoadProgress, Options};
use stipend_server::ids::SystemRandom;
use stipend_server::serve::serve_front;
use stipend_server::{App, Front, Limits};
use stipend_store::{MemoryRolls, Rolls};
use stipend_store_sqlite::SqliteRolls;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing_subscriber::EnvFilter;

/// Who asks for metrics is one or two machines.
const METRICS_CONNECTIONS_MAX: usize = 32;

pub(crate) fn run(settings: Settings) -> Result<(), Failure> {
    let config = settings.resolve()?;
    start_logging(&config.log)?;
    for name in unknown_variables() {
        tracing::warn!(name, "this environment variable means nothing to this version");
    }
    let listener = bind(&config)?;
    let metrics_listener = bind_metrics(&config)?;
    let limits = affordable(config.limits);
    // The socket answers from here on; until the state is there it says how far that is.
    let progress = LoadProgress::default();
    let front = Front::loading(progress.clone(), &SystemRandom);
    let runtime = runtime()?;
    let listener = runtime.block_on(async { into_async(listener) })?;
    let address = address(&listener)?;
    let public = if metrics_listener.is_some() { front.without_metrics() } else { front.clone() };
    let serving = Serving::start(&runtime, listener, public, limits);
    let metrics =
        metrics_listener.map(|listener| serve_metrics(&runtime, listener, &front, limits));
    let metrics = metrics.transpose()?;

    let store = start::open_store(&config.data_dir)?;
    tracing::info!(data_dir = %config.data_dir.display(), "the state is being loaded");
    let options = Options { progress, ..config.engine.clone() };
    let engine = Arc::new(start::start_engine(store, &options)?);
    tracing::info!(
        data_dir = %config.data_dir.display(),
        customers = engine.customers_count(),
        "recovered"
    );
    let rolls = open_rolls(&config);
    // A key is made only once nothing can keep it from being shown.
    let key = start::ensure_key(&engine, config.bootstrap_api_key.as_deref())?;
    if let Some(key) = &config.bootstrap_sandbox_api_key {
        start::ensure_sandbox(&engine, key)?;
    }
    let app = App::new(Arc::clone(&engine), Arc::new(SystemRandom)).with_limits(limits);
    let app = app.with_embed_origins(config.embed_origins).with_rolls(Arc::clone(&rolls));
    let app = app.with_trusted_proxies(config.trusted_proxies);
    let roller = Roller::new(rolls).spawn(Arc::clone(&engine));
    let served = runtime.block_on(async {
        let asked_to_stop = stop_signal()?;
        front.open(app.clone());
        say(&format!("listening on http://{address}\n"))?;
        if let Some(key) = key {
            say(&format!("API key (shown once): {key}\n"))?;
        }
        if let Some((_, address)) = &metrics {
            tell(&format!("metrics: {}/metrics\n", base(*address)));
        }
        tell(&dashboard_line(&app, address));
        asked_to_stop.await;
        let stopping = [Some(serving), metrics.map(|(serving, _)| serving)];
        Ok::<_, Failure>(Serving::stop(stopping.into_iter().flatten()).await)
    })?;
    drop(roller);
    engine.stop();
    tracing::info!("stopped");
    served
}

fn serve_metrics(
    runtime: &Runtime,
    listener: std::net::TcpListener,
    front: &Front,
    limits: Limits,
) -> Result<(Serving, SocketAddr), Failure> {
    let listener = runtime.block_on(async { into_async(listener) })?;
    let address = address(&listener)?;
    let limits = Limits { connections_max: METRICS_CONNECTIONS_MAX, ..limits };
    Ok((Serving::start(runtime, listener, front.metrics_alone(), limits), address))
}

/// A listener that is served until it is told to stop.
struct Serving {
    stop: oneshot::Sender<()>,
    done: JoinHandle<std::io::Result<()>>,
}

impl Serving {
    fn start(runtime: &Runtime, listener: TcpListener, front: Front, limits: Limits) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        // Nothing stops it before it is told to, or nobody is left who could tell.
        let stopped = async { drop(stopped.await) };
        Self { stop, done: runtime.spawn(serve_front(listener, front, limits, stopped)) }
    }

    /// Stops all of them at once, and lets what has begun end.
    async fn stop(all: impl Iterator<Item = Self>) -> Result<(), Failure> {
        let failed = |error: &dyn std::error::Error| Failure::failed("serving failed", error);
        let (stops, done): (Vec<_>, Vec<_>) = all.map(|one| (one.stop, one.done)).unzip();
        drop(stops);
        let mut served = Ok(());
        for done in done {
            let ended = match done.await {
                Ok(ended) => ended.map_err(|error| failed(&error)),
                Err(error) => Err(failed(&error)),
            };
            served = served.and(ended);
        }
        served
    }
}

/// Logs go to standard error: as text to people, as JSON to machines.
pub(crate) fn start_logging(filter: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Failure::Configuration(format!("--log {filter}: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.init();
    } else {
        builder.json().init();
    }
    Ok(())
}

/// What is rolled up is no truth: the server starts without, and makes it anew.
fn open_rolls(config: &Config) -> Arc<dyn Rolls> {
    match SqliteRolls::open(&config.data_dir) {
        Ok(rolls) => Arc::new(rolls),
        Err(error) => {
            tracing::warn!(%error, "the roll-ups of the use of credits are kept in memory");
            Arc::new(MemoryRolls::default())
        }
    }
}

pub(crate) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("the runtime cannot start", &error))
}

pub(crate) fn bind(config: &Config) -> Result<std::net::TcpListener, Failure> {
    std::net::TcpListener::bind(config.listen).map_err(|error| {
        Failure::Configuration(format!("cannot listen on {}: {error}", config.listen))
    })
}

/// The socket of the metrics, where they have one of their own.
fn bind_metrics(config: &Config) -> Result<Option<std::net::TcpListener>, Failure> {
    let bind = |address| {
        std::net::TcpListener::bind(address).map_err(|error| {
            let message = format!("cannot listen on {address} for the metrics: {error}");
            Failure::Configuration(message)
        })
    };
    config.metrics_listen.map(bind).transpose()
}

/// Hands the socket to the runtime.
pub(crate) fn into_async(listener: std::net::TcpListener) -> Result<TcpListener, Failure> {
    let ready = listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener));
    ready.map_err(|error| Failure::failed("the socket cannot be served", &error))
}

pub(crate) fn address(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener.local_addr().map_err(|error| Failure::failed("the socket has no address", &error))
}

/// Where the dashboard is, with the link that sets it up where that was not done yet.
fn dashboard_line(app: &App, address: SocketAddr) -> String {
    let base = base(address);
    match app.set_up_token() {
        Some(token) => {
            format!("dashboard (set it up within the hour): {base}/setup?token={token}\n")
        }
        None => format!("dashboard: {base}/\n"),
    }
}

/// A link that signs in to the dashboard once.
pub(crate) fn sign_in_link(app: &App, address: SocketAddr) -> String {
    format!("{}/signin?token={}", base(address), app.sign_in_token())
}

/// Where a browser on this machine finds the server.
fn base(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{address}")
}

/// Serves until `stop` is done, drains, and commits what was decided.
pub(crate) async fn serve_until(
    listener: TcpListener,
    engine: &Arc<Engine>,
    app: App,
    stop: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let served = stipend_server::serve::serve(listener, app, stop).await;
    engine.stop();
    tracing::info!("stopped");
    served.map_err(|error| Failure::failed("serving failed", &error))
}

/// Done when the process is asked to end.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let listen =
        |kind| signal(kind).map_err(|error| Failure::failed("signals cannot be received", &error));
    let (mut terminate, mut interrupt) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    })
}

/// The limits with no more connections than there are file descriptors for.
fn affordable(limits: Limits) -> Limits {
    let connections_max =
        descriptors::connections(limits.connections_max, descriptors::raise_limit());
    if connections_max < limits.connections_max {
        tracing::warn!(connections_max, "the limit of file descriptors allows fewer connections");
    }
    Limits { connections_max, ..limits }
}
