"""Slots: what a mapping replaces in the shipped files is marked, all of it, and nothing else."""

import re
from pathlib import Path

import pytest

from rfm import db
from rfm.db.mapping.slots import SLOTS, render
from rfm.db.mapping.template import InvalidSlot, plain, slot_names

MAPPINGS = sorted((Path(__file__).parent / "schemas").glob("*.toml"))
SQL = Path(__file__).parents[3] / "sql"
SCRIPTS = {
    str(path.relative_to(SQL)): path.read_text()
    for path in sorted(SQL.rglob("*.sql"))
    if path.parent.name != "demo"  # the base tables themselves
}
# These two ask for the default tables themselves.
for one in (
    "queries/maintenance/required_tables.sql",
    "internal/mapping/default_tables_in_use.sql",
):
    SCRIPTS.pop(one)
every_script = pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
every_mapping = pytest.mark.parametrize(
    "mapping", [db.Mapping.read(path) for path in MAPPINGS], ids=[path.stem for path in MAPPINGS]
)

BLOCKS_WITH_TABLES = ("activities_select", "orders_select", "deals_select")


def code(script):
    """Return a script without its comments, but with its slots."""
    return re.sub(r"--(?! slot )[^\n]*", "", script)


def without_slots(script):
    """Return what a mapping leaves as it is."""
    for block in BLOCKS_WITH_TABLES:
        script = re.sub(rf"-- slot {block}\n.*?-- slot ends", "", script, flags=re.DOTALL)
    return re.sub(r"/\* slot \w+ \*/ ('[^']*'|[\w.]+)", "", script)


@every_script
def test_every_slot_is_known(script):
    assert slot_names(script) <= set(SLOTS)


def test_every_known_slot_is_used_in_a_file():
    assert set(SLOTS) == set().union(*map(slot_names, SCRIPTS.values()))


@every_script
def test_no_table_of_the_crm_stands_outside_of_a_slot(script):
    tables = r"\bpublic\.(customers|orders|messages|deals)\b"
    assert not re.search(tables, without_slots(code(script)))


@every_script
def test_no_key_of_the_customers_stands_outside_of_a_slot(script):
    assert not re.search(r"\b(new|old)\.id\b", without_slots(code(script)))
    for statement in code(script).split(";"):
        aliases = re.findall(r"/\* slot customers \*/ public\.customers as (\w+)", statement)
        for alias in aliases:
            assert not re.search(rf"\b{alias}\.id\b", without_slots(statement))


@every_script
def test_no_slot_stands_inside_of_a_text(script):
    # a quoted name may hold a quote of its own
    for text in re.findall(r"'(?:[^']|'')*'", code(script)):
        assert "slot" not in text


@every_mapping
@every_script
def test_a_mapping_leaves_no_slot_and_no_default_table(script, mapping):
    rendered = code(render(script, mapping))
    assert "slot " not in rendered
    assert not re.search(r"public\.(customers|orders|messages|deals)\b", rendered)


@every_script
def test_other_names_leave_no_trace_of_the_default_ones(script):
    mapping = db.Mapping.read(next(path for path in MAPPINGS if path.stem == "two_order_tables"))
    rendered = code(render(script, mapping))
    assert not re.search(r"\b(uuid|new\.id|total_cents|value_cents)\b", rendered)


def test_without_a_mapping_the_files_are_what_ships():
    for script in SCRIPTS.values():
        assert render(script, None) is script


def test_a_slot_that_does_not_exist_raises(two_order_tables):
    with pytest.raises(InvalidSlot, match="there is no slot 'customer'; the slots are customers"):
        render("select from /* slot customer */ public.customers", two_order_tables)
    with pytest.raises(InvalidSlot, match="there is no slot 'customer'"):
        render("-- slot customer\n-- slot ends\n", two_order_tables)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("-- slot orders_select\nselect 1;\n", "slot 'orders_select' does not end"),
        ("select 1;\n-- slot ends\n", "a slot ends that did not begin"),
        ("lock table /* slot order_table */ public.orders", "outside of each_order_table"),
        ("lock table /* slot customers */ public.orders", "not before public.customers"),
    ],
)
def test_a_slot_in_the_wrong_place_raises(two_order_tables, script, says):
    with pytest.raises(InvalidSlot, match=says):
        render(script, two_order_tables)


def test_a_block_of_each_order_table_is_repeated_with_its_names(two_order_tables):
    script = (
        "-- slot each_order_table\n"
        "create index /* slot order_index */ idx_orders on /* slot order_table */ public.orders\n"
        "(/* slot order_customer */ customer_id)\n"
        "-- slot order_covering\n"
        "include (total_cents)\n"
        "-- slot ends\n"
        "-- slot order_condition\n"
        "where status is null;\n"
        "-- slot ends\n"
        "-- slot ends\n"
    )
    assert render(script, two_order_tables) == (
        'create index idx_orders on "shop"."web_orders"\n("buyer_id")\ninclude ("total")\n;\n'
        'create index idx_orders_2 on "shop"."till_receipts"\n("card_holder")\ninclude ("cents")\n;\n'
    )
    assert plain(script) == (
        "create index idx_orders on public.orders\n(customer_id)\ninclude (total_cents)\n"
        "where status is null;\n"
    )


@pytest.fixture
def two_order_tables():
    return db.Mapping.read(next(path for path in MAPPINGS if path.stem == "two_order_tables"))
