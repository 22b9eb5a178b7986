"""What is wrong with codes: checks with exact or nearly exact null distributions at every n and D."""
