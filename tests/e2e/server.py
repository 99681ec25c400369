"""A server process under test, on a data directory of its own."""

import os
import pathlib
import queue
import signal
import subprocess
import threading

import stigg

API_KEY = "end-to-end-key"
SANDBOX_API_KEY = "end-to-end-sandbox-key"
START_DEADLINE_SECONDS = 30
STOP_DEADLINE_SECONDS = 30


def binary() -> pathlib.Path:
    """The binary under test; `cargo xtask test` builds it and says where it is."""
    path = os.environ.get("E2E_BINARY")
    assert path, "E2E_BINARY names the binary under test; `cargo xtask test` sets it"
    found = pathlib.Path(path)
    assert found.is_file(), f"{path} is missing: cargo build -p stipend"
    return found


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess:
    """Runs the binary with a command that ends by itself."""
    command = [str(binary()), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


class Server:
    """Starts on construction; `terminate` and `kill` end it, `start` starts it again."""

    def __init__(self, data_dir: pathlib.Path, log: pathlib.Path) -> None:
        self.data_dir = data_dir
        self.log = log
        self.start()

    def start(self) -> None:
        command = [binary(), "serve", "--data-dir", self.data_dir, "--listen", "127.0.0.1:0"]
        environment = {
            **os.environ,
            "STIPEND_BOOTSTRAP_API_KEY": API_KEY,
            "STIPEND_BOOTSTRAP_SANDBOX_API_KEY": SANDBOX_API_KEY,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.url = self._listening_url()
        self.client = stigg.Stigg(api_key=API_KEY, base_url=self.url)
        self.sandbox = stigg.Stigg(api_key=SANDBOX_API_KEY, base_url=self.url)

    def terminate(self) -> None:
        """SIGTERM: the server drains and must exit with 0."""
        self.process.send_signal(signal.SIGTERM)
        code = self._wait()
        assert code == 0, f"exit code {code} after SIGTERM; {self._last_words()}"

    def kill(self) -> None:
        """SIGKILL: the server has no chance to do anything."""
        assert self.process.poll() is None, f"the server is gone already; {self._last_words()}"
        self.process.kill()
        self._wait()

    def is_running(self) -> bool:
        return self.process.poll() is None

    def _wait(self) -> int:
        self.client.close()
        self.sandbox.close()
        code = self.process.wait(timeout=STOP_DEADLINE_SECONDS)
        self.process.stdout.close()
        return code

    def _listening_url(self) -> str:
        lines: queue.Queue[str] = queue.Queue()
        reader = threading.Thread(
            target=lambda: lines.put(self.process.stdout.readline()), daemon=True
        )
        reader.start()
        try:
            line = lines.get(timeout=START_DEADLINE_SECONDS).strip()
        except queue.Empty:
            line = ""
        prefix = "listening on http://"
        if not line.startswith(prefix):
            self.process.kill()
            self.process.wait()
            reader.join()
            self.process.stdout.close()
            raise AssertionError(f"first line is {line!r}; {self._last_words()}")
        return line.removeprefix("listening on ")

    def _last_words(self) -> str:
        tail = self.log.read_text(errors="replace").splitlines()[-20:]
        return "standard error ends with:\n" + "\n".join(tail)
