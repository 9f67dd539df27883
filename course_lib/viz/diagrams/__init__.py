"""Drawings of models: one language of boxes and arrows for all lessons, and a drawing for each model."""
