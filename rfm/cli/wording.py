"""The library's messages in the words of the command line: options for arguments."""

import ast
import re
import shlex
from collections.abc import Mapping

_CODE = re.compile(
    r"`(?:(?P<argument>[a-z_]+)(?:=(?P<value>[^`]*))?|rfm\.(?:db\.)?(?P<function>[a-z_]+))`"
)


def in_options(message: str, arguments: Mapping[str, str], commands: Mapping[str, str]) -> str:
    """Write the code that a message of the library has between backticks as a user types it.

    arguments: for each argument of the command, the option that it is typed as.
    commands: for each function of the library that has a command, that command.

    What is neither stays as it is.

    >>> in_options("pass a smaller `min_customers`", {"min_customers": "--min-customers"}, {})
    'pass a smaller --min-customers'
    >>> in_options('pass for example `customer_id="buyer"`', {"customer_id": "--id"}, {})
    'pass for example --id buyer'
    >>> in_options("run `rfm.db.rescore_stale`", {}, {"rescore_stale": "rfm db rescore-stale"})
    'run `rfm db rescore-stale`'
    """

    def typed(code: re.Match[str]) -> str:
        if code["argument"] in arguments:
            return " ".join([arguments[code["argument"]], *_words(code["value"])])
        return f"`{commands[code['function']]}`" if code["function"] in commands else code[0]

    return _CODE.sub(typed, message)


def _words(value: str | None) -> list[str]:
    """Write the value of an argument as a shell takes it; True is the option alone."""
    if value is None or value == "True":
        return []
    try:
        found = ast.literal_eval(value)
    except (SyntaxError, ValueError):
        found = value
    return [shlex.quote(",".join(found) if isinstance(found, list) else str(found))]
