"""The production server under readers, submissions and slow uploads at once."""
