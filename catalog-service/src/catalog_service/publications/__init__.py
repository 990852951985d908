"""Publications: a cat's way from draft to the catalog and back."""
