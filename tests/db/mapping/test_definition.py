"""The text of a mapping: what it may say."""

import pytest

from rfm import db
from rfm.errors import InvalidMapping
from tests.db.mapping.crm import changed

INVALID = {
    "": "3 problems in the mapping:\n  - customers: Field required",
    "customers = [": "the mapping is not valid TOML",
    changed(
        "another_schema", 'key_type = "uuid"', 'key_type = "money"'
    ): "customers.key_type: Input should be 'uuid'",
    changed(
        "another_schema", 'email = "email"', 'mail = "email"'
    ): "customers.mail: Extra inputs are not permitted",
    changed("another_schema", 'table = "app.people"', 'table = "db.app.people"'): "several dots",
    changed("another_schema", 'key = "id"', f'key = "{"x" * 64}"'): "1 to 63 bytes",
    changed("another_schema", 'key = "id"', 'key = ""'): "cannot be a name",
    changed("another_schema", 'key = "id"', 'key = "$cron$"'): "would end a function's text",
}


@pytest.mark.parametrize(("toml", "says"), INVALID.items())
def test_an_invalid_mapping_says_what_is_wrong(toml, says):
    with pytest.raises(InvalidMapping) as caught:
        db.Mapping.parse(toml)
    assert says in str(caught.value)


def test_a_mapping_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(InvalidMapping, match=r"rfm\.toml cannot be read"):
        db.Mapping.read(tmp_path / "rfm.toml")
