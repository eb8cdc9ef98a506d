"""Names that a mapping may have: whatever PostgreSQL takes."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from rfm import db
from rfm.testing import temporary_database
from tests.db.mapping.crm import Crm

names = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]),
    min_size=1,
    max_size=12,
).filter(lambda name: not re.search(r"\$\w*\$", name))
# no column of customers may be called as ours are, or as PostgreSQL's own: such a name is refused
names = names.map(lambda name: f"z{name}")


@settings(max_examples=10, deadline=None)
@given(st.lists(names, min_size=8, max_size=8, unique=True))
def test_any_names_will_do(drawn):
    schema, customers, key, mail, orders, customer, at, amount = drawn
    create = """
        create schema {schema};
        create table {customers} ({key} integer generated always as identity primary key, {mail} text);
        create table {orders} ({customer} integer, {at} timestamptz default now(), {amount} integer);
    """
    identifiers = {
        "schema": sql.Identifier(schema),
        "customers": sql.Identifier(schema, customers),
        "orders": sql.Identifier(schema, orders),
        **{
            n: sql.Identifier(v)
            for n, v in {
                "key": key,
                "mail": mail,
                "customer": customer,
                "at": at,
                "amount": amount,
            }.items()
        },
    }

    def select(text_):
        return sql.SQL(text_).format(**identifiers).as_string(None)

    mapping = db.Mapping.model_validate(
        {
            "customers": {
                "table": [schema, customers],
                "key": key,
                "key_type": "integer",
                "email": mail,
            },
            "orders": {
                "select": select(
                    "select {customer} as customer_id, {at} as ordered_at, {amount} as amount from {orders}"
                ),
                "tables": [
                    {
                        "table": [schema, orders],
                        "customer": customer,
                        "ordered_at": at,
                        "covering": [amount],
                    }
                ],
            },
            "timeline": [
                {
                    "type": mail,
                    "select": select(
                        "select {customer} as customer_id, {at} as created_at, 1 as activity_id, null::jsonb as metadata from {orders}"
                    ),
                }
            ],
        }
    )
    with temporary_database() as engine:
        crm = Crm(engine, mapping)
        with engine.begin() as connection:
            connection.connection.cursor().execute(sql.SQL(create).format(**identifiers))
        empty = crm.catalogue()
        crm.apply()
        [tables] = mapping.orders.tables
        crm.on(
            tables, "insert into {table} ({customer}, {amount}) values (%s, 300)", crm.customer()
        )
        crm.assert_true()
        assert [
            check
            for check in db.verify(crm.engine)
            if not check.passed and "timeline" not in check.fact.lower()
        ] == []
        db.rollback(crm.engine)
        assert crm.catalogue() == empty
