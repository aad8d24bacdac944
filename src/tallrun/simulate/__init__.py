"""The simulate room; see docs/architecture.md."""
