"""Everything that speaks to PostgreSQL: one file for each thing that a user does."""

from rfm.db.apply import apply
from rfm.db.connect import connect
from rfm.db.export import export
from rfm.db.migrations import DatabaseObject, Migration, migrations
from rfm.db.models import activate, active_model, fit_active_model, rescore
from rfm.db.plan import plan
from rfm.db.proof import score_differences
from rfm.db.rollback import rollback
from rfm.db.schedule import ScheduledJob, schedule
from rfm.db.stale import rescore_stale
from rfm.db.status import MigrationStatus, State, status
from rfm.db.survey import BaseTable, survey
from rfm.db.verify import Check, verify

__all__ = [
    "BaseTable",
    "Check",
    "DatabaseObject",
    "Migration",
    "MigrationStatus",
    "ScheduledJob",
    "State",
    "activate",
    "active_model",
    "apply",
    "connect",
    "export",
    "fit_active_model",
    "migrations",
    "plan",
    "rescore",
    "rescore_stale",
    "rollback",
    "schedule",
    "score_differences",
    "status",
    "survey",
    "verify",
]
