"""The errors of this library: each says how many things are wrong, which, and what to do next.

::

    RfmError
    ├── InvalidFrame   a frame is not what the function needs   (also a ValueError)
    ├── InvalidAsOf    `as_of` is no instant                    (also a TypeError)
    ├── InvalidModel   thresholds or weights break a rule       (also a ValueError)
    ├── EmptyFit       nobody to find quintiles from            (also a ValueError)
    ├── TooFewCustomers     fewer to find quintiles from than were asked for
    ├── InvalidArgument     a command was called with words that it does not know
    │   ├── InvalidAddress    the database address is missing or no PostgreSQL URL
    │   ├── InvalidMapping    rfm.toml breaks a rule, or is none
    │   ├── InvalidFile       a file is missing, of another kind, or holds what is no number
    │   ├── UnknownMigration  there is no migration of that name
    │   └── UnknownModel      there is no stored model of that number
    ├── MissingExtra        an optional package is not installed
    ├── MigrationRefused    a migration was not applied; no part of its file was
    │   ├── PreflightFailed   the database lacks something that the migrations need
    │   ├── MigrationEdited   an applied file is not the shipped one
    │   └── DatabaseBusy      a lock could not be had in time
    ├── SchemaOutdated      the database lacks a migration that the command needs
    ├── BackfillStopped     a backfill did not come to its end
    ├── SchedulerMissing    the database has no pg_cron
    ├── FileInTheWay        a file with another text stands where one should be written
    └── FoundDifference     database and library disagree on a score
"""

from typing import Any


class RfmError(Exception):
    """Base of every error that this library raises on purpose.

    A message has code between backticks: an argument (`min_customers`, `customer_id="buyer"`) or a
    function (`rfm.db.apply`). The command line writes its options and commands in their place.
    """


class InvalidFrame(RfmError, ValueError):
    """A frame lacks columns, or holds types, ids or values that cannot be scored."""


class InvalidAsOf(RfmError, TypeError):
    """`as_of` is neither a datetime, a date, nor an expression that yields one."""


class InvalidModel(RfmError, ValueError):
    """The thresholds or weights of a model, or the JSON that should hold them, break a rule."""


class EmptyFit(RfmError, ValueError):
    """No customer has a counted order, so there are no quintiles to find."""


class TooFewCustomers(RfmError, ValueError):
    """Fewer customers have a counted order than a fit was asked to have."""


class InvalidArgument(RfmError, ValueError):
    """A command was called with words that it does not know."""


class InvalidAddress(InvalidArgument):
    """The database address is missing, or is no PostgreSQL URL."""


class InvalidFile(InvalidArgument):
    """A file is not there, is of a kind that is not understood, or holds what is no number."""


class InvalidMapping(InvalidArgument):
    """A mapping is not there, is no TOML, or lacks or has what it should not."""


class UnknownMigration(InvalidArgument):
    """There is no migration of that name."""


class UnknownModel(InvalidArgument):
    """There is no stored model of that number."""


class MissingExtra(RfmError, ImportError):
    """An optional package is not installed; the message has the command that installs it."""


class MigrationRefused(RfmError):
    """A migration was not applied; no part of its file was.

    What may stay is an index on orders, unfinished perhaps, which is built before the file; the
    next run finds it, or builds it anew.
    """


class PreflightFailed(MigrationRefused):
    """The database lacks tables, columns, types or a version that the migrations need."""


class MigrationEdited(MigrationRefused):
    """A migration on record has another text than the shipped file."""


class DatabaseBusy(MigrationRefused):
    """A lock could not be had in time; the same call may succeed later."""


class SchemaOutdated(RfmError):
    """The database lacks a migration that the command needs, or has it with another text."""


class BackfillStopped(RfmError):
    """A backfill did not come to its end; `done` tells how far it came, which stays so."""

    def __init__(self, message: str, done: Any) -> None:  # noqa: ANN401 - a rfm.db.Backfill
        super().__init__(message)
        self.done = done


class SchedulerMissing(RfmError):
    """The database has no pg_cron; the message has the lines for an ordinary crontab."""


class FileInTheWay(RfmError):
    """A file with another text stands where one should be written."""


class FoundDifference(RfmError):
    """Database and library disagree on a score."""
