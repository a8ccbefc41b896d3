"""What happened: typed actions, the immutable event, the one door that records, the chain, the words."""
