"""What is wrong with what a user gave."""


class SettingsError(ValueError):
    """A settings file, or a file that it names, that cannot be used: one line for each mistake."""
