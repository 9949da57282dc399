"""The commands, one module an area; each has `register(app)` and imports what it needs when it is called."""
