"""Plain data types and small numerical building blocks that know nothing about running."""
