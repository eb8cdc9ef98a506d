"""Arguments of another type than a function takes: one error that says what to pass."""

from rfm.errors import InvalidArgument


def check_type(value: object, kind: type | tuple[type, ...], wanted: str) -> None:
    """Raise `InvalidArgument` unless a value has the type, or one of the types.

    wanted: what to pass, with its article. A bool is not taken for an int.

    >>> check_type("1", int, "the number of a stored model")
    Traceback (most recent call last):
    rfm.errors.InvalidArgument: pass the number of a stored model, not a str
    """
    if isinstance(value, kind) and not (isinstance(value, bool) and kind is int):
        return
    raise InvalidArgument(f"pass {wanted}, not {article(type(value).__name__)}")


def article(name: str) -> str:
    """Return a word with `a` or `an` before it."""
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
