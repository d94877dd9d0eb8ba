"""One host as a target: releases as folders, processes that a supervisor keeps, a front that shares out requests.

    target ──► instances (files: what is wanted) ──► supervisor ──► processes
       └─────► front: haproxy (its runtime socket), envoy (a file that it watches)

What is wanted stands in files, so that deployer and supervisor may die, and the host start again, in any order.
"""
