"""The gait room; see docs/architecture.md."""
