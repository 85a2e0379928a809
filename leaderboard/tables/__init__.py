"""Tables of results as the field writes them, one file a format, and the neutral form between them and the database."""
