"""Programs that other engines run for the comparison, each in an environment of its own; none is imported here."""
