//! The binary on a data directory of its own.

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// The key that every server here has.
const KEY: &str = "sk_first_1234";

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it says text");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

fn stipend(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stipend"));
    command.args(arguments).env_clear().env("STIPEND_DATA_DIR", data);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A data directory on which a server has run.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn empty() -> Self {
        let private = Permissions::from_mode(0o700);
        let made = tempfile::Builder::new().permissions(private).tempdir();
        Self(made.expect("there is room"))
    }

    /// One with the environment that every server has.
    pub(crate) fn started_once() -> Self {
        let place = Self::empty();
        place.serve().stop();
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Every file in it, with what it holds.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(self.path()).expect("it is a directory").map(|entry| {
            let path = entry.expect("it can be listed").path();
            let held = if path.is_dir() {
                Vec::new()
            } else {
                std::fs::read(&path).expect("it can be read")
            };
            (path.file_name().expect("it has a name").to_string_lossy().into_owned(), held)
        });
        entries.collect()
    }

    /// Does a command, with that on standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Done {
        let mut child = stipend(self.0.path(), arguments).spawn().expect("the binary runs");
        // One that refuses before it reads has closed it.
        let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
        child.wait_with_output().expect("it ends").into()
    }

    /// Does a command.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(arguments, "")
    }

    /// Does a command that works; answers what it says.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!(done.code, Some(0), "{arguments:?}: {done:?}");
        done.out
    }

    /// Does a command that fails with that code; answers why.
    pub(crate) fn refused(&self, arguments: &[&str], input: &str, code: i32) -> String {
        let done = self.run_with(arguments, input);
        assert_eq!(done.code, Some(code), "{arguments:?}: {done:?}");
        assert_eq!(done.out, "", "{arguments:?}");
        done.err
    }

    /// Starts a command that reads of a terminal; answers it once it has asked.
    pub(crate) fn asked(&self, arguments: &[&str], terminal: &Terminal) -> Child {
        let mut command = stipend(self.0.path(), arguments);
        let own = terminal.own.try_clone().expect("there are descriptors");
        let mut child = command.stdin(own).spawn().expect("the binary runs");
        let err = child.stderr.as_mut().expect("it is piped");
        let mut prompt = [0; 64];
        let read = err.read(&mut prompt).expect("it asks");
        let prompt = String::from_utf8_lossy(&prompt[..read]);
        assert!(prompt.starts_with("New password of "), "{prompt}");
        child
    }

    /// Starts a server.
    pub(crate) fn serve(&self) -> Serving {
        self.serve_with(&[])
    }

    /// Starts a server that is told more.
    pub(crate) fn serve_with(&self, environment: &[(&str, &str)]) -> Serving {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--log", "error"];
        let mut command = stipend(self.0.path(), &arguments);
        command.envs(environment.iter().copied());
        let mut child =
            command.env("STIPEND_BOOTSTRAP_API_KEY", KEY).spawn().expect("the binary runs");
        let mut line = String::new();
        let out = child.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("it says where it listens");
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}"));
        let err = child.stderr.take().expect("it is piped");
        let mut told = BufReader::new(err).lines().map(|line| line.expect("it says text"));
        let mut line = told.next().expect("it says where the dashboard is");
        let metrics = line.strip_prefix("metrics: ").map(ToOwned::to_owned);
        if metrics.is_some() {
            line = told.next().expect("it says where the dashboard is");
        }
        let set_up = line.split_once("token=").map(|(_, token)| token.trim().to_owned());
        Serving { child, url: url.to_owned(), metrics, set_up }
    }
}

/// A terminal with somebody before it.
pub(crate) struct Terminal {
    keyboard: File,
    own: OwnedFd,
}

impl Terminal {
    pub(crate) fn open() -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are some");
        grantpt(&keyboard).expect("it is ours");
        unlockpt(&keyboard).expect("it can be opened");
        let name = ptsname(&keyboard, Vec::new()).expect("it has a name");
        let own = rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
        Self { keyboard: keyboard.into(), own: own.expect("it can be opened") }
    }

    /// Whether it shows what is typed.
    pub(crate) fn shows(&self) -> bool {
        let modes = tcgetattr(&self.own).expect("it is a terminal").local_modes;
        modes.contains(LocalModes::ECHO)
    }

    pub(crate) fn types(&self, text: &str) {
        (&self.keyboard).write_all(text.as_bytes()).expect("somebody reads");
    }
}

/// Asks a process to end, or to stop.
pub(crate) fn signal(name: &str, child: &Child) {
    let arguments = [format!("-{name}"), child.id().to_string()];
    assert!(Command::new("kill").args(arguments).status().expect("there is `kill`").success());
}

/// A server that runs.
pub(crate) struct Serving {
    child: Child,
    pub(crate) url: String,
    /// Where its metrics are, where they are served apart.
    pub(crate) metrics: Option<String>,
    /// What sets the dashboard up, until that was done.
    pub(crate) set_up: Option<String>,
}

impl Serving {
    fn agent() -> ureq::Agent {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        config.build().into()
    }

    /// Sends a form; answers the status and the cookie of a session.
    pub(crate) fn send(&self, path: &str, fields: &[(&str, &str)]) -> (u16, Option<String>) {
        let request = Self::agent().post(format!("{}{path}", self.url));
        let answer = request.send_form(fields.iter().copied()).expect("it answers");
        let cookie = answer.headers().get("set-cookie").and_then(|line| line.to_str().ok());
        let cookie = cookie.and_then(|line| line.split(';').next()).map(ToOwned::to_owned);
        (answer.status().as_u16(), cookie)
    }

    /// Signs in; answers whether it was let in.
    pub(crate) fn signs_in(&self, name: &str, password: &str) -> bool {
        match self.send("/signin", &[("name", name), ("password", password)]) {
            (303, Some(_)) => true,
            (422, None) => false,
            other => panic!("{other:?}"),
        }
    }

    /// Status and body of what everybody may read.
    pub(crate) fn read(url: &str) -> (u16, String) {
        let mut answer = Self::agent().get(url).call().expect("it answers");
        let body = answer.body_mut().read_to_string().expect("it is text");
        (answer.status().as_u16(), body)
    }

    /// The status of a page for whoever has that cookie.
    pub(crate) fn page(&self, path: &str, cookie: &str) -> u16 {
        let request = Self::agent().get(format!("{}{path}", self.url)).header("cookie", cookie);
        request.call().expect("it answers").status().as_u16()
    }

    /// The status of a call with that key.
    pub(crate) fn call(&self, method: &str, path: &str, key: &str) -> u16 {
        let url = format!("{}{path}", self.url);
        let agent = Self::agent();
        let answer = match method {
            "GET" => agent.get(url).header("X-API-KEY", key).call(),
            _ => agent
                .post(url)
                .header("X-API-KEY", key)
                .header("Content-Type", "application/json")
                .send("{}"),
        };
        answer.expect("it answers").status().as_u16()
    }

    /// Makes a customer of that id; answers whether that was acknowledged.
    pub(crate) fn make_customer(&self, id: &str) -> bool {
        let request = Self::agent().post(format!("{}/api/v1/customers", self.url));
        let request = request.header("X-API-KEY", KEY).header("Content-Type", "application/json");
        let answer = request.send(format!("{{\"id\": \"{id}\"}}"));
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Whether a customer of that id is known.
    pub(crate) fn has_customer(&self, id: &str) -> bool {
        self.call("GET", &format!("/api/v1/customers/{id}"), KEY) == 200
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Stops it as an operator does, and waits until it has.
    pub(crate) fn stop(mut self) {
        signal("TERM", &self.child);
        assert!(self.child.wait().expect("it ends").success());
    }
}

/// Where a test fails, the server must not outlive it.
impl Drop for Serving {
    fn drop(&mut self) {
        // It has ended where it was stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
