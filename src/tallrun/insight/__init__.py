"""The insight room; see docs/architecture.md."""
