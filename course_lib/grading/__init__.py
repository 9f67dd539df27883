"""Exercises out, submissions in, marks back: builds what learners get and grades what they hand in.

The rule: the learner's process turns inputs into outputs; another process, which it cannot reach, judges them.
"""
