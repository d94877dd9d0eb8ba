"""What Fairlead is measured by: `make bench`, or `python -m bench [NAME …] [--quick] [--json FILE]`.

Each file of `measures` is one benchmark: it does the same work with Fairlead and with its peers in turn (A B A B …),
several times, and answers figures. Fairlead is measured as it is used: real `fairlead work` and `fairlead serve`
processes with logs and metrics on. May import: everything; nothing imports it.
"""
