"""The parts of ./dev bench: each has run(options) and gives rows of the table."""
