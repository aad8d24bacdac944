"""Plain helpers that several test files share."""
