"""What people and their servers are told of what happened: notices, mails, webhooks and their deliveries."""
