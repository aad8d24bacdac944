"""The recovery room; see docs/architecture.md."""
