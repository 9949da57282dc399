"""The single source of truth: what is on every topic, and where everything is."""
