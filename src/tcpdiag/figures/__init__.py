"""Figures: one file a plot. `spec(...)` computes what is drawn, `draw(spec, axes)` draws it.

matplotlib is imported here alone, and only when something is drawn.
"""
