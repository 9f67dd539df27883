"""From plain cells to what each cell of a learner's notebook gave.

rebuild.py        client.py ─▶ run.py (its kernel in ../sandbox)
"""
