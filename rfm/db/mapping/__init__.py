"""Mappings: a CRM whose tables and columns have other names."""
