"""The ble room; see docs/architecture.md."""
