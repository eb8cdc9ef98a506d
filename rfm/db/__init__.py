"""Everything that speaks to PostgreSQL. Each function takes an SQLAlchemy engine or an address."""

from rfm.db.connect import connect
from rfm.db.evaluation import evaluate
from rfm.db.explanation import explain, find_customers
from rfm.db.history.enable import (
    Consumer,
    HistoryStatus,
    disable_history,
    enable_history,
    history_status,
    prune_history,
)
from rfm.db.history.events import events
from rfm.db.history.reading import Trend, history, movement, scores_at, trend
from rfm.db.mapping.definition import Mapping
from rfm.db.mapping.record import check_mapping, recorded_mapping
from rfm.db.models.fitting import FittedModel, fit
from rfm.db.models.simulate import simulate
from rfm.db.models.stored import (
    StoredModel,
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
from rfm.db.segments.activate import activate, activate_segment_map
from rfm.db.segments.customers import customer_segments
from rfm.db.segments.simulate import simulate_segments
from rfm.db.segments.stored import (
    StoredSegmentMap,
    active_segment_map,
    segment_maps,
    store_segment_map,
    stored_segment_map,
)

__all__ = [
    "Backfill",
    "Check",
    "Consumer",
    "FittedModel",
    "HistoryStatus",
    "Mapping",
    "MigrationStatus",
    "Pace",
    "State",
    "StoredModel",
    "StoredSegmentMap",
    "Trend",
    "activate",
    "activate_segment_map",
    "active_model",
    "active_segment_map",
    "apply",
    "backfill",
    "check_mapping",
    "connect",
    "customer_segments",
    "disable_history",
    "enable_history",
    "evaluate",
    "events",
    "explain",
    "export",
    "find_customers",
    "fit",
    "history",
    "history_status",
    "models",
    "movement",
    "plan",
    "prune_history",
    "recorded_mapping",
    "rescore_stale",
    "rollback",
    "schedule",
    "score_differences",
    "scores_at",
    "segment_maps",
    "simulate",
    "simulate_segments",
    "status",
    "store_model",
    "store_segment_map",
    "stored_model",
    "stored_segment_map",
    "survey",
    "trend",
    "verify",
]
