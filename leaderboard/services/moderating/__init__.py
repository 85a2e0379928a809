"""What admins decide, and what readers ask them to: moderation, accepted repairs, challenges."""
