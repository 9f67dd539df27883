"""What runs beside a learner's code, and nothing else: this floor lies below ``tasks`` and can't import a right answer.

The grader's sandbox holds it whole. ``calls.py``: how an answer is called and what comes back is named;
``collect.py`` and ``transport.py``: inputs on their way in, outputs on their way out; ``exNN.py``: the probes of one
exercise.
"""
