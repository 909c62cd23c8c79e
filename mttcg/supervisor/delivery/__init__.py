"""The bus side of a run: streams, publisher, aggregators."""
