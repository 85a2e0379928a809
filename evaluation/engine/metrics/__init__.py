"""Predictions and labels to scores, on the trusted side. One file a kind of task."""
