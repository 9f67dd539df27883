"""From a folder or a zip of strangers' files to plain cells, the exercise they are of, and the version of it.

zips.py ─▶ listing.py, lms_names.py ─▶ layouts.py ─▶ choosing.py ─▶ submissions.py
read.py, code.py ─▶ recognise.py
"""
