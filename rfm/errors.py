"""The errors of this library. Each message says how many things are wrong, which, and what to do.

::

    RfmError
    ├── InvalidFrame          a frame cannot be scored                     (also a ValueError)
    ├── InvalidAsOf           `as_of` is not a date or time                (also a TypeError)
    ├── InvalidHorizon        the orders do not cover a horizon            (also a ValueError)
    ├── InvalidModel          thresholds or weights break a rule           (also a ValueError)
    ├── InvalidSegmentMap     a segment map breaks a rule                  (also a ValueError)
    ├── EmptyFit              no customer has a counted order              (also a ValueError)
    ├── TooFewCustomers       too few customers have a counted order       (also a ValueError)
    ├── InvalidArgument       an argument is not valid                     (also a ValueError)
    │   ├── InvalidDatabase   neither an engine nor an address of a PostgreSQL database
    │   ├── InvalidMapping    a mapping is missing or not valid
    │   ├── InvalidFile       a file is missing or cannot be read
    │   ├── UnknownMigration  no migration has this name
    │   ├── UnknownModel      no stored model has this number
    │   ├── UnknownCustomer   no customer has this id, or the role may not see it
    │   └── UnknownSegmentMap no stored segment map has this number
    ├── MissingExtra          an optional package is not installed         (also an ImportError)
    ├── MigrationRefused      a migration was not applied
    │   ├── PreflightFailed   the database lacks something that the migrations need
    │   ├── MigrationEdited   an applied migration differs from the shipped file
    │   └── DatabaseBusy      a lock was not free in time
    ├── MappingDiffers        a mapping is not the one that the database was applied with
    ├── RecordUnreadable      the role may not read which mapping the database has
    ├── DeadSegments          a model or a map leaves a segment out of reach
    ├── SchemaOutdated        the database lacks a migration
    ├── SchemaNewer           the database has a migration of a newer version
    ├── BackfillStopped       a backfill did not finish
    ├── SchedulerMissing      the database has no pg_cron
    ├── ConsumerBusy          another session works on the events of a consumer
    ├── FileInTheWay          a file with other content is in the way
    └── FoundDifference       database and library give different scores
"""


class RfmError(Exception):
    """Base class of every error that this library raises on purpose.

    A message has code between backticks: an argument (`min_customers`, `customer_id="buyer"`) or a
    function (`rfm.db.apply`). The command line writes its options and commands in their place.
    """


class InvalidFrame(RfmError, ValueError):
    """A frame lacks columns, or has types, ids or values that cannot be scored."""


class InvalidAsOf(RfmError, TypeError):
    """`as_of` is not a datetime, a date, or an expression that returns one."""


class InvalidHorizon(RfmError, ValueError):
    """A horizon is not a length of time, or ends after the newest order."""


class InvalidModel(RfmError, ValueError):
    """The thresholds or weights of a model, or their JSON, break a rule."""


class InvalidSegmentMap(RfmError, ValueError):
    """A segment map, or its JSON, breaks a rule: triples without a segment, or with two."""


class EmptyFit(RfmError, ValueError):
    """No customer has a counted order, so there are no quintiles."""


class TooFewCustomers(RfmError, ValueError):
    """Fewer customers have a counted order than `min_customers`."""


class InvalidArgument(RfmError, ValueError):
    """An argument of a function or of a command is not valid."""


class InvalidDatabase(InvalidArgument):
    """What was passed is neither an engine nor an address of a PostgreSQL database."""


class InvalidFile(InvalidArgument):
    """A file is missing, is of no kind that can be read, or has values that cannot be read."""


class InvalidMapping(InvalidArgument):
    """A mapping is missing, is not valid TOML, or breaks a rule."""


class UnknownMigration(InvalidArgument):
    """No migration has this name."""


class UnknownModel(InvalidArgument):
    """No stored model has this number."""


class UnknownCustomer(InvalidArgument):
    """No customer has this id or e-mail address, or the role may not see the customer."""


class UnknownSegmentMap(InvalidArgument):
    """No stored segment map has this number."""


class MissingExtra(RfmError, ImportError):
    """An optional package is not installed. The message has the command that installs it."""


class MigrationRefused(RfmError):
    """A migration was not applied. No part of its file took effect.

    Indexes on orders and customers are built before the file, and may stay, perhaps unfinished,
    with the score columns that they need. The next run uses them, or builds them again.
    """


class PreflightFailed(MigrationRefused):
    """The database lacks something that the migrations need, or has objects of the same names."""


class MigrationEdited(MigrationRefused):
    """A migration was applied with another text than the shipped file has."""


class DatabaseBusy(MigrationRefused):
    """A lock was not free in time. The same call may succeed later."""


class MappingDiffers(RfmError):
    """A mapping was given that is not the one the database was applied with."""


class RecordUnreadable(RfmError):
    """The role may not read which mapping the database has: the message has the `GRANT`.

    Or what bears the record's name is not the table that rfm creates, and is not read.
    """


class DeadSegments(RfmError):
    """A model or a segment map was not activated: no customer could reach some of the segments."""


class SchemaOutdated(RfmError):
    """The database lacks a migration that the command needs, or has it with another text."""


class SchemaNewer(RfmError):
    """The database has a migration that this version of rfm does not know."""


class BackfillStopped(RfmError):
    """A backfill did not finish. `done` is the `rfm.db.Backfill` with what it did; that stays."""

    def __init__(self, message: str, done: object) -> None:
        super().__init__(message)
        self.done = done


class SchedulerMissing(RfmError):
    """The database has no pg_cron. The message has the lines for a crontab."""


class ConsumerBusy(RfmError):
    """Another session has a batch of this consumer open. The same call may succeed later."""


class FileInTheWay(RfmError):
    """A file would be written, but one with other content has its name."""


class FoundDifference(RfmError):
    """Database and library give different scores."""
