"""Everything that speaks to PostgreSQL: one file for each thing that a user does."""

from rfm.db.apply import apply
from rfm.db.backfill import Backfill, backfill
from rfm.db.connect import connect
from rfm.db.export import export
from rfm.db.fitting import FEWEST_CUSTOMERS, FittedModel, fit_model, fit_summary
from rfm.db.mapping import Mapping
from rfm.db.migrations import DatabaseObject, Migration, migrations
from rfm.db.models import (
    StoredModel,
    activate,
    active_model,
    fit_active_model,
    models,
    store_model,
    stored_model,
)
from rfm.db.moves import matrix
from rfm.db.pace import Pace
from rfm.db.plan import plan
from rfm.db.proof import score_differences
from rfm.db.rollback import rollback
from rfm.db.schedule import ScheduledJob, schedule
from rfm.db.simulate import simulate
from rfm.db.stale import rescore_stale
from rfm.db.status import MigrationStatus, State, status
from rfm.db.survey import BaseTable, survey
from rfm.db.verify import Check, verify

__all__ = [
    "FEWEST_CUSTOMERS",
    "Backfill",
    "BaseTable",
    "Check",
    "DatabaseObject",
    "FittedModel",
    "Mapping",
    "Migration",
    "MigrationStatus",
    "Pace",
    "ScheduledJob",
    "State",
    "StoredModel",
    "activate",
    "active_model",
    "apply",
    "backfill",
    "connect",
    "export",
    "fit_active_model",
    "fit_model",
    "fit_summary",
    "matrix",
    "migrations",
    "models",
    "plan",
    "rescore_stale",
    "rollback",
    "schedule",
    "score_differences",
    "simulate",
    "status",
    "store_model",
    "stored_model",
    "survey",
    "verify",
]
