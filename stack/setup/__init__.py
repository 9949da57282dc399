"""Set-up: the Python environments, the JVM artefacts and the JDKs, kept in a cache that clones share."""
