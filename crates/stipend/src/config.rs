//! Configuration: flags over environment over file over defaults.

use crate::failure::Failure;
use clap::Args;
use serde::Deserialize;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use stipend_server::{EMBED_ORIGINS_MAX, EmbedOrigin, Limits, TrustedProxy};

/// Characters of a key that is given at the start.
const BOOTSTRAP_KEY_MIN: usize = 8;
const BOOTSTRAP_KEY_MAX: usize = 255;

const LISTEN_DEFAULT: &str = "127.0.0.1:4010";

/// What can be set, on the command line and in the environment.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Settings {
    /// A TOML file with the same settings (`data_dir`, `listen`, `metrics_listen`, `log`,
    /// `max_clock_jump`, `max_in_flight`, `embed_origins`, `trusted_proxies`).
    #[arg(long, value_name = "FILE", env = "STIPEND_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where the data lives [default: stipend/ in the user's data directory].
    #[arg(long, value_name = "DIR", env = "STIPEND_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:4010].
    #[arg(long, value_name = "ADDR:PORT", env = "STIPEND_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where to serve `/metrics`, and nothing else, such as `127.0.0.1:9464`; it is not at the
    /// address of the API then [default: with the API, at the same address].
    #[arg(long, value_name = "ADDR:PORT", env = "STIPEND_METRICS_LISTEN")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// What to log: error, warn, info, debug, or a filter [default: info].
    #[arg(long, value_name = "FILTER", env = "STIPEND_LOG")]
    pub(crate) log: Option<String>,
    /// Refuse to start where the clock is further ahead of the last commit than that, such as
    /// `90s`, `36h` or `7d` [default: start, and do what has come due].
    #[arg(long, value_name = "DURATION", env = "STIPEND_MAX_CLOCK_JUMP")]
    pub(crate) max_clock_jump: Option<ClockJump>,
    /// How many changes may be under way at once; more are refused with 429 [default: 2048].
    #[arg(long, value_name = "NUMBER", env = "STIPEND_MAX_IN_FLIGHT")]
    pub(crate) max_in_flight: Option<NonZeroU16>,
    /// Sites whose pages may show the credits of customers, such as `https://app.example.com` or
    /// `https://*.example.com`, with commas between them [default: only this server's own pages].
    #[arg(long, value_name = "ORIGIN", env = "STIPEND_EMBED_ORIGINS", value_delimiter = ',')]
    pub(crate) embed_origins: Option<Vec<EmbedOrigin>>,
    /// Proxies that are trusted to name the addresses of their clients in `X-Forwarded-For`:
    /// addresses or networks, such as `127.0.0.1` or `10.0.0.0/8`, with commas between them
    /// [default: none].
    #[arg(long, value_name = "ADDR", env = "STIPEND_TRUSTED_PROXIES", value_delimiter = ',')]
    pub(crate) trusted_proxies: Option<Vec<TrustedProxy>>,
    /// A secret API key that exists in the environment `production` at start.
    #[arg(
        long,
        value_name = "KEY",
        env = "STIPEND_BOOTSTRAP_API_KEY",
        hide = true,
        hide_env_values = true
    )]
    pub(crate) bootstrap_api_key: Option<String>,
    /// A secret API key that exists in the environment `sandbox` at start, which comes to be
    /// where it is missing.
    #[arg(
        long,
        value_name = "KEY",
        env = "STIPEND_BOOTSTRAP_SANDBOX_API_KEY",
        hide = true,
        hide_env_values = true
    )]
    pub(crate) bootstrap_sandbox_api_key: Option<String>,
}

/// A length of time, in whole seconds: a number with `s`, `m`, `h` or `d` behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClockJump(pub(crate) i64);

impl std::str::FromStr for ClockJump {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a duration is a whole number with s, m, h or d behind it, such as 36h";
        let unit = text.char_indices().next_back().ok_or(wrong)?;
        let seconds = match unit.1 {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return Err(wrong),
        };
        let count = &text[..unit.0];
        if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong);
        }
        let count: i64 = count.parse().map_err(|_| wrong)?;
        count.checked_mul(seconds).map(Self).ok_or(wrong)
    }
}

impl<'de> Deserialize<'de> for ClockJump {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What can be set in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data_dir: Option<PathBuf>,
    listen: Option<SocketAddr>,
    metrics_listen: Option<SocketAddr>,
    log: Option<String>,
    max_clock_jump: Option<ClockJump>,
    max_in_flight: Option<NonZeroU16>,
    embed_origins: Option<Vec<String>>,
    trusted_proxies: Option<Vec<String>>,
}

/// What holds in the end.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) log: String,
    pub(crate) bootstrap_api_key: Option<String>,
    pub(crate) bootstrap_sandbox_api_key: Option<String>,
    pub(crate) engine: stipend_engine::Options,
    pub(crate) limits: Limits,
    pub(crate) embed_origins: Vec<EmbedOrigin>,
    pub(crate) trusted_proxies: Vec<TrustedProxy>,
}

impl Settings {
    /// Merges flags, environment, file and defaults.
    pub(crate) fn resolve(self) -> Result<Config, Failure> {
        let file = self.config.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let default = LISTEN_DEFAULT.parse().expect("the default is an address");
        let key = bootstrap_key("STIPEND_BOOTSTRAP_API_KEY", self.bootstrap_api_key)?;
        let sandbox_key = self.bootstrap_sandbox_api_key;
        let sandbox_key = bootstrap_key("STIPEND_BOOTSTRAP_SANDBOX_API_KEY", sandbox_key)?;
        if key.is_some() && key == sandbox_key {
            let message = "the bootstrap API keys of production and sandbox must differ";
            return Err(Failure::Configuration(message.to_owned()));
        }
        let max_clock_jump = self.max_clock_jump.or(file.max_clock_jump).map(|jump| jump.0);
        Ok(Config {
            data_dir: match self.data_dir.or(file.data_dir) {
                Some(data_dir) => data_dir,
                None => default_data_dir()?,
            },
            listen: self.listen.or(file.listen).unwrap_or(default),
            metrics_listen: self.metrics_listen.or(file.metrics_listen),
            log: self.log.or(file.log).unwrap_or_else(|| "info".to_owned()),
            bootstrap_api_key: key,
            bootstrap_sandbox_api_key: sandbox_key,
            limits: limits(self.max_in_flight.or(file.max_in_flight)),
            embed_origins: embed_origins(self.embed_origins, file.embed_origins)?,
            trusted_proxies: trusted_proxies(self.trusted_proxies, file.trusted_proxies)?,
            engine: stipend_engine::Options { max_clock_jump, ..Default::default() },
        })
    }
}

fn limits(max_in_flight: Option<NonZeroU16>) -> Limits {
    let limits = Limits::default();
    let commands_max = max_in_flight.map_or(limits.commands_max, |most| usize::from(most.get()));
    Limits { commands_max, ..limits }
}

/// The sites of the flag, else those of the file.
fn embed_origins(
    flag: Option<Vec<EmbedOrigin>>,
    file: Option<Vec<String>>,
) -> Result<Vec<EmbedOrigin>, Failure> {
    let read = |text: String| {
        let wrong = |error| Failure::Configuration(format!("embed_origins: {text:?}: {error}"));
        text.parse().map_err(wrong)
    };
    let sites = match flag {
        Some(sites) => sites,
        None => file.unwrap_or_default().into_iter().map(read).collect::<Result<_, _>>()?,
    };
    if sites.len() > EMBED_ORIGINS_MAX {
        let message = format!("embed_origins: there are more than {EMBED_ORIGINS_MAX}");
        return Err(Failure::Configuration(message));
    }
    Ok(sites)
}

/// The proxies of the flag, else those of the file.
fn trusted_proxies(
    flag: Option<Vec<TrustedProxy>>,
    file: Option<Vec<String>>,
) -> Result<Vec<TrustedProxy>, Failure> {
    let read = |text: String| {
        let wrong = |error| Failure::Configuration(format!("trusted_proxies: {text:?}: {error}"));
        text.parse().map_err(wrong)
    };
    flag.map_or_else(|| file.unwrap_or_default().into_iter().map(read).collect(), Ok)
}

/// A key that is set, and not set to nothing. One that no request could carry would open nothing,
/// and nobody would know why.
fn bootstrap_key(variable: &str, key: Option<String>) -> Result<Option<String>, Failure> {
    let Some(key) = key.filter(|key| !key.is_empty()) else { return Ok(None) };
    let why = if key.trim() != key {
        "begins or ends with a blank or a line end, which no header carries: leave it out, as \
         `printf %s` does where `echo` adds a line end"
    } else if !key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        "holds characters that no header carries: use printable ASCII"
    } else if key.len() > BOOTSTRAP_KEY_MAX {
        "is longer than 255 characters"
    } else if key.len() < BOOTSTRAP_KEY_MIN {
        "is shorter than 8 characters and soon guessed: make one with `openssl rand -hex 24`, or \
         leave it out and the first start makes one"
    } else {
        return Ok(Some(key));
    };
    Err(Failure::Configuration(format!("{variable} {why}")))
}

fn read_file(path: &Path) -> Result<File, Failure> {
    let shown = path.display();
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::Configuration(format!("configuration file {shown}: {}", one_line(error)))
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    toml::from_str(&text).map_err(|error| wrong(&error.message()))
}

fn one_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().lines().collect::<Vec<_>>().join(" ")
}

fn default_data_dir() -> Result<PathBuf, Failure> {
    let directory = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = match (directory("XDG_DATA_HOME"), directory("HOME")) {
        (Some(data), _) => PathBuf::from(data),
        (None, Some(home)) => PathBuf::from(home).join(".local").join("share"),
        (None, None) => {
            let message = "there is no home directory; say where the data lives with --data-dir";
            return Err(Failure::Configuration(message.to_owned()));
        }
    };
    Ok(base.join("stipend"))
}

/// The variables that a `STIPEND_…` environment variable can be; others are warned about.
const KNOWN: [&str; 11] = [
    "STIPEND_CONFIG",
    "STIPEND_DATA_DIR",
    "STIPEND_LISTEN",
    "STIPEND_METRICS_LISTEN",
    "STIPEND_LOG",
    "STIPEND_MAX_CLOCK_JUMP",
    "STIPEND_MAX_IN_FLIGHT",
    "STIPEND_EMBED_ORIGINS",
    "STIPEND_TRUSTED_PROXIES",
    "STIPEND_BOOTSTRAP_API_KEY",
    "STIPEND_BOOTSTRAP_SANDBOX_API_KEY",
];

/// `STIPEND_…` variables that mean nothing to this version.
pub(crate) fn unknown_variables() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| name.starts_with("STIPEND_") && !KNOWN.contains(&name.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        for (text, seconds) in [
            ("0s", Some(0)),
            ("90s", Some(90)),
            ("5m", Some(300)),
            ("36h", Some(129_600)),
            ("7d", Some(604_800)),
        ] {
            assert_eq!(text.parse().ok(), seconds.map(ClockJump), "{text}");
        }
        for text in ["", "s", "7", "-1s", "1.5h", "7 d", "9223372036854775807d", "7é"] {
            assert!(text.parse::<ClockJump>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_that_no_request_could_carry_is_refused_with_the_name_of_its_variable() {
        let check = |key: &str, refused: Option<&str>| {
            for variable in ["STIPEND_BOOTSTRAP_API_KEY", "STIPEND_BOOTSTRAP_SANDBOX_API_KEY"] {
                match (bootstrap_key(variable, Some(key.to_owned())), refused) {
                    (Ok(kept), None) => {
                        assert_eq!(kept.as_deref(), Some(key).filter(|key| !key.is_empty()));
                    }
                    (Err(Failure::Configuration(line)), Some(why)) => {
                        assert!(line.starts_with(variable) && line.contains(why), "{line}");
                        assert!(key.trim().len() < 4 || !line.contains(key.trim()), "{line}");
                    }
                    other => panic!("{key:?}: {other:?}"),
                }
            }
        };
        check("", None);
        check("my-secret-key", None);
        check("12345678", None);
        check("with a blank", None);
        check(&"k".repeat(255), None);
        check(&"k".repeat(256), Some("longer than 255"));
        check("my-secret-key\n", Some("begins or ends"));
        check("my-secret-key ", Some("begins or ends"));
        check("\tmy-secret-key", Some("begins or ends"));
        check(" ", Some("begins or ends"));
        check("my-secret\nkey", Some("no header carries"));
        check("my\tsecret-key", Some("no header carries"));
        check("my-secret-key\u{7f}x", Some("no header carries"));
        check("mein-schlüssel", Some("no header carries"));
        check("sk", Some("shorter than 8"));
        check("1234567", Some("shorter than 8"));
    }

    #[test]
    fn sites_that_may_embed_are_origins_on_the_command_line_and_in_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stipend.toml");
        let resolve = |file: &str, flag: Option<&str>| {
            std::fs::write(&path, file).unwrap();
            let flag = flag.map(|site| vec![site.parse().unwrap()]);
            let settings =
                Settings { config: Some(path.clone()), embed_origins: flag, ..Settings::default() };
            let sites = settings.resolve().map(|config| config.embed_origins);
            sites.map(|sites| sites.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let file = "embed_origins = [\"https://A.example:443\", \"http://localhost:3000\"]";
        let expected = ["https://a.example", "http://localhost:3000"];
        assert_eq!(resolve(file, None).unwrap(), expected);
        assert_eq!(resolve(file, Some("https://b.example")).unwrap(), ["https://b.example"]);
        assert!(resolve("", None).unwrap().is_empty());
        for wrong in ["*", "https://a.example/path", ""] {
            let refused = resolve(&format!("embed_origins = [\"{wrong}\"]"), None).unwrap_err();
            assert!(refused.to_string().contains("embed_origins"), "{wrong}: {refused}");
        }
        let many = vec!["\"https://a.example\""; EMBED_ORIGINS_MAX + 1].join(",");
        assert!(resolve(&format!("embed_origins = [{many}]"), None).is_err());
    }

    #[test]
    fn proxies_are_named_on_the_command_line_or_in_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stipend.toml");
        let resolve = |file: &str, flag: Option<&str>| {
            std::fs::write(&path, file).unwrap();
            let trusted_proxies = flag.map(|proxy| vec![proxy.parse().unwrap()]);
            let settings =
                Settings { config: Some(path.clone()), trusted_proxies, ..Settings::default() };
            let proxies = settings.resolve().map(|config| config.trusted_proxies);
            proxies.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let file = "trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]";
        assert_eq!(resolve(file, None).unwrap(), ["127.0.0.1/32", "10.0.0.0/8"]);
        assert_eq!(resolve(file, Some("::1")).unwrap(), ["::1/128"]);
        assert!(resolve("", None).unwrap().is_empty());
        let refused = resolve("trusted_proxies = [\"proxy\"]", None).unwrap_err();
        assert!(refused.to_string().contains("trusted_proxies"), "{refused}");
    }

    #[test]
    fn metrics_have_an_address_of_their_own_where_one_is_given() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stipend.toml");
        let resolve = |file: &str, flag: Option<&str>| {
            std::fs::write(&path, file).unwrap();
            let metrics_listen = flag.map(|address| address.parse().unwrap());
            let settings =
                Settings { config: Some(path.clone()), metrics_listen, ..Settings::default() };
            settings.resolve().unwrap().metrics_listen.map(|address| address.to_string())
        };
        let file = "metrics_listen = \"127.0.0.1:9464\"";
        assert_eq!(resolve("", None), None);
        assert_eq!(resolve(file, None).as_deref(), Some("127.0.0.1:9464"));
        assert_eq!(resolve(file, Some("[::1]:9465")).as_deref(), Some("[::1]:9465"));
        assert_eq!(resolve("", Some("[::1]:9465")).as_deref(), Some("[::1]:9465"));
    }

    /// There are no secrets in the file, so it may be readable by others.
    #[test]
    fn row_90_a_file_that_is_not_understood_is_refused_in_one_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stipend.toml");
        for (text, named) in [
            ("data_dri = \"x\"", "data_dri"),
            ("bootstrap_api_key = \"sk\"", "bootstrap_api_key"),
            ("[http]\nport = 1", "http"),
            ("listen = \"nowhere\"", "socket address"),
            ("listen = 4010", "socket address"),
            ("metrics_listen = \"9464\"", "socket address"),
            ("max_clock_jump = \"soon\"", "duration"),
            ("max_in_flight = 0", "nonzero"),
            ("embed_origins = \"https://a.example\"", "sequence"),
            ("log = [\"info\"]", "string"),
            ("log = ", ""),
            ("log = \"a\"\nlog = \"b\"", "duplicate"),
            ("\u{0}", ""),
        ] {
            std::fs::write(&path, text).unwrap();
            let settings = Settings { config: Some(path.clone()), ..Settings::default() };
            let failure = settings.resolve().unwrap_err();
            assert!(matches!(failure, Failure::Configuration(_)), "{text}: {failure:?}");
            let line = failure.to_string();
            assert_eq!(line.lines().count(), 1, "{text}: {line}");
            assert!(line.contains("stipend.toml") && line.contains(named), "{text}: {line}");
        }
        let missing = directory.path().join("missing.toml");
        let settings = Settings { config: Some(missing), ..Settings::default() };
        assert!(matches!(settings.resolve(), Err(Failure::Configuration(_))));
    }
}
