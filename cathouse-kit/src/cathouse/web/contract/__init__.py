"""What clients read and write: the shapes that the HTTP contract is made of, and the document that says so."""
