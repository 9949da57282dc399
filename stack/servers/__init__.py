"""One module a server: how it is configured, started and asked whether it is ready."""
