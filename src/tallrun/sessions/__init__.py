"""The sessions room; see docs/architecture.md."""
