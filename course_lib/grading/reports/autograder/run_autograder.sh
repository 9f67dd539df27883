#!/usr/bin/env bash
# Grades /autograder/submission and writes /autograder/results/results.json; Gradescope runs it for each submission.
cd /autograder
exec source/.venv/bin/python source/run_autograder.py
