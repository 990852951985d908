"""Baselines as processes."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figures import ROOT, free_port
from cathouse.local.processes import Child, plain_environment, start, stop, wait_until_ready

_NGINX = """
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-errors.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/client;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    keepalive_requests 1000000000;
    upstream cat {{ server {cat}; keepalive 64; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://cat; proxy_http_version 1.1; proxy_set_header Connection ""; }}
        location = /ready {{ return 200; }}
    }}
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
    with _until_left(child):
        yield url


@contextmanager
def nginx(folder: Path, cat_url: str) -> Iterator[str | None]:
    """Nginx with one worker in front of a cat; its URL, or None when it is not installed."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        yield None
        return
    port = free_port()
    configuration, log = folder / "nginx.conf", folder / "nginx.log"
    text = _NGINX.format(folder=folder, port=port, cat=cat_url.removeprefix("http://"))
    configuration.write_text(text, encoding="utf-8")
    command = (program, "-e", str(folder / "nginx-errors.log"), "-c", str(configuration), "-g", "daemon off;")
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)  # noqa: S603 - a program of the machine
    url = f"http://127.0.0.1:{port}"
    with _until_left(Child("nginx", f"{url}/ready", log, process)):
        yield url


@contextmanager
def _until_left(child: Child) -> Iterator[None]:
    try:
        wait_until_ready([child])
        yield
    finally:
        stop([child])
