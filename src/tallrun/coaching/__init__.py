"""The coaching room; see docs/architecture.md."""
