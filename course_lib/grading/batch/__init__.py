"""A folder of submissions in, marks out: several notebooks at a time, on this machine or on a cluster.

rules.py        worker.py ─▶ pool.py, cluster.py ─▶ folder.py
"""
