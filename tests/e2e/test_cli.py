"""The binary's own commands and exit codes."""

import contextlib
import json
import pathlib
import signal
import socket
import sqlite3
import subprocess

import httpx
import server as processes
from catalog import Catalog
from server import API_KEY, Server

SQLITE_MAGIC = b"SQLite format 3\0"


def test_health_needs_no_key(server: Server) -> None:
    for path in ("/healthz", "/readyz"):
        assert httpx.get(server.url + path).status_code == 200, path


def test_the_api_needs_a_key(server: Server) -> None:
    answer = httpx.get(f"{server.url}/api/v1/customers")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthenticated"


def test_the_served_openapi_document_is_the_printed_one(server: Server) -> None:
    printed = processes.run("openapi")
    assert printed.returncode == 0, printed.stderr
    assert httpx.get(f"{server.url}/openapi.json").json() == json.loads(printed.stdout)


def test_a_wrong_flag_is_a_usage_error() -> None:
    ended = processes.run("serve", "--no-such-flag")
    assert ended.returncode == 2


def test_a_second_server_on_the_same_data_is_kept_out(server: Server) -> None:
    ended = processes.run("serve", "--data-dir", server.data_dir, "--listen", "127.0.0.1:0")
    assert ended.returncode == 2, ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr


def test_a_start_that_cannot_listen_makes_no_key(tmp_path: pathlib.Path) -> None:
    data_dir = tmp_path / "data"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = processes.run("serve", "--data-dir", data_dir, "--listen", address)
        assert ended.returncode == 2, ended.stderr
    command = [processes.binary(), "serve", "--data-dir", data_dir, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as second:
        assert second.stdout.readline().startswith("listening on http://")
        assert second.stdout.readline().startswith("API key (shown once): sk_stipend_")
        second.send_signal(signal.SIGTERM)
        assert second.wait(timeout=30) == 0


def test_doctor_finds_nothing_wrong_here(tmp_path: pathlib.Path) -> None:
    ended = processes.run("doctor", "--data-dir", tmp_path / "data")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_fsck_names_a_changed_row_and_exits_with_3(tmp_path: pathlib.Path) -> None:
    running = Server(tmp_path / "data", tmp_path / "server.log")
    catalog = Catalog(running.client, prefix="damage")
    catalog.grant(catalog.customer(), catalog.currency(), 10)
    running.terminate()
    clean = processes.run("fsck", "--data-dir", running.data_dir)
    assert clean.returncode == 0, clean.stdout + clean.stderr

    change_a_journal_row(running.data_dir)
    damaged = processes.run("fsck", "--data-dir", running.data_dir)
    assert damaged.returncode == 3, damaged.stdout + damaged.stderr


def change_a_journal_row(data_dir: pathlib.Path) -> None:
    """Flips one bit of the longest entry, as a failing disk might."""
    with contextlib.closing(sqlite3.connect(database(data_dir))) as connection:
        seq, body = connection.execute(
            "SELECT seq, body FROM journal ORDER BY length(body) DESC LIMIT 1"
        ).fetchone()
        changed = bytes([*body[:-1], body[-1] ^ 1])
        connection.execute("UPDATE journal SET body = ? WHERE seq = ?", (changed, seq))
        connection.commit()


def database(data_dir: pathlib.Path) -> pathlib.Path:
    path = data_dir / "stipend.db"
    assert path.read_bytes()[:16] == SQLITE_MAGIC, f"no database at {path}"
    return path


def test_the_demo_sells_eighty_thousand_and_explains_them() -> None:
    ended = processes.run("demo", "--once")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "50000 + 30000 = 80000 API credits a month" in ended.stdout
    assert "80000 granted − 61250 used = 18750" in ended.stdout


def test_an_environment_is_made_on_the_data_of_a_stopped_server(tmp_path: pathlib.Path) -> None:
    running = Server(tmp_path / "data", tmp_path / "server.log")
    settings = ("--sandbox", "--time-zone", "Europe/Berlin", "--align-to-month", "--prorate")
    create = ("environment", "create", "staging", *settings, "--data-dir", tmp_path / "data")
    refused = processes.run(*create)
    assert refused.returncode == 2
    assert "POST /api/v1/environments" in refused.stderr
    running.terminate()

    unknown = processes.run("environment", "create", "far", "--time-zone", "Europe/Atlantis")
    assert unknown.returncode == 2
    made = processes.run(*create)
    assert made.returncode == 0, made.stderr
    key = made.stdout.split("API key (shown once): ")[1].strip()
    listed = processes.run("environment", "list", "--data-dir", tmp_path / "data")
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    assert names == ["production", "sandbox", "staging"]
    assert key not in listed.stdout

    running.start()
    clock = httpx.put(
        f"{running.url}/api/v1/test-clock",
        json={"now": "2026-01-31T00:00:00Z"},
        headers={"X-API-KEY": key},
    )
    assert clock.json() == {"data": {"now": "2026-01-31T00:00:00.000Z", "frozen": True}}
    environments = httpx.get(
        f"{running.url}/api/v1/environments", headers={"X-API-KEY": API_KEY}
    ).json()["data"]
    staging = environments[2]
    assert (staging["timeZone"], staging["periodAlignment"], staging["creditProration"]) == (
        "Europe/Berlin",
        "START_OF_MONTH",
        "PRORATE",
    )
    running.terminate()
