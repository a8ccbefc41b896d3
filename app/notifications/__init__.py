"""What a person was told in the product, and their inbox."""
