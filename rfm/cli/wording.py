"""The library's messages in the words of the command line: options for arguments."""

import re
from collections.abc import Collection, Mapping

_CODE = re.compile(
    r"""`(?:(?P<argument>[a-z_]+)(?:=(?P<quote>['"]?)(?P<value>[^`'"]*)(?P=quote))?"""
    r"""|rfm\.(?:db\.)?(?P<function>[a-z_]+))`"""
)


def in_options(message: str, arguments: Collection[str], commands: Mapping[str, str]) -> str:
    """Write the code that a message of the library has between backticks as a user types it.

    arguments: the arguments of the command that failed.
    commands: for each function of the library that has a command, that command.

    What is neither stays as it is.

    >>> in_options("pass a smaller `min_customers`", ["min_customers"], {})
    'pass a smaller --min-customers'
    >>> in_options('pass for example `customer_id="buyer"`', ["customer_id"], {})
    'pass for example --customer-id buyer'
    >>> in_options("run `rfm.db.rescore_stale`", [], {"rescore_stale": "rfm db rescore-stale"})
    'run `rfm db rescore-stale`'
    """

    def typed(code: re.Match[str]) -> str:
        if code["argument"] in arguments:
            option = f"--{code['argument'].replace('_', '-')}"
            return f"{option} {code['value']}" if code["value"] else option
        return f"`{commands[code['function']]}`" if code["function"] in commands else code[0]

    return _CODE.sub(typed, message)
