"""The sensors room; see docs/architecture.md."""
