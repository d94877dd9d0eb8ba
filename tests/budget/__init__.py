"""Two hundred callers on a budget for fifty calls, in several processes, with `kill -9` among them.

The judge stands outside: each call that is sent appends what it will cost to a file and syncs it, before anything else.
Whatever the database or our code believes, the sum of that file is what was spent.

    python -m tests.budget                      both databases, 1 and 4 processes, with kills, then each planted bug
    python -m tests.budget --rounds 5 --seed 7  more of it
"""
