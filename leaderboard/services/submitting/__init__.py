"""What a submitter sends, until it is queued: uploads, files, requests and their checks, quota; the account's end."""
