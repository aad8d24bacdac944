"""The cohort room; see docs/architecture.md."""
