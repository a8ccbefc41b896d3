"""Issues: what they are, what can be done to them, and what a viewer sees of them."""
