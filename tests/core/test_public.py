import subprocess
import sys

import pytest

import rfm

LOADED = """
import sys, polars
before = set(sys.modules)
import rfm
print(*sorted({name.split(".")[0] for name in set(sys.modules) - before} - {"rfm"}))
"""


def test_importing_rfm_loads_nothing_beyond_polars_and_the_standard_library():
    command = [sys.executable, "-c", LOADED]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert set(loaded) <= sys.stdlib_module_names


@pytest.mark.parametrize("name", rfm.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(rfm, name).__doc__


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (rfm.InvalidFrame, ValueError),
        (rfm.InvalidModel, ValueError),
        (rfm.EmptyFit, ValueError),
        (rfm.TooFewCustomers, ValueError),
        (rfm.InvalidAsOf, TypeError),
    ],
)
def test_every_error_is_also_one_of_pythons(error, kind):
    assert issubclass(error, rfm.RfmError)
    assert issubclass(error, kind)
