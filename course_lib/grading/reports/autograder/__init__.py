"""What the zip for Gradescope holds besides the course; ``formats/gradescope_autograder.py`` puts it together."""
