"""Fairlead's own tests: real servers, real files, no mocks. `tests.crash` is the battery of faults."""
