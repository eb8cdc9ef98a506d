"""Everything that speaks to PostgreSQL. Each function takes an SQLAlchemy engine or an address."""

from rfm.db.connect import connect
from rfm.db.explanation import explain, find_customers
from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.record import check_mapping, recorded_mapping
from rfm.db.models.fitting import FittedModel, fit
from rfm.db.models.simulate import simulate
from rfm.db.models.stored import (
    StoredModel,
    activate,
    active_model,
    models,
    store_model,
    stored_model,
)
from rfm.db.proof import score_differences
from rfm.db.rescore.backfill import backfill
from rfm.db.rescore.pace import Pace
from rfm.db.rescore.progress import Backfill
from rfm.db.rescore.schedule import schedule
from rfm.db.rescore.stale import rescore_stale
from rfm.db.schema.apply import apply
from rfm.db.schema.export import export
from rfm.db.schema.plan import plan
from rfm.db.schema.rollback import rollback
from rfm.db.schema.status import MigrationStatus, State, status
from rfm.db.schema.survey import survey
from rfm.db.schema.verify import Check, verify

__all__ = [
    "Backfill",
    "Check",
    "FittedModel",
    "Mapping",
    "MigrationStatus",
    "Pace",
    "State",
    "StoredModel",
    "activate",
    "active_model",
    "apply",
    "backfill",
    "check_mapping",
    "connect",
    "explain",
    "export",
    "find_customers",
    "fit",
    "models",
    "plan",
    "recorded_mapping",
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
