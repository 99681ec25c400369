//! `stipend demo`: the worked example, through the public API of a real server.

mod client;
mod story;

use crate::config::Settings;
use crate::failure::Failure;
use crate::{say, serve, start};
use clap::Args;
use std::net::SocketAddr;
use std::sync::Arc;
use stipend_server::App;
use stipend_server::ids::SystemRandom;

/// How the demo runs.
#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// End when the example is told, instead of serving on until Ctrl-C.
    #[arg(long)]
    once: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    serve::start_logging("warn")?;
    let directory = tempfile::Builder::new()
        .prefix("stipend-demo-")
        .tempdir()
        .map_err(|error| Failure::failed("no temporary directory", &error))?;
    let settings = Settings {
        data_dir: Some(directory.path().join("data")),
        listen: Some(arguments.listen),
        ..Settings::default()
    };
    let config = settings.resolve()?;
    let store = start::open_store(&config.data_dir)?;
    let engine = Arc::new(start::start_engine(store, &config.engine)?);
    let listener = serve::bind(&config)?;
    let key = start::ensure_key(&engine, None)?.unwrap_or_default();
    serve::runtime()?.block_on(async {
        let listener = serve::into_async(listener)?;
        let signal = serve::stop_signal()?;
        let url = format!("http://{}", serve::address(&listener)?);
        let app = App::new(Arc::clone(&engine), Arc::new(SystemRandom));
        let link = serve::sign_in_link(&app, serve::address(&listener)?);
        say(&format!(
            "listening on {url}\nAPI key: {key}\nDashboard (signs in once): {link}\nData: {}\n\n",
            config.data_dir.display()
        ))?;
        let (told, all_told) = tokio::sync::oneshot::channel();
        let (story_url, story_key) = (url.clone(), key.clone());
        let story = std::thread::spawn(move || {
            let result = story::tell(&client::Client::new(&story_url, &story_key));
            // Nobody waits for it when the demo is being ended.
            let _ = told.send(());
            result
        });
        let once = arguments.once;
        let stop = async move {
            let told = all_told.await.is_ok();
            if !(once && told) {
                signal.await;
            }
        };
        serve::serve_until(listener, &engine, app, stop).await?;
        story.join().unwrap_or_else(|_| Err(Failure::Failed("the example broke off".to_owned())))
    })
}
