"""nginx with one worker as a process of ours, with all its files in one folder."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cathouse.local.processes import Child, stop

_MAIN = """
{user}
pid {folder}/pid;
error_log {folder}/errors;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/client;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    {http}
}}
"""


@contextmanager
def run_nginx(program: str, folder: Path, http: str, *, ready_url: str) -> Iterator[Child]:
    """Run it with ``http`` as the middle of its configuration, until the block is left; it may not be ready at once."""
    # Its worker would be nobody, who may not look into a folder of root's.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_MAIN.format(user=user, folder=folder, http=http), encoding="utf-8")
    log = folder / "nginx.log"
    command = (program, "-e", str(folder / "errors"), "-c", str(folder / "nginx.conf"), "-g", "daemon off;")
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)  # noqa: S603 - a program of the machine
    child = Child("nginx", ready_url, log, process)
    try:
        yield child
    finally:
        stop([child])
