"""What README.md shows is executed as it stands there.

Shell blocks marked `<!-- tested -->` run in their order as one script against one fresh server;
each Python block marked `<!-- tested: python -->` gets a fresh server of its own.
"""

import os
import pathlib
import re
import subprocess
import sys

import pytest
from server import API_KEY, SANDBOX_API_KEY, Server, binary

README = pathlib.Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(
    r"^<!-- tested(?P<kind>: python)? -->\n+```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def blocks(language: str) -> list[str]:
    text = README.read_text()
    found = [match for match in BLOCK.finditer(text) if match["language"] == language]
    assert text.count("<!-- tested") == len(list(BLOCK.finditer(text))), "a mark without a block"
    return [match["code"] for match in found]


def run_against(server: Server, command: list[str], code: str, folder: pathlib.Path) -> None:
    environment = {
        **os.environ,
        "STIPEND_URL": server.url,
        "STIPEND_API_KEY": API_KEY,
        "STIPEND_SANDBOX_API_KEY": SANDBOX_API_KEY,
        "PATH": f"{binary().parent}{os.pathsep}{os.environ['PATH']}",
    }
    ended = subprocess.run(
        command, input=code, env=environment, cwd=folder, capture_output=True, text=True, timeout=60
    )
    said = f"{code}\n--- standard output\n{ended.stdout}\n--- standard error\n{ended.stderr}"
    assert ended.returncode == 0, said
    assert '"error":{' not in ended.stdout.replace(" ", ""), said


@pytest.fixture
def fresh_server(tmp_path: pathlib.Path):
    running = Server(tmp_path / "data", tmp_path / "server.log")
    yield running
    running.terminate()


def test_the_shell_blocks_run_as_they_stand(fresh_server: Server, tmp_path: pathlib.Path) -> None:
    scripts = blocks("sh")
    assert scripts, "README.md has no shell block marked <!-- tested -->"
    run_against(fresh_server, ["bash", "-euo", "pipefail"], "\n".join(scripts), tmp_path)


def test_the_python_block_runs_as_it_stands(fresh_server: Server, tmp_path: pathlib.Path) -> None:
    programs = blocks("python")
    assert len(programs) == 1, "README.md has one Python block marked <!-- tested: python -->"
    run_against(fresh_server, [sys.executable, "-"], programs[0], tmp_path)
