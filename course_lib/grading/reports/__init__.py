"""What comes out: tables and pages, marks for learning platforms, an item analysis, code for a search for copies.

All of it is made of the journal's records and nothing else. Names and messages hold strangers' text: ``text.py`` makes
it harmless for tables and file names, ``rendering.py`` for pages. ``pseudonyms.py`` takes the names out beforehand.
``publish.py`` writes what every batch leaves; ``formats/`` has a file for each format of ``course report``.
"""
