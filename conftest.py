"""README.md and docs/ are tests: the plugin collects them. Only this file may name it."""

pytest_plugins = ["tests.docs.documents"]
