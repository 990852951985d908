"""Baselines as processes."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figures import ROOT, free_port
from benchmarks.nginx import run_nginx
from cathouse.local.processes import plain_environment, start, stop, wait_until_ready

_NGINX = """
    keepalive_requests 1000000000;
    upstream cat {{ server {cat}; keepalive 64; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://cat; proxy_http_version 1.1; proxy_set_header Connection ""; }}
        location = /ready {{ return 200; }}
    }}
"""


@contextmanager
def baseline(name: str, folder: Path, variables: Mapping[str, str]) -> Iterator[str]:
    """``benchmarks.baselines.NAME`` on a free port, until the block is left; its URL."""
    port = free_port()
    environment = plain_environment() | {"PYTHONPATH": str(ROOT), "PORT": str(port)} | dict(variables)
    url = f"http://127.0.0.1:{port}"
    module = f"benchmarks.baselines.{name}"
    child = start(name, ("-m", module), environment, ready_url=f"{url}/ready", log=folder / f"{name}.log")
    try:
        wait_until_ready([child])
        yield url
    finally:
        stop([child])


@contextmanager
def nginx(folder: Path, cat_url: str) -> Iterator[str | None]:
    """Nginx with one worker in front of a cat; its URL, or None when it is not installed."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        yield None
        return
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    own = folder / "nginx"
    own.mkdir()
    http = _NGINX.format(port=port, cat=cat_url.removeprefix("http://"))
    with run_nginx(program, own, http, ready_url=f"{url}/ready") as child:
        wait_until_ready([child])
        yield url
