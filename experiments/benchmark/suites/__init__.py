"""The suites: each file has a `run(config, progress)` that gives what it measured."""
