"""What becomes of a queued submission: attempts, runs and their parts, queues, workers, and the published result."""
