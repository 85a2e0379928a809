"""What a board shows: standings, the claim lint's findings, cards, exports; catching up with late ones."""
