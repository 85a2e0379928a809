"""What changes stored state, a room for each matter. Beside the rooms: what all of them use."""
