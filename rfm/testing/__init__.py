"""Databases, fixtures and random data for test suites that use rfm.

In a `conftest.py`::

    pytest_plugins = ["rfm.testing"]

Then every test can ask for `rfm_engine`, a migrated database of its own::

    def test_an_order_scores_its_customer(rfm_engine):
        with rfm_engine.begin() as connection:
            ...
        assert_scores_match(rfm_engine)

The server is embedded, or the one whose address is in the environment variable `RFM_TEST_DSN`.
"""

from rfm._check.extras import needs

with needs("pytest or Hypothesis", "'rfm-scoring[testing]'"):
    from rfm.testing.databases import (
        assert_scores_match,
        example_engine,
        server_address,
        temporary_database,
    )
    from rfm.testing.fixtures import rfm_crm_engine, rfm_crm_template, rfm_engine, rfm_template
    from rfm.testing.strategies import (
        cents,
        instants,
        models,
        orders,
        segment_maps,
        statuses,
        summaries,
    )

__all__ = [
    "assert_scores_match",
    "cents",
    "example_engine",
    "instants",
    "models",
    "orders",
    "rfm_crm_engine",
    "rfm_crm_template",
    "rfm_engine",
    "rfm_template",
    "segment_maps",
    "server_address",
    "statuses",
    "summaries",
    "temporary_database",
]
