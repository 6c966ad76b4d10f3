"""What the app carries along: weights with their cards, and the demo song with the score it is made from."""
